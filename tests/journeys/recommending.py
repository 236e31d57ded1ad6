"""A secret recommendation in the branch at work: drafted, voted on at its page, and counted by two tellers."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from playwright.async_api import Browser, expect

from content import ballot_news, tellers
from content import ballots as ballot_rules
from content.ballot_files import read_box, write_box
from content.ballots import Candidate, Elector, State, Teller
from content.counts import brief
from content.decision import Decision, Refusal
from content.elections import Election
from content.identifiers import UserId
from content.rule_packs import RECOMMENDATION
from storage import ballots
from storage.envelopes import empty_envelopes, new_slots
from storage.opening import open_box
from storage.store import Step
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, World, at
from tests.sealed_ballots import ID as BALLOT
from tests.sealed_ballots import ballot, ceremony, shares, stand, take
from tests.small_branch import fresh_cause


async def draft_ballot(world: World, electors: tuple[Elector, ...]) -> None:
    """Write the ballot down with three tellers of the branch, and freeze it."""
    three = tuple(
        Teller(index=each.index, member=electors[each.index - 1].member, role=each.role, share_key=each.share_key)
        for each in ballot().tellers
    )
    one = ballot(
        organisation=BRANCH,
        title="优秀党员推荐",
        election=Election(candidates=("a", "b"), seats=1, contested=False, eligible=frozenset(), pack=RECOMMENDATION),
        candidates=(Candidate(id="a", member=None, name="韩冰"), Candidate(id="b", member=None, name="杨帆")),
        tellers=three,
        key=ceremony().key,
        closes_at=at(28, 18),
    )

    async def decide(unit: Reading) -> Any:
        return ballot_rules.draft(one, author=UserId(world.phones[world.secretary].user_id), now=unit.now)

    (outcome,) = await world.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert outcome.refusal is None
    boxes, slots = empty_envelopes(len(electors), one.key, one.length), new_slots(len(electors))
    await take(
        world.store,
        "freeze",
        lambda it, unit: ballot_rules.freeze(it, electors, slots=slots, boxes=boxes, now=unit.now),
    )


async def count_ballot(world: World) -> None:
    """Let two tellers agree, open the box with their shares, and stand by the count."""
    one = await stand(world.store)
    assert one.state is State.CLOSED
    two = [teller.member for teller in one.tellers[:2]]
    for me in two:
        await take(world.store, f"agree {me}", lambda it, _, me=me: tellers.agree(it, me))
    boxes = await world.store.read(lambda unit: ballots.boxes(unit, one.id))
    opened = open_box(read_box(write_box(one, boxes)), shares())
    assert not isinstance(opened, Refusal)
    await take(world.store, "count", lambda it, _: ballot_rules.keep_count(it, opened.result, opened.hash))
    first, last = two
    await take(world.store, "confirm first", lambda it, unit: tellers.confirm(it, first, today=unit.now.date()))

    async def confirm_last(unit: Reading) -> Any:
        known = await ballots.ballot(unit, BALLOT)
        assert known is not None
        answer = tellers.confirm(known, last, today=unit.now.date())
        assert isinstance(answer, Decision), answer
        called = {each.id: each.name for each in known.candidates}
        lines = brief(known.title, called, await ballots.result(unit, BALLOT) or {}, expected=22, returned=17)
        rooms = await ballots.voters_rooms(unit, known)
        return replace(answer, effects=ballot_news.counted(tuple(lines), rooms))

    (outcome,) = await world.store.settle([Step(cause=fresh_cause(), decide=confirm_last)])
    assert outcome.refusal is None


async def vote_on_page(browser: Browser, link: str, code: str) -> None:
    """Cast the ballot of the secretary as a member does on a phone."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_label("口令").fill(code)
    await page.get_by_role("button", name="打开选票").click()
    await expect(page.get_by_text("您是 张明。")).to_be_visible()
    await page.get_by_role("group", name="韩冰").get_by_label("赞成", exact=True).check()
    await page.get_by_role("button", name="看一遍再投").click()
    await page.get_by_role("button", name="投进票箱").click()
    await expect(page.get_by_role("heading", name="您的选票已放入票箱")).to_be_visible()
    await context.close()
