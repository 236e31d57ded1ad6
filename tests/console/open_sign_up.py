"""Sign-ups at the console: an open one in our branch, with people on it and waiting, and one at the neighbour's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from content import sign_ups as rules
from content.chains import Line, folded
from content.decision import Decision, Refusal
from content.identifiers import Cause, EventId, RoomId, SignUpId, derive
from content.sign_up_sheets import SignUp
from content.sign_ups import Speaker
from storage import members
from storage import sign_ups as stored
from storage.store import Step
from tests.console.console_house import House
from tests.console.console_seeding import SECRETARY

OPEN_SIGN_UP, FAR_SIGN_UP = (SignUpId(derive("seed sign-up", where)) for where in ("one", "far"))


def begin_sign_up(house: House, where: str = "one", *, people: bool = True) -> SignUpId:
    """Begin a sign-up with two places; in ours three have signed up, one of whom nobody knows."""
    one = SignUp(
        id=SignUpId(derive("seed sign-up", where)),
        organisation=house.seeded.organisations[where],
        room=RoomId(f"!{where}"),
        title="周六登山报名",
        closes_at=house.store.now() + timedelta(days=3),
        places=2,
    )

    async def begin(unit: Any) -> Decision | Refusal:
        return rules.begin(one, author=SECRETARY, now=unit.now)

    async def join(unit: Any) -> Decision | Refusal | None:
        member = await members.member(unit, house.seeded.members["白云"])
        assert member is not None
        assert member.user is not None
        speaker = Speaker(user=member.user, member=member.id, name=member.name, event=EventId("$chain"))
        lines = (Line(name="白云"), Line(name="陈晨", note="晚到"), Line(name="白云家小宝"))
        known = await stored.known(unit, one, [folded(line.name) for line in lines])
        return rules.sign_up(await stored.sheet(unit, one), lines, speaker, known=known, now=unit.now)

    for name, step in (("begin", begin), ("join", join))[: 2 if people else 1]:
        house.run(house.store.settle([Step(cause=Cause(f"seed:{one.id}:{name}"), decide=step, actor=SECRETARY)]))
    return one.id
