"""A secret ballot among a few people, for tests: its tellers, its roll, the papers they fill in, and its steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any

from msgspec.structs import replace

from bot.balloting import closing_ballot
from content import ballots as rules
from content import tellers
from content.ballot_files import Share
from content.ballot_links import LASTS, BallotLinkIssued, enter
from content.ballot_papers import receipts, set_hash, write_paper
from content.ballots import Admitted, Ballot, Candidate, Elector, State, Teller, TellerRole
from content.decision import Refusal
from content.elections import Ballot as Paper
from content.elections import Election, Mark
from content.identifiers import BallotId, Cause, MemberId, OrganisationId, UserId
from content.members import Member, MemberEnrolled
from storage import ballot_links, ballots
from storage.envelopes import Ceremony, empty_envelopes, hold_ceremony, new_slots, seal
from storage.store import Answer, Outcome, Step, Store
from storage.unit import Reading
from tests.small_branch import NOON

ID = BallotId("ballot")
OTHERS = Election(candidates=("a", "b"), seats=1, eligible=None)
"""What is voted on where others may be written in."""
YES, NO = Mark.YES, Mark.NO
EVERYONE = Admitted()
"""Whom a vote is open to for which nobody has to be in a room."""


@cache
def ceremony() -> Ceremony:
    """Return the one key of all tests, two of three."""
    return hold_ceremony(ID, needed=2, among=3)


def ballot(**more: Any) -> Ballot:
    """Return a ballot of two candidates for one seat, drafted and ready to be frozen."""
    keys = ceremony()
    usual: dict[str, Any] = {
        "id": ID,
        "organisation": OrganisationId("east"),
        "title": "先进推荐",
        "election": Election(candidates=("a", "b"), seats=1, eligible=frozenset()),
        "candidates": (
            Candidate(id="a", member=None, name="候选人甲"),
            Candidate(id="b", member=None, name="候选人乙"),
        ),
        "tellers": tuple(
            Teller(index=index, member=MemberId(f"teller{index}"), role=role, share_key=keys.share_keys[index])
            for index, role in enumerate([TellerRole.MONITOR, TellerRole.COUNTER, TellerRole.COUNTER], start=1)
        ),
        "needed": 2,
        "key": keys.key,
        "closes_at": NOON + timedelta(days=1),
        "timezone": "Asia/Shanghai",
    }
    return Ballot(**{**usual, **more})


def roll(number: int = 6) -> tuple[Elector, ...]:
    return tuple(Elector(member=MemberId(f"voter{one:02}")) for one in range(number))


def paper(marks: str = "", *written: str) -> bytes:
    """Return the bytes of a paper with marks such as ``a+ b-``."""
    said = {mark[:-1]: YES if mark[-1] == "+" else NO for mark in marks.split()}
    return write_paper(Paper(marks=said, write_ins=written))


def shares(*indices: int) -> list[Share]:
    return [Share(ballot=ID, index=index, share=ceremony().shares[index]) for index in indices or (1, 2)]


def closed(papers: list[bytes], *, silent: int = 1, **more: Any) -> tuple[Ballot, tuple[bytes, ...]]:
    """Return a ballot that was closed after these papers were cast, and its envelopes."""
    one = ballot(**more)
    sealed = tuple(seal(plain, one.key, one.length) for plain in papers)
    boxes = (*sealed, *empty_envelopes(silent, one.key, one.length))
    hashed = set_hash(receipts(boxes))
    return replace(one, state=State.CLOSED, expected=len(boxes), turnout=len(papers), set_hash=hashed), boxes


_casts = count()


def deciding(verb: Callable[[Ballot, Reading], Answer]) -> Callable[[Reading], Any]:
    """Return how a step is decided for the ballot as it stands."""

    async def decide(unit: Reading) -> Answer:
        one = await ballots.ballot(unit, ID)
        assert one is not None
        return verb(one, unit)

    return decide


async def take(store: Store, name: str, verb: Callable[[Ballot, Reading], Answer]) -> Outcome:
    """Take a step that is taken once."""
    (outcome,) = await store.settle([Step(cause=Cause(f"form:{name}"), decide=deciding(verb), actor=UserId("@zhao:t"))])
    return outcome


async def stand(store: Store) -> Ballot:
    """Return the ballot as it stands."""
    one = await store.read(lambda unit: ballots.ballot(unit, ID))
    assert one is not None
    return one


async def draft(store: Store, number: int = 6, *, also: tuple[MemberId, ...] = (), **more: Any) -> None:
    """Enrol voters and tellers, draft a ballot for them and for some who are there already, and freeze it."""
    one = ballot(**more)
    people = [*(elector.member for elector in roll(number)), *(teller.member for teller in one.tellers)]
    enrolled = [
        MemberEnrolled(member=Member(id=id, organisation=one.organisation, name=id, user=UserId(f"@{id}:test")))
        for id in people
    ]
    await store.settle(notes=enrolled)
    await store.settle([Step(cause=Cause("form:draft"), decide=_drafting(one), actor=UserId("@zhao:t"))])
    electors = (*roll(number), *(Elector(member=member) for member in also))
    boxes, slots = empty_envelopes(len(electors), one.key, one.length), new_slots(len(electors))
    await take(store, "freeze", lambda it, unit: rules.freeze(it, electors, slots=slots, boxes=boxes, now=unit.now))


def _drafting(one: Ballot) -> Callable[[Reading], Any]:
    async def decide(unit: Reading) -> Answer:
        return rules.draft(one, author=UserId("@zhao:t"), now=unit.now)

    return decide


async def open_voting(store: Store, admitted: Admitted | Refusal = EVERYONE) -> Outcome:
    """Let every teller prove their share, open the ballot, and send everyone a link; return how the opening went."""
    for teller in (await stand(store)).tellers:
        me, name = teller.member, teller.index
        await take(store, f"ask{name}", lambda it, _, me=me: tellers.ask_possession(it, me, b"asked"))
        await take(store, f"prove{name}", lambda it, _, me=me: tellers.prove(it, me, b"asked"))
    outcome = await take(store, "open", lambda it, unit: rules.open_voting(it, now=unit.now, admitted=admitted))
    electors = await store.read(lambda unit: ballots.silent(unit, ID))
    await store.settle(notes=[issue(one, f"token-{one}", store.now()) for one in electors])
    return outcome


def issue(member: MemberId, token: str, now: datetime, *, code: str = "123456") -> BallotLinkIssued:
    """Return that a member was sent a link and its code."""
    return BallotLinkIssued(
        token_hash=digest(token),
        code_hash=digest(f"{token}{code}"),
        ballot=ID,
        member=member,
        expires_at=now + LASTS - timedelta(hours=1),
    )


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


async def agree(store: Store, *indices: int) -> None:
    """Let tellers agree to the opening, each by themselves."""
    for index in indices or (1, 2):
        me = MemberId(f"teller{index}")
        await take(store, f"agree{index}", lambda it, _, me=me: tellers.agree(it, me))


async def confirm(store: Store, *indices: int) -> None:
    """Let tellers stand by the count, each by themselves."""
    for index in indices or (1, 2):
        me = MemberId(f"teller{index}")
        await take(store, f"confirm{index}", lambda it, unit, me=me: tellers.confirm(it, me, today=unit.now.date()))


def casting(member: MemberId, box: bytes, *, at: datetime | None = None) -> Step:
    """Return the step by which a member votes: nobody is behind it, and its cause is nobody's."""

    async def decide(unit: Reading) -> Answer:
        one = await ballots.ballot(unit, ID)
        assert one is not None
        return rules.cast(
            one,
            await ballots.elector(unit, ID, member),
            box,
            copied=await ballots.is_copied(unit, ID, member, box),
            now=unit.now,
        )

    return Step(cause=unseen(), decide=decide, at=at)


def unseen() -> Cause:
    """Return a cause as a voter's form has it: a hash of what only the page knew."""
    return Cause(f"cast:{digest(str(next(_casts)))}")


def entering(token: str, *, code: str = "123456", browser: str = "browser") -> Step:
    """Return the step by which a voter comes in by their link and its code."""

    async def decide(unit: Reading) -> Answer:
        return enter(
            await ballot_links.by_token(unit, digest(token)),
            token_hash=digest(token),
            code_hash=digest(f"{token}{code}"),
            browser_hash=digest(f"{browser}{token}"),
            signed_in=None,
            owner=None,
            now=unit.now,
        )

    return Step(cause=unseen(), decide=decide)


async def vote(store: Store, member: MemberId, plain: bytes) -> bytes:
    """Let a member vote; return the envelope."""
    one = ballot()
    box = seal(plain, one.key, (await stand(store)).length)
    (outcome,) = await store.settle([casting(member, box)])
    assert outcome.refusal is None
    assert not outcome.failed
    return box


def closing(*, at: datetime | None = None) -> Step:
    """Return the step by which the clock closes the ballot."""
    return replace(closing_ballot(ID), at=at)
