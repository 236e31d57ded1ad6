"""Which message of a card shows what: as it was posted, and as corrections have rearranged it since."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from content.cards import Message, Say, Standing, compose, text_parts
from content.lessons import Lesson


class Place(Struct, frozen=True, kw_only=True):
    """One message of a card by its number ``part``: it shows a medium (its hash), or the text of a number from 0."""

    part: int
    medium: str | None = None
    text: int | None = None


class Layout(Struct, frozen=True, kw_only=True):
    """All messages of a card that still stand; ``live`` is the one with the numbers, ``following`` the next free one.

    A card is laid out alike in all its rooms. The live message stays the same event for as long as the card stands,
    because answers refer to it.
    """

    live: int
    following: int
    places: tuple[Place, ...]


class Change(Struct, frozen=True, kw_only=True):
    """What a correction does to the messages of a card, by their numbers: edit, append, take back."""

    layout: Layout
    amended: tuple[int, ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]


def first_layout(lesson: Lesson) -> Layout:
    """Return how a card is posted: media first, then the text, the live message last."""
    media = [Place(part=part, medium=medium.hash) for part, medium in enumerate(lesson.media)]
    texts = [Place(part=len(media) + number, text=number) for number in range(text_parts(lesson))]
    total = len(media) + len(texts)
    return Layout(live=total - 1, following=total, places=(*media, *texts))


def rearrange(layout: Layout, lesson: Lesson) -> Change:
    """Fit another revision into the messages that stand.

    Media that stay are left alone, others are taken back, new ones are appended. Text goes into the standing texts in
    reading order, so that the live message keeps the numbers; what is too long for them is appended, and messages
    that are no longer needed are taken back.
    """
    wanted = Counter(medium.hash for medium in lesson.media)
    kept: list[Place] = []
    removed: list[int] = []
    for place in layout.places:
        if place.medium is None:
            continue
        if wanted[place.medium]:
            wanted[place.medium] -= 1
            kept.append(place)
        else:
            removed.append(place.part)
    texts = [place for place in layout.places if place.text is not None]
    until_live = [place for place in texts if place.part <= layout.live]
    count = text_parts(lesson)
    used = texts[:count] if count >= len(until_live) else [*until_live[: count - 1], until_live[-1]]
    removed += [place.part for place in texts if place not in used]
    following = layout.following
    added: list[Place] = []
    for medium in lesson.media:
        if wanted[medium.hash]:
            wanted[medium.hash] -= 1
            added.append(Place(part=following + len(added), medium=medium.hash))
    for number in range(len(used), count):
        added.append(Place(part=following + len(added), text=number))
    amended = [replace(place, text=number) for number, place in enumerate(used)]
    places = sorted([*kept, *amended, *added], key=lambda place: place.part)
    return Change(
        layout=Layout(live=layout.live, following=following + len(added), places=tuple(places)),
        amended=tuple(place.part for place in amended),
        added=tuple(place.part for place in added),
        removed=tuple(sorted(removed)),
    )


def messages(layout: Layout, lesson: Lesson, standing: Standing, say: Say) -> dict[int, Message]:
    """Return what each message of a card shows, by its number."""
    live = next(place.text for place in layout.places if place.part == layout.live)
    composed = compose(lesson, standing, say, live=live)
    media = {message.medium.hash: message for message in composed if message.medium is not None}
    texts = [message for message in composed if message.medium is None]
    shown: dict[int, Message] = {}
    for place in layout.places:
        if place.text is not None:
            shown[place.part] = texts[place.text]
        elif place.medium in media:
            shown[place.part] = media[place.medium]
    return shown
