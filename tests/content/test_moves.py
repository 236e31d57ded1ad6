"""Who may move a part of the tree, and when that takes a second person."""

from __future__ import annotations

from datetime import UTC, datetime

from content.approvals import Act, Proposed
from content.decision import Decision, Refusal
from content.identifiers import OrganisationId, ProposalId, UserId
from content.moves import Ends, approve, decline, move, refuse_moving, second_persons
from content.organisations import Duty, Kind, Organisation, Role
from content.structure import OrganisationMoved

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOP = Organisation(id=OrganisationId("top"), parent=None, kind=Kind.PARTY_COMMITTEE, name="党委")
FROM = Organisation(id=OrganisationId("from"), parent=TOP.id, kind=Kind.GENERAL_BRANCH, name="一总支")
TO = Organisation(id=OrganisationId("to"), parent=TOP.id, kind=Kind.GENERAL_BRANCH, name="二总支")
NODE = Organisation(id=OrganisationId("node"), parent=FROM.id, kind=Kind.BRANCH, name="支部")
WANG, LI, ZHAO, QIAN = (UserId(f"@{name}:test") for name in ("wang", "li", "zhao", "qian"))
MOVED = Decision(facts=(OrganisationMoved(organisation=NODE.id, parent=TO.id),))


def duty(user: UserId, role: Role, at: Organisation) -> Duty:
    return Duty(user=user, organisation=at.id, role=role)


ABOVE, OLD, NEW = duty(WANG, Role.SECRETARY, TOP), duty(LI, Role.SECRETARY, FROM), duty(ZHAO, Role.SECRETARY, TO)
SECOND = duty(QIAN, Role.SECRETARY, TOP)


def ends(before: tuple[Duty, ...], after: tuple[Duty, ...]) -> Ends:
    return Ends(node=NODE, to=TO, before=before, after=after)


def moving(where: Ends, by: UserId = WANG) -> Decision | Refusal:
    return move(where, MOVED, by=by, waiting=(), id=ProposalId("p"), now=NOW)


def key(answer: Decision | Refusal | None) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key


def test_nobody_gains_or_loses_by_a_move_what_the_mover_could_not_give() -> None:
    """S13, S23: rights follow the tree."""
    organiser = duty(WANG, Role.ORGANISING_MEMBER, TOP)
    assert refuse_moving(ends((organiser,), (organiser, duty(WANG, Role.SECRETARY, TO))), by=WANG) is not None
    assert refuse_moving(ends((organiser, OLD), (organiser,)), by=WANG) is not None
    assert refuse_moving(ends((ABOVE, OLD), (ABOVE,)), by=WANG) is None
    assert refuse_moving(ends((organiser,), (organiser,)), by=WANG) is None
    assert refuse_moving(ends((organiser,), ()), by=WANG) is not None


def test_who_is_secretary_above_both_ends_changes_no_secretary_alone() -> None:
    """S23: who loses the node may agree, who gets it may not."""
    where = ends((ABOVE, OLD), (ABOVE, NEW))
    assert second_persons(where, by=WANG) == {LI}
    answer = moving(where)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, Proposed)
    assert (fact.proposal.act, fact.proposal.organisation, fact.proposal.subject) == (Act.MOVE_NODE, NODE.id, TO.id)
    assert [tell.user for tell in answer.effects] == [LI]  # type: ignore[attr-defined]
    assert key(approve(fact.proposal, where, lambda: MOVED, by=WANG, now=NOW)) == "approvals.not_oneself"
    assert key(approve(fact.proposal, where, lambda: MOVED, by=ZHAO, now=NOW)) == "approvals.not_yours"
    agreed = approve(fact.proposal, where, lambda: MOVED, by=LI, now=NOW)
    assert isinstance(agreed, Decision)
    assert MOVED.facts[0] in agreed.facts
    assert isinstance(decline(fact.proposal, where, by=WANG, now=NOW), Decision)
    # What it rests on may have changed since.
    lost = ends((OLD, SECOND), (NEW, SECOND))
    assert key(approve(fact.proposal, lost, lambda: MOVED, by=QIAN, now=NOW)) == "structure.moves_rights"


def test_where_nobody_else_could_agree_or_no_secretary_changes_it_is_done_at_once() -> None:
    assert moving(ends((ABOVE,), (ABOVE, NEW))) == MOVED
    assert moving(ends((ABOVE, SECOND), (ABOVE, SECOND))) == MOVED
    assert second_persons(ends((ABOVE, SECOND), (ABOVE, SECOND, NEW)), by=WANG) == {QIAN}
