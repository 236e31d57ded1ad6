"""Reads the catalogues: every sentence that people see, in every language, from the ``.po`` files of content."""

from __future__ import annotations

from pathlib import Path

from babel.messages.pofile import read_po

import content
from content.speech import LANGUAGES, Sentence, Speech

FOLDER = Path(content.__file__).parent / "locale" / "parts"


def load_speech(folder: Path = FOLDER) -> Speech:
    """Return all sentences; each feature has a file of its own, ``<noun>.<language>.po``.

    Raises ValueError when a key is said twice or not at all.
    """
    return Speech({language: _read(folder, language) for language in LANGUAGES})


def _read(folder: Path, language: str) -> dict[str, Sentence]:
    sentences: dict[str, Sentence] = {}
    for file in sorted(folder.glob(f"*.{language}.po")):
        with file.open("rb") as handle:
            catalogue = read_po(handle, locale=language)
        for message in catalogue:
            if not message.id:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
            if key in sentences or not all(forms):
                raise ValueError(f"{file.name}: {key} is empty or said twice")
            sentences[key] = Sentence(one=forms[0], many=forms[1] if len(forms) > 1 else None)
    return sentences
