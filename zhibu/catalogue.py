"""Reads the catalogues: every sentence that people see, in every language, from the ``.po`` files of content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import content
from content.speech import LANGUAGES, Sentence, Speech

FOLDER = Path(content.__file__).parent / "locale" / "parts"


@cache
def load_speech(folder: Path = FOLDER) -> Speech:
    """Return all sentences, each language read when it is first spoken; many branches speak one only.

    Each feature has a file of its own, ``<noun>.<language>.po``. Speaking raises ValueError as ``read_sentences`` does.
    """
    return Speech(_Languages(folder))


class _Languages(Mapping[str, Mapping[str, Sentence]]):
    """The sentences of every language by its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, dict[str, Sentence]] = {}

    def __getitem__(self, language: str) -> Mapping[str, Sentence]:
        if language not in LANGUAGES:
            raise KeyError(language)
        if language not in self._read:
            self._read[language] = read_sentences(self._folder, language)
        return self._read[language]

    def __contains__(self, language: object) -> bool:
        return language in LANGUAGES

    def __iter__(self) -> Iterator[str]:
        return iter(LANGUAGES)

    def __len__(self) -> int:
        return len(LANGUAGES)


def read_sentences(folder: Path, language: str) -> dict[str, Sentence]:
    """Return the sentences of one language by their keys.

    Raises ValueError when a file is not written as ours are, or a key is said twice or not at all.
    """
    sentences: dict[str, Sentence] = {}
    for file in sorted(folder.glob(f"*.{language}.po")):
        try:
            for key, *forms in _messages(file.read_text(encoding="utf-8")):
                if key in sentences or not all(forms):
                    raise ValueError(f"{key} is empty or said twice")
                sentences[key] = Sentence(one=forms[0], many=forms[1] if len(forms) > 1 else None)
        except ValueError as error:
            raise ValueError(f"{file.name}: {error}") from None
    return sentences


def _messages(text: str) -> Iterator[list[str]]:
    """Yield the key of each message and its forms; the message of no key, in which tools keep notes, is left out."""
    message: list[str] = [""]
    for number, line in enumerate(text.split("\n"), start=1):
        word, quote, _ = line.partition('"')
        if not quote or word.startswith("#"):
            if line and not line.startswith("#"):
                raise ValueError(f"line {number} is none of a catalogue")
            continue
        said = json.loads(line[len(word) :])
        match word:
            case "msgid ":
                if message[0]:
                    yield message
                message = [said]
            case "msgstr " | "msgstr[0] " | "msgstr[1] ":
                message.append(said)
            case "":
                message[-1] += said
            case "msgid_plural ":
                pass
            case _:
                raise ValueError(f"line {number} is none of a catalogue")
    if message[0]:
        yield message
