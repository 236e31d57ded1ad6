"""The lines of a branch's sheets of dues: who moved or left stays where their money stands, on both engines."""

from __future__ import annotations

from msgspec.structs import replace

from content.decision import Decision
from content.dues import State
from content.erasure import PersonErased
from content.identifiers import MemberId
from content.members import NOBODY, MemberChanged, MemberLeft
from storage import dues, dues_shares, members
from storage.dues import Line
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import EAST, LI, SECRETARY, WANG, WEST, ZHANG, HandClock, SmallBranch, account, fresh_cause
from tests.storage.test_dues import entered, fixed

YEAR = {"first": "2026-01", "last": "2026-12"}


async def lines(branch: SmallBranch, place: str = EAST) -> dict[str, Line]:
    found, _ = await branch.store.read(lambda unit: dues_shares.sheet(unit, place, **YEAR))  # type: ignore[arg-type]
    return {one.member.id: one for one in found}


async def change(branch: SmallBranch, who: MemberId, **values: object) -> None:
    async def decide(unit: Reading) -> Decision:
        known = await members.member(unit, who)
        assert known is not None
        return Decision(facts=(MemberChanged(member=replace(known, **values)),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


def sums(line: Line) -> tuple[int, int]:
    return sum(one.due for one in line.months), sum(one.paid for one in line.months)


async def test_who_moved_stands_with_each_branch_for_what_it_took(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[fixed(), fixed(LI), entered(month="2026-01"), entered(month="2026-02", fen=100)])
    await change(branch, ZHANG, organisation=WEST)
    later = fixed(since="2026-03", fen=9900)
    own = replace(later, assessment=replace(later.assessment, organisation=WEST))
    paid = entered(month="2026-03", fen=9900)
    here = replace(paid, entry=replace(paid.entry, organisation=WEST))
    await branch.store.settle(notes=[own, here])
    old, new = await lines(branch), await lines(branch, WEST)
    assert set(old) == {ZHANG, LI, WANG}
    assert (old[ZHANG].moved, old[ZHANG].pays, sums(old[ZHANG])) == (True, False, (7600, 7600))
    assert [one.fen for one in old[ZHANG].assessments] == [7500], "what the new one fixed is its own"
    assert (new[ZHANG].moved, sums(new[ZHANG])) == (False, (7400 + 10 * 9900, 9900))
    assert new[ZHANG].months[0].state is State.PAID
    who = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert who is not None
    for place, taken in ((EAST, 7500), (WEST, 0)):
        found = await branch.store.read(lambda unit, place=place: dues.paid_for(unit, who, "2026-01", place))  # type: ignore[misc]
        assert found == taken, "a branch gives back no more than it took"


async def test_who_left_or_was_merged_or_erased_stays_in_the_year_with_what_they_paid(
    branch: SmallBranch, clock: HandClock
) -> None:
    notes = [fixed(one) for one in (ZHANG, LI, WANG)]
    await branch.store.settle(notes=[*notes, *(entered(one) for one in (ZHANG, LI, WANG))])
    await branch.store.settle(notes=[MemberLeft(member=ZHANG, at=clock.now)])
    found = await lines(branch)
    assert (found[ZHANG].pays, found[ZHANG].moved, sums(found[ZHANG])) == (False, False, (7 * 7500, 7500))
    await change(branch, LI, merged_into=WANG, left=clock.now, user=None)
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG), SECRETARY), at=clock.now)
    await branch.store.settle(notes=[erased])
    found = await lines(branch)
    assert set(found) == {ZHANG, WANG}
    assert sums(found[WANG]) == (12 * 7500, 15_000), "what was entered of a double is theirs"
    assert (found[ZHANG].member.name, sums(found[ZHANG])) == (NOBODY, (7500, 7500))
