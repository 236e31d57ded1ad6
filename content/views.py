"""Which part of the roster somebody looks at, and the parts that they have given a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import Cause, OrganisationId, UserId, ViewId, derive

LONGEST_TEXT = 80
LONGEST_NAME = 40
MOST_VIEWS = 30

UNSAID = "-"
"""Stands in an address for the kind of member that nobody has filled in."""


class Account(StrEnum):
    """Whether a member has a Matrix account."""

    BOUND = "bound"
    UNBOUND = "unbound"


class Away(StrEnum):
    """Why a member may not be there."""

    ON_LEAVE = "on_leave"
    FLOATING = "floating"
    OUT_OF_TOUCH = "out_of_touch"


class Order(StrEnum):
    """In which order members are wanted, where it is not that of the names as they are stored."""

    STROKES = "strokes"


class Filter(Struct, frozen=True, kw_only=True):
    """Which members are wanted, and in which order; what is empty or None lets everyone through."""

    text: str = ""
    place: OrganisationId | None = None
    category: str = ""
    account: Account | None = None
    away: Away | None = None
    order: Order | None = None

    @property
    def narrows(self) -> bool:
        """Tell whether anyone may be left out."""
        return bool(self.query.keys() - {"order"})

    @property
    def query(self) -> dict[str, str]:
        """Return the filter as an address carries it."""
        named = {
            "q": self.text,
            "place": self.place,
            "category": self.category,
            "account": self.account,
            "away": self.away,
            "order": self.order,
        }
        return {name: str(value) for name, value in named.items() if value}


EVERYONE = Filter()


def filter_from(values: Mapping[str, str]) -> Filter:
    """Read a filter from an address; what makes no sense there is left out."""
    account, away, order = (values.get(name, "") for name in ("account", "away", "order"))
    place = values.get("place", "")[:32]
    return Filter(
        text=values.get("q", "").strip()[:LONGEST_TEXT],
        place=OrganisationId(place) if place else None,
        category=values.get("category", "").strip()[:20],
        account=Account(account) if account in {*Account} else None,
        away=Away(away) if away in {*Away} else None,
        order=Order(order) if order in {*Order} else None,
    )


class View(Struct, frozen=True, kw_only=True):
    """A part of the roster that one person has given a name; nobody else sees it."""

    id: ViewId
    user: UserId
    name: str
    wanted: Filter


class ViewSaved(Fact, frozen=True, kw_only=True):
    """A person gave a name to a part of the roster, or the name to another part."""

    view: View


class ViewForgotten(Fact, frozen=True, kw_only=True):
    """A person no longer needs a view."""

    view: ViewId


def save_view(name: str, wanted: Filter, *, user: UserId, present: Sequence[View], cause: Cause) -> Decision | Refusal:
    """Keep a filter under a name; a name that is there already means the new filter from now on."""
    name = " ".join(name.split())
    if not name:
        return refused("views.no_name", field="name")
    if len(name) > LONGEST_NAME:
        return refused("views.long_name", field="name", most=LONGEST_NAME)
    if wanted == EVERYONE:
        return refused("views.nothing_chosen", field="name")
    same = next((view for view in present if view.name == name), None)
    if same is None and len(present) >= MOST_VIEWS:
        return refused("views.too_many", field="name", most=MOST_VIEWS)
    id = same.id if same is not None else ViewId(derive(cause, "view"))  # noqa: A001
    return Decision(facts=(ViewSaved(view=View(id=id, user=user, name=name, wanted=wanted)),))


def forget_view(view: View) -> Decision:
    """Let go of a view."""
    return Decision(facts=(ViewForgotten(view=view.id),))
