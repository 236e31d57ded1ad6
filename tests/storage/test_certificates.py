"""The certificate of a secret ballot: the same votes make the same bytes, on both engines and in any order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from console.ballot_certificate import Certified, write_certificate
from content import ballots as rules
from content.ballot_files import read_box, write_box
from content.ballots import Ballot, BallotFrozen, BallotOpened, Candidate, hash_manifest, hash_roll, manifest
from content.identifiers import MemberId
from content.members import Member, MemberEnrolled
from storage import ballots
from storage.envelopes import empty_envelopes, new_slots, seal
from storage.opening import open_box
from storage.store import Store
from tests.databases import Postgres
from tests.sealed_ballots import ID, agree, ballot, casting, closing, confirm, issue, paper, roll, shares, stand, take
from tests.small_branch import NOON, SECRETARY, HandClock, SmallBranch
from zhibu.catalogue import load_speech

VOTES = ("a+", "a+ b-", "b+", "a-", "a+")


async def certificate(store: Store, clock: HandClock, boxes: tuple[bytes, ...], cast: dict[MemberId, bytes]) -> bytes:
    """Hold the ballot with these very envelopes, and write its certificate."""
    one: Ballot = replace(
        ballot(),
        candidates=(Candidate(id="a", member=None, name="张甲"), Candidate(id="b", member=None, name="王乙")),
    )
    electors = roll()
    people = [*(each.member for each in electors), *(each.member for each in one.tellers)]
    enrolled = [MemberEnrolled(member=Member(id=id, organisation=one.organisation, name=id)) for id in people]
    hashed = hash_manifest(manifest(replace(one, roll_hash=hash_roll(electors), expected=len(electors))))
    frozen = BallotFrozen(
        ballot=ID,
        roll=electors,
        roll_hash=hash_roll(electors),
        manifest_hash=hashed,
        slots=new_slots(len(electors)),
        boxes=boxes,
    )
    drafted = rules.BallotDrafted(ballot=one, author=SECRETARY)
    links = [issue(each.member, f"token-{each.member}", clock.now) for each in electors]
    await store.settle(notes=[*enrolled, drafted, frozen, BallotOpened(ballot=ID), *links])
    for member, box in cast.items():
        (outcome,) = await store.settle([casting(member, box)])
        assert outcome.refusal is None
    clock.now = NOON + timedelta(days=1)
    await store.settle([closing()])
    kept = await store.read(lambda unit: ballots.boxes(unit, ID))
    found = open_box(read_box(write_box(await stand(store), kept)), shares())
    await agree(store)
    await take(store, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    await confirm(store)
    certified = await stand(store)
    judged = await store.read(lambda unit: ballots.judged(unit, certified))
    assert judged is not None
    known = Certified(
        ballot=certified,
        organisation="东支部",
        result=judged,
        names={one.id: one.name for one in certified.candidates},
        tellers={one.member: f"监票{one.index}" for one in certified.tellers},
        opened_hash=await store.read(lambda unit: ballots.opened_hash(unit, ID)),
        receipts=len(await store.read(lambda unit: ballots.published(unit, ID))),
    )
    return write_certificate(known, load_speech())


@pytest.mark.postgres
async def test_the_same_envelopes_make_the_same_certificate_on_both_engines_whoever_votes_first(
    sqlite_address: str, postgres: Postgres
) -> None:
    """Invariant 9: cast in one order here and in the other there, into places of their own."""
    one = ballot()
    boxes = empty_envelopes(len(roll()), one.key, one.length)
    cast = {
        elector.member: seal(paper(marks), one.key, one.length) for elector, marks in zip(roll(), VOTES, strict=False)
    }
    name = postgres.copy()
    made = []
    for address, order in ((sqlite_address, list(cast)), (postgres.address(name), list(cast)[::-1])):
        clock = HandClock(NOON)
        store = await Store.open(address, clock)
        await SmallBranch(store, clock).found()
        made.append(await certificate(store, clock, boxes, {member: cast[member] for member in order}))
        await store.close()
    postgres.drop(name)
    assert made[0] == made[1]
    assert len(made[0]) > 1000
