"""The rail and the keys: one table, from which every page's rail, the dialog of keys and the page of help are made."""

from __future__ import annotations

from console.access import Here
from content.organisations import Right

RAIL: tuple[tuple[str, str, str, Right | None], ...] = (
    ("home.show", "home", "g h", None),
    ("calendar.show", "calendar", "g c", None),
    ("lessons.show", "lessons", "g l", None),
    ("participation.show", "participation", "g p", None),
    ("checkins.show", "checkins", "g i", None),
    ("polls.show", "polls", "g v", None),
    ("ballots.show", "ballots", "g b", None),
    ("corrections.show", "corrections", "g e", Right.RECORD),
    ("help_cases.show", "help_cases", "g k", Right.HANDLE_HELP),
    ("members.show", "members", "g m", Right.READ_MEMBERS),
    ("structure.show", "structure", "g t", None),
    ("duties.show", "duties", "g d", Right.READ_MEMBERS),
    ("rooms.show", "rooms", "g r", Right.MANAGE_ROOMS),
    ("cases.show", "cases", "g x", Right.MODERATE),
    ("outbox.show", "outbox", "g o", None),
    ("audit.show", "audit", "g a", Right.RECORD),
    ("health.show", "health", "g s", Right.OPERATE),
)
"""Each page of the rail: its address, the last part of its name's key, its keys, and the right that it needs."""

_BELOW: dict[str, tuple[str, ...]] = {
    "calendar": ("feeds", "missed", "reviews", "schedules", "series", "shifts", "workdays"),
    "lessons": ("bank", "glossary", "lectures"),
    "participation": ("burden", "digests", "hours", "reports"),
    "checkins": (
        "activities",
        "activity_changes",
        "albums",
        "amendments",
        "meetings",
        "minutes",
        "pledges",
        "records",
        "resolutions",
        "roll_calls",
        "sign_ups",
        "texts",
        "year",
    ),
    "ballots": (
        "appraisals",
        "ballot_approvals",
        "election_meetings",
        "elections",
        "electronic_elections",
        "model_members",
        "surveys",
        "tellers",
    ),
    "members": (
        *("accounts", "away", "dues", "dues_handovers", "dues_members", "edits", "erasure", "imports", "leaving"),
        "thought_reports",
    ),
    "cases": ("cleanings", "complaints", "greetings", "guards", "knocks", "locks", "moderation_counts", "policies"),
    "outbox": ("unheard",),
}
"""Which rooms of the console have no place of their own on the rail, by the page of the rail under which they are."""

_WITHIN = {name: above for above, names in _BELOW.items() for name in names}

ACTIONS: tuple[tuple[str, str], ...] = (
    ("/", "search"),
    ("j", "next"),
    ("k", "previous"),
    ("m", "move"),
    ("n", "make"),
    ("u", "undo"),
    ("← → ↑ ↓", "arrows"),
    ("?", "help"),
    ("Esc", "close"),
)
"""Each key that does something on a page, and the last part of the sentence that says what."""


def rail(here: Here) -> list[tuple[str, str, str]]:
    """Return the pages of the rail that a person may see, where they are in the tree."""
    return [(page, name, keys) for page, name, keys, right in RAIL if right is None or here.may(right)]


def section_of(endpoint: str) -> str:
    """Return the page of the rail under which a page is, or the room of a page that is under none."""
    name = endpoint.split(".")[0]
    return _WITHIN.get(name, name)
