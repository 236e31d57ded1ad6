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


_FORMS = frozenset({"msgstr ", "msgstr[0] ", "msgstr[1] "})
_WORDS = _FORMS | {"msgid ", "msgid_plural ", ""}
"""What may stand before a text in quotes; nothing where the text goes on."""


def _messages(text: str) -> Iterator[list[str]]:
    """Yield the key of each message and its forms; the message of no key, in which tools keep notes, is left out."""
    words: list[str] = []
    quoted: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        word, quote, _ = line.partition('"')
        if not quote or word not in _WORDS:
            raise ValueError(f"line {number} is none of a catalogue")
        words.append(word)
        quoted.append(line[len(word) :])
    # All at once: every start waits for this, and there are thousands.
    texts = json.loads(f"[{','.join(quoted)}]")
    if len(texts) != len(words):
        raise ValueError("a line holds more than one text")
    message: list[str] = [""]
    for word, said in zip(words, texts, strict=True):
        if word == "msgid ":
            if message[0]:
                yield message
            message = [said]
        elif word in _FORMS:
            message.append(said)
        elif not word:
            message[-1] += said
    if message[0]:
        yield message
