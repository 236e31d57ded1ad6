"""What waits for the person who looks at the first page: each on one line, with one way to where it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

from msgspec import Struct

from console.addresses import link
from console.wording import is_known, t
from content.decision import Parameter
from content.home import (
    BallotStanding,
    SelectionMatter,
    SelectionStanding,
    ballot_matter,
    paper_matter,
    selection_matter,
)
from content.identifiers import OrganisationId, UserId
from content.organisations import Right
from content.paper_elections import PaperElection

Rights = Callable[[OrganisationId], frozenset[Right]]
"""What the person may do at an organisation."""


class Need(Struct, frozen=True, kw_only=True):
    """One thing that waits: what it is, a word of help, and the one place where it is done."""

    said: str
    address: str
    action: str
    help: str = ""


def need(
    key: str,
    endpoint: str,
    values: dict[str, Parameter],
    *,
    address: dict[str, object] | None = None,
) -> Need:
    """Put a need into words by its key, with a word of help where there is one."""
    return Need(
        said=t(f"home.{key}", **values),
        help=t(f"home.help_{key}") if is_known(f"home.help_{key}") else "",
        address=link(endpoint, **(address or {})),
        action=t(f"home.do_{key}"),
    )


def of_ballots(ballots: Iterable[BallotStanding], user: UserId, rights: frozenset[Right]) -> Iterator[Need]:
    """Yield what secret ballots wait for from a person."""
    for ballot in ballots:
        matter = ballot_matter(ballot, user, rights)
        if matter is not None:
            yield Need(
                said=t(f"home.ballot_{matter}", title=ballot.title, n=ballot.unproven),
                address=link("ballots.show_one", id=ballot.id),
                action=t(f"home.do_ballot_{matter}"),
            )


def of_papers(papers: Iterable[PaperElection], user: UserId, rights: Rights, today: date) -> Iterator[Need]:
    """Yield what elections on paper wait for from a person."""
    for paper in papers:
        matter = paper_matter(paper, user, rights(paper.organisation), today=today)
        if matter is not None:
            yield Need(
                said=t(f"home.paper_{matter}", title=paper.title),
                address=link("elections.show_one", id=paper.id),
                action=t(f"home.do_paper_{matter}"),
            )


def of_selections(
    standings: Iterable[SelectionStanding], user: UserId, rights: Rights, present: datetime
) -> Iterator[Need]:
    """Yield what selections of model members wait for from a person."""
    for standing in standings:
        one = standing.selection
        matter = selection_matter(standing, user, rights(one.organisation), now=present)
        if matter is None:
            continue
        values: dict[str, Parameter] = {"n": standing.objections} if matter is SelectionMatter.HEAR else {}
        yield Need(
            said=t(f"home.selection_{matter}", title=one.title, **values),
            address=link("model_members.show_one", id=one.id),
            action=t(f"home.do_selection_{matter}"),
        )
