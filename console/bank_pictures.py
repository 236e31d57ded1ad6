"""Pictures of items at the desk: the one of a form, those beside a file, and all of an export in one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from flask import request
from msgspec import Struct

from console.access import here
from console.desk import ask, desk, now
from console.pictures import take_in
from content.bank import LONGEST_ALTERNATIVE, Item, tidy
from content.bank_pictures import MOST_AT_ONCE, Files, compared, hashes
from content.decision import Refusal, refused
from content.gift import write_gift
from content.media import Medium, MediumKept
from storage import media
from storage.unit import Reading

QUESTIONS = "questions.gift.txt"


class Chosen(Struct, frozen=True, kw_only=True):
    """The picture that stands in an item's form: kept already, or ``came`` and waiting on the shelf under a ``key``."""

    medium: Medium | None = None
    came: tuple[MediumKept, ...] = ()
    key: str = ""
    alternative: str = ""


def chosen(before: Item | None) -> tuple[Chosen, Refusal | None]:
    """Return the picture of the form that was sent, and why a new one cannot be shown."""
    alternative = tidy(request.form.get("alternative", ""))[: LONGEST_ALTERNATIVE + 1]
    file, trouble = request.files.get("picture"), None
    if file is not None and file.filename:
        taken = take_in(file.read(), file.filename)
        if isinstance(taken, MediumKept):
            key = desk().shelf.put(here().session.family, taken, now=now())
            return Chosen(medium=taken.described(alternative), came=(taken,), key=key, alternative=alternative), None
        trouble = Refusal(words=taken.words, field="picture")
    if request.form.get("remove"):
        return Chosen(), trouble
    key = request.form.get("shelved", "")
    came = desk().shelf.get(here().session.family, key) if key else None
    if isinstance(came, MediumKept):
        return Chosen(medium=came.described(alternative), came=(came,), key=key, alternative=alternative), trouble
    if key:
        trouble = trouble or refused("item.picture_gone", field="picture")
    held = before.picture if before is not None and request.form.get("kept") else None
    if held is None:
        if alternative:
            trouble = trouble or refused("item.alternative_alone", field="picture")
        return Chosen(alternative=alternative), trouble
    medium = Medium(hash=held.hash, name=held.name, alternative=alternative, size=held.size)
    return Chosen(medium=medium, alternative=alternative), trouble


def waiting(keys: Sequence[str]) -> dict[str, MediumKept]:
    """Return what of these keys still lies on the shelf."""
    found = {key: desk().shelf.get(here().session.family, key) for key in keys[:MOST_AT_ONCE]}
    return {key: one for key, one in found.items() if isinstance(one, MediumKept)}


def beside() -> tuple[Files, dict[str, str]] | Refusal:
    """Take in the pictures that came beside a file: by their names, and the keys under which they wait, by hash."""
    files = [one for one in request.files.getlist("pictures") if one.filename]
    if len(files) > MOST_AT_ONCE:
        return refused("bank_file.too_many_pictures", field="pictures", most=MOST_AT_ONCE)
    found: dict[str, MediumKept | Refusal] = {}
    keys: dict[str, str] = {}
    for one in files:
        taken = take_in(one.read(), one.filename or "")
        found[compared(one.filename or "")] = taken
        if isinstance(taken, MediumKept):
            keys[taken.hash] = desk().shelf.put(here().session.family, taken, now=now())
    return found, keys


def archive(items: Sequence[Item], most: int) -> bytes | None:
    """Return items as GIFT text in one archive with their pictures, ``None`` where these weigh more than ``most``."""
    names, out = hashes(items), io.BytesIO()

    async def read(unit: Reading) -> bool:
        stored = {name: await media.medium(unit, of) for name, of in names.items()}
        held = {name: one for name, one in stored.items() if one is not None}
        if sum(one.size for one in held.values()) > most:
            return False
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as whole:
            whole.writestr(QUESTIONS, write_gift(items))
            for name, one in held.items():
                with whole.open(name, "w") as entry:
                    for place in range(one.pieces):
                        entry.write(await media.piece(unit, one.hash, place))
        return True

    return out.getvalue() if ask(read) else None
