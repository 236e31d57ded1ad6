"""Pictures in the stems of items: found by name among the files that came along, and named apart when they leave."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from content.bank import Item
from content.decision import Refusal, refused
from content.media import Medium, MediumKept, shown_name

Files = Mapping[str, MediumKept | Refusal]
"""What came along with a file of items, by its name as names are compared; why, where it cannot be shown."""

MOST_AT_ONCE = 30
"""How many pictures may be sent beside one file of items."""


def compared(name: str) -> str:
    """Return a file's name as names are compared: of two that look the same a disk may hold only one."""
    return unicodedata.normalize("NFKC", shown_name(name)).casefold().strip()


def find(name: str, alternative: str, files: Files) -> Medium | Refusal | None:
    """Return the picture that an item names, ``None`` where it names none."""
    if not name:
        return refused("bank_file.alternative_alone") if alternative else None
    found = files.get(compared(name))
    if found is None:
        return refused("bank_file.no_picture", name=name[:60])
    return found if isinstance(found, Refusal) else found.described(alternative, shown_name(name))


def named_apart(items: Sequence[Item], taken: Collection[str] = ()) -> tuple[Item, ...]:
    """Return items whose pictures can lie in one folder: each under a name of its own, and of none that is taken."""
    held = {compared(name): "" for name in taken}
    return tuple(_apart(one, held) for one in items)


def _apart(item: Item, held: dict[str, str]) -> Item:
    picture = item.picture
    if picture is None:
        return item
    plain = shown_name(picture.name)
    name, number = plain, 1
    while held.setdefault(compared(name), picture.hash) != picture.hash:
        number += 1
        name = shown_name(f"{number}-{plain}")
    return replace(item, picture=replace(picture, name=name))


def hashes(items: Iterable[Item]) -> dict[str, str]:
    """Return the hash of each picture by the name under which these items show it."""
    return {one.picture.name: one.picture.hash for one in items if one.picture is not None}
