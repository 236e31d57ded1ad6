"""Pictures, videos and documents of lessons: what is known of each, how heavy it is, and what may not be sent."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from content.decision import Fact, Refusal, Words, refused, words

MEBIBYTE = 1024 * 1024
LARGEST_BYTES = 50 * MEBIBYTE
"""Of one medium, whatever the homeserver would take: the bytes lie in the database and travel to every phone."""

ASSUMED_LIMIT = 50 * MEBIBYTE
"""What a homeserver takes in one upload when it has not said so: Synapse's own default."""

_UNSEEN = re.compile("[\x80-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\/:*?\"<>|]+")

LARGE_VIDEO = 5 * MEBIBYTE
"""From here on a member is told to watch where it costs nothing."""


class Kind(StrEnum):
    """What a medium is; it decides how a chat client shows it."""

    PICTURE = "picture"
    VIDEO = "video"
    DOCUMENT = "document"


class Medium(Struct, frozen=True, kw_only=True):
    """A medium of a lesson: the SHA-256 of its bytes, and the words for who cannot see it.

    ``size`` is in bytes, 0 where nobody wrote it down; ``seconds`` and ``pages`` are ``None`` where unknown.
    """

    hash: str
    name: str
    alternative: str = ""
    kind: Kind = Kind.PICTURE
    size: int = 0
    seconds: int | None = None
    pages: int | None = None


class MediumKept(Fact, frozen=True, kw_only=True):
    """The bytes of a medium were taken in, once for each content; ``width`` and ``height`` are pixels, 0 if unknown."""

    hash: str
    name: str
    mimetype: str
    data: bytes
    width: int
    height: int
    kind: Kind = Kind.PICTURE
    seconds: int | None = None
    pages: int | None = None

    def described(self, alternative: str, name: str = "") -> Medium:
        """Return it as a lesson refers to it, under its own name where no other is given."""
        return Medium(
            hash=self.hash,
            name=name or self.name,
            alternative=alternative,
            kind=self.kind,
            size=len(self.data),
            seconds=self.seconds,
            pages=self.pages,
        )


def shown_name(filename: str) -> str:
    """Return a file's name as a label: never a path, never empty, and one that can be written to any disk."""
    last = re.split(r"[\\/]", _UNSEEN.sub("", filename))[-1]
    return _UNFIT.sub(" ", last).strip(" .")[:80].rstrip(" .") or "picture"


def neutral_name(kind: Kind, mimetype: str) -> str:
    """Return a name for a medium that gives nothing away, neither an answer nor whose it was first."""
    return f"{kind}{mimetypes.guess_extension(mimetype) or ''}"


def caption(medium: Medium) -> Words:
    """Return what stands beside a medium in its room: what it is, and what opening it asks of a phone."""
    name = medium.alternative or medium.name
    match medium.kind:
        case Kind.PICTURE:
            return words("card.picture", name=name)
        case Kind.VIDEO:
            length = f"{medium.seconds // 60}:{medium.seconds % 60:02}" if medium.seconds is not None else ""
            details = " · ".join(part for part in (length, weight(medium.size)) if part)
            key = "card.video_large" if medium.size >= LARGE_VIDEO else "card.video"
            return words(key, name=name, details=details)
        case Kind.DOCUMENT if medium.pages:
            return words("card.document_paged", name=name, n=medium.pages, details=weight(medium.size))
        case _:
            return words("card.document", name=name, details=weight(medium.size))


def weight(size: int) -> str:
    """Write a number of bytes as people do, rounded up."""
    if size >= MEBIBYTE:
        return f"{-(-size // MEBIBYTE)} MB"
    return f"{-(-size // 1024)} kB"


def allowance(limit: int) -> str:
    """Write a limit in bytes as people do, rounded down."""
    return f"{limit // MEBIBYTE} MB" if limit >= MEBIBYTE else f"{limit // 1024} kB"


def most_bytes(limit: int | None) -> int:
    """Return how large a medium may be; ``limit`` is the homeserver's, ``None`` while it has not said."""
    return min(LARGEST_BYTES, ASSUMED_LIMIT if limit is None else limit)


def refuse_larger(media: Iterable[Medium], *, limit: int | None, field: str = "media") -> Refusal | None:
    """Refuse media that the homeserver would not take, before anything is planned with them."""
    most = most_bytes(limit)
    for medium in media:
        if medium.size > most:
            size, allowed = weight(medium.size), allowance(most)
            return refused("medium.too_large", field=field, name=medium.name, size=size, most=allowed)
    return None
