"""The record is read by person, thing, cause and time, in one's part of the tree, and every row says why."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from console.pages.audit import THINGS
from content.audit import About, about_one
from content.checkins import Answered, State
from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import Cause, MemberId, PledgeId, PledgeQuestionId, UserId
from content.lessons import LessonRevised
from content.organisations import Duty, DutyGranted, Role
from content.pledge_questions import PledgeQuestionWithdrawn
from content.speech import Reader
from storage import audit, lessons, members
from storage.facts import WRITERS
from storage.store import Step
from storage.unit import Writing
from storage.verification import forget
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER
from tests.samples import sample
from zhibu.catalogue import load_speech

WHITE = UserId("@m1:example.org")


def decide(
    house: House, cause: str, *facts: Fact, actor: UserId | None = SECRETARY, told: UserId | None = None
) -> None:
    """Have something decided, and somebody told of it."""
    effects = (Tell(user=told, words=words("checkin.nothing_open")),) if told else ()

    async def answer(_unit: object) -> Decision:
        return Decision(facts=facts, effects=effects)

    house.run(house.store.settle([Step(cause=Cause(cause), decide=answer, actor=actor)]))


def granted(house: House, where: str, user: str = "@new:example.org") -> DutyGranted:
    at = house.seeded.organisations[where]
    return DutyGranted(duty=Duty(user=UserId(user), organisation=at, role=Role.VIEWER))


def text(browser: Browser, path: str) -> str:
    return browser.get(path).get_data(as_text=True)


def main_of(browser: Browser, path: str) -> str:
    return text(browser, path).partition("<main")[2].partition("</main>")[0]


def number_of(house: House, cause: str) -> int:
    rows = house.run(house.store.read(lambda unit: unit.rows(audit.audit.select().where(audit.audit.c.cause == cause))))
    return int(rows[-1].number)


def test_a_row_says_what_was_done_by_whom_and_to_what(house: House, browser: Browser) -> None:
    decide(house, "form:grant", granted(house, "one"))
    page = main_of(browser, "/record")
    assert "授予了职责" in page
    assert SECRETARY in page
    row = main_of(browser, f"/record/{number_of(house, 'form:grant')}")
    assert "控制台上的一次提交" in row
    assert "@new:example.org" in row
    assert re.search(r"记录第 \d+ 行", row)


def test_who_was_not_signed_in_yet_is_not_called_the_clock(house: House, browser: Browser) -> None:
    decide(house, "form:before", granted(house, "one"), actor=None)
    decide(house, "occurrence:x:open:1", granted(house, "one", "@other:example.org"), actor=None)
    assert "还没登录的人" in main_of(browser, f"/record/{number_of(house, 'form:before')}")
    assert "还没登录的人" not in main_of(browser, f"/record/{number_of(house, 'occurrence:x:open:1')}")


def test_only_ones_own_part_of_the_tree_is_found(house: House) -> None:
    decide(house, "form:near", granted(house, "one", "@near:example.org"))
    decide(house, "form:far", granted(house, "sibling", "@far:example.org"), actor=NEIGHBOUR)
    near, far = number_of(house, "form:near"), number_of(house, "form:far")
    for user, own, other in ((SECRETARY, near, far), (NEIGHBOUR, far, near)):
        browser = house.browser(user)
        page = main_of(browser, "/record")
        assert f"/record/{own}" in page
        assert f"/record/{other}" not in page
        assert browser.get(f"/record/{own}").status_code == 200
        assert browser.get(f"/record/{other}").status_code == 404
        assert f"/record/{other}" not in main_of(browser, f"/record?cause=form:{'far' if own == near else 'near'}")
    assert house.browser(VIEWER).get("/record").status_code == 403


def test_a_row_leads_to_its_effects_and_to_what_came_before_and_after(house: House, browser: Browser) -> None:
    lesson = house.run(house.store.read(lambda unit: lessons.lesson(unit, house.seeded.lessons["safety"])))
    assert lesson is not None
    for place in range(3):
        newer = replace(lesson, revision=lesson.revision + place + 1)
        decide(house, f"form:revise{place}", LessonRevised(lesson=newer, author=SECRETARY), told=WHITE)
    middle = number_of(house, "form:revise1")
    page = main_of(browser, f"/record/{middle}")
    assert "修改了课文" in page
    assert lesson.title in page
    assert f"/record/{number_of(house, 'form:revise0')}" in page
    assert f"/record/{number_of(house, 'form:revise2')}" in page
    assert "因此发出的" in page
    assert "白云" in page
    found = main_of(browser, f"/record?thing=lesson:{lesson.id}")
    assert [f"/record/{number_of(house, f'form:revise{place}')}" in found for place in range(3)] == [True] * 3


def test_a_person_is_found_by_name_as_who_acted_and_as_whom_it_was_about(house: House, browser: Browser) -> None:
    member = MemberId(house.seeded.members["白云"])
    decide(house, "form:about", granted(house, "one", WHITE))
    decide(house, "event:$by", granted(house, "one", "@third:example.org"), actor=WHITE)
    for wanted in ("白云", WHITE, member):
        page = main_of(browser, f"/record?person={wanted}")
        assert f"/record/{number_of(house, 'form:about')}" in page
        assert f"/record/{number_of(house, 'event:$by')}" in page
    assert "没有符合的记录" in main_of(browser, "/record?person=%25")


def test_a_persons_page_leads_to_their_rows_and_only_to_those_of_ones_own_part(house: House, browser: Browser) -> None:
    own, far = house.seeded.members["陈晨"], house.seeded.members["安邻"]
    page = browser.get(f"/members/{own}").get_data(as_text=True)
    assert f'href="/record?person={own}"' in page
    rows = browser.get(f"/record?person={own}").get_data(as_text=True)
    assert "陈晨" in rows
    assert "安邻" not in browser.get(f"/record?person={far}").get_data(as_text=True)


def test_pages_follow_each_other_without_a_gap(house: House, browser: Browser) -> None:
    for place in range(120):
        decide(house, f"form:many{place}", granted(house, "one", f"@n{place}:example.org"))
    path, seen = "/record?since=2020-01-01", []
    while path:
        page = main_of(browser, path)
        # What names nobody stands in front of its day.
        seen += sorted(re.findall(r'href="/record/(\d+)', page), key=int, reverse=True)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    numbers = [int(one) for one in seen]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) >= 120


@pytest.mark.parametrize(
    "query", ["since=x", "until=9999-12-31", "before=x", "before=9999999999999999999999", "person=%00"]
)
def test_a_filter_that_makes_no_sense_is_none(house: House, browser: Browser, query: str) -> None:
    assert browser.get(f"/record?{query}").status_code in (200, 400)


def test_what_was_forgotten_says_so(house: House, browser: Browser) -> None:
    decide(house, "form:old", granted(house, "one"))
    number = number_of(house, "form:old")
    house.run(house.store._write(lambda unit: forget(unit, [number], cause=Cause("record:forget")), news=False))
    page = main_of(browser, f"/record/{number}")
    assert "已过保留期" in page
    assert "@new:example.org" not in page


def test_a_row_names_nobody_from_outside_of_ones_part_of_the_tree(house: House, browser: Browser) -> None:
    """S19, S20: one decision may reach people and answers of several branches."""
    far = MemberId(house.seeded.members["安邻"])
    account = house.run(house.store.read(lambda unit: members.member(unit, far))).user
    answered = Answered(
        occurrence=house.seeded.occurrences["far"],
        member=far,
        before=State.OPEN,
        after=State.DONE,
        at=house.clock.now,
        cause=Cause("form:wide"),
    )
    decide(house, "form:wide", granted(house, "one"), answered, told=account)
    decide(house, "form:own", granted(house, "one", "@third:example.org"), told=WHITE)
    assert "安邻" not in main_of(browser, f"/record/{number_of(house, 'form:wide')}")
    assert "白云" in main_of(browser, f"/record/{number_of(house, 'form:own')}")
    grant = DutyGranted(
        duty=Duty(user=SECRETARY, organisation=house.seeded.organisations["committee"], role=Role.SECRETARY)
    )
    house.run(house.store.settle(notes=[grant]))
    page = main_of(browser, f"/record/{number_of(house, 'form:wide')}")
    assert page.count("安邻") == 2


def test_a_row_says_by_which_duty_and_where_it_was_done(house: House, browser: Browser) -> None:
    """S61: as it was at that time."""
    place = house.seeded.organisations["one"]
    fields = {"user": "@new:example.org", "role": "viewer", "place": place}
    browser.post(f"/duties?org={place}", browser.marks("/duties") | fields)
    rows = house.run(house.store.read(lambda unit: unit.rows(audit.audit.select())))
    last = rows[-1]
    assert (last.action, last.authority) == ("duty_granted", f"secretary@{house.seeded.organisations['general']}")
    assert "书记（检修党总支）" in main_of(browser, f"/record/{last.number}")


QUIET = {
    # Of a report that is being written: it is its author's alone.
    *("ThoughtPartRemoved", "ThoughtReportBegun", "ThoughtReportDropped"),
    # What a voter did, and who was still to vote.
    *("BallotLinkIssued", "BallotLinkAsked", "LinkMissed", "LinkUsed", "BrowserLeft", "SurveyLinkAsked"),
    "DiscreetRetried",
    # Of whom it was would say whose dues are unpaid.
    "DuesReminded",
    # What a person says to a case of their own, which only who handles it reads, and takes out of it again.
    *("HelpWordsAdded", "HelpWordsRemoved"),
    # Of one's own: views, sessions, steps of signing in.
    *("ViewSaved", "ViewForgotten", "SessionSeen", "LanguageChosen", "SessionRenewed", "SignedOut", "TriesForgotten"),
    *("FactorUsed", "ChallengeMade", "ChallengeMet", "Shelved", "Unshelved"),
    *("FeedRevoked", "PracticeBegun"),
    # Of who asked it nothing is kept.
    "LectureQuestionedUnnamed",
    # Of another fact beside it, which names the thing: a medium in a lesson, a vote by the event that is taken back.
    *("MediumKept", "MediumUploaded", "VoteRemoved"),
    # What was read for one page and has been shown there; and how far the homeserver's reports were read.
    *("ContextRead", "ContextShown", "ReportsRead"),
    # How far something has come in its room, beside the decision that names the room.
    *("LockNoted", "LockSettled", "PolicyBanSettled"),
    # Beside what a message brought about: that it was this one, and that its sender was told that it counts.
    *("MessageCounted", "MessageStood"),
    # Beside the meeting that it calls, or of a draft that came to nothing.
    "MeetingDraftSettled",
    # The program's own housekeeping.
    *("HeadAnchored", "ExportTaken", "ExportMoved", "ExportsForgotten", "Sent", "Echoed", "Postponed", "GivenUp"),
    *("ClockSetBack", "Heard", "GapFilled", "Readable", "LetterRead", "LetterFailedAgain", "StretchGivenUp", "Beat"),
    *("Swept", "Restored", "MissedTold", "RehearsalRead"),
}
"""Facts that are about nothing that could be looked at."""


def test_every_kind_of_fact_is_about_something_that_has_a_name_and_a_page(house: House, browser: Browser) -> None:
    """A fact that is added must say what it is about, and lead there."""
    speech, parts = (
        house.app.extensions["zhibu"].speech,
        {rule.endpoint: rule for rule in house.app.url_map.iter_rules()},
    )
    silent = set()
    for kind in WRITERS:
        what = about_one(sample(kind))
        if what.thing is None:
            if what.subject is None and what.place is None:
                silent.add(kind.__name__)
            continue
        noun = what.thing.partition(":")[0]
        endpoint, part = THINGS[noun]
        assert part == "" or part in parts[endpoint].arguments or noun == "year", kind
        assert noun in ("table", "year") or speech.knows(f"audit.thing_{noun}"), kind
    assert silent == QUIET


def test_a_row_names_its_thing_and_leads_to_it(house: House, browser: Browser) -> None:
    """Elections of both kinds too, which nobody could tell apart before."""
    seeded = house.seeded
    election = next(id for short, id in seeded.elections.items() if short != "far")
    things = {
        f"ballot:{seeded.ballots['fixed']}": "年度先进推荐",
        f"paper:{election}": "选举",
        f"poll:{seeded.polls['open'].id}": seeded.polls["open"].sheet.question,
        f"lesson:{seeded.lessons['law']}": "",
        f"member:{seeded.members['白云']}": "白云",
        f"occurrence:{seeded.occurrences['closed']}": "",
        f"organisation:{seeded.organisations['one']}": "检修车间第一党支部",
        "table:roster-filed": "党员花名册",
        "year:2026": "2026 年的工作日",
    }
    place = seeded.organisations["one"]
    rows = [
        audit.row_of(
            at=house.clock.now,
            actor=SECRETARY,
            cause=Cause(f"form:{thing}"),
            action="tested",
            what=About(thing=thing, place=place),
        )
        for thing in things
    ]

    async def add(unit: Writing) -> None:
        for row in rows:
            await audit.add(unit, row)

    house.run(house.store._write(add, news=False))
    for thing, name in things.items():
        page = main_of(browser, f"/record/{number_of(house, f'form:{thing}')}")
        (address, said) = re.findall(r'<dd><a href="([^"]+)">([^<]+)</a> ·', page)[0]
        assert name in said, thing
        assert not said.startswith("一"), thing
        assert browser.get(address).status_code == 200, thing


def test_a_message_and_an_answer_lead_to_why_and_from_there_to_all_that_followed(
    house: House, browser: Browser
) -> None:
    """From the outbox, and from a member's record, to the row; from the row to the card, the answer and the rest."""
    seeded = house.seeded
    white, closed = MemberId(seeded.members["白云"]), seeded.occurrences["closed"]
    answered = Answered(
        occurrence=closed,
        member=white,
        before=State.DONE,
        after=State.EXCUSED,
        at=house.clock.now,
        cause=Cause("event:said"),
    )
    decide(house, "event:said", answered, actor=WHITE, told=WHITE)
    own = f"/check-ins/{closed}/members/{white}"
    (address,) = set(re.findall(r'href="(/record\?cause=event:said)"', main_of(browser, own)))
    assert address in main_of(browser, "/outbox")
    row = browser.get(address)
    assert (row.status_code, row.headers["Location"]) == (303, f"/record/{number_of(house, 'event:said')}")
    page = main_of(browser, row.headers["Location"])
    assert f'href="{own}"' in page
    assert "私聊答复" in page
    opened = main_of(browser, f"/record/{number_of(house, 'seed:open closed')}")
    assert f'href="/check-ins/{closed}"' in opened.partition("因此发出的")[2]
    assert "卡片 · " in opened


def test_rows_of_one_cause_stand_beside_each_other_and_what_came_due_is_named(house: House, browser: Browser) -> None:
    closed = house.seeded.occurrences["closed"]
    at = house.seeded.organisations["one"]
    cause = Cause(f"occurrence:{closed}:close")
    rows = [
        audit.row_of(at=house.clock.now, actor=None, cause=cause, action=action, what=About(place=at))
        for action in ("occurrence_closed", "muted")
    ]

    async def add(unit: Writing) -> None:
        for row in rows:
            await audit.add(unit, row)

    house.run(house.store._write(add, news=False))
    page = main_of(browser, f"/record/{number_of(house, cause)}")
    assert f'href="/check-ins/{closed}"' in page.partition("起因")[2].partition("</dd>")[0]
    assert "同一起因的全部记录" in page
    assert page.partition("同一起因带来的")[2].count('href="/record/') == 1
    both = main_of(browser, f"/record?cause={cause}")
    assert both.count('href="/record/') == 2 + len(re.findall(r'href="/record/export', both))


def test_every_page_about_a_thing_of_the_record_leads_to_its_rows(house: House, browser: Browser) -> None:
    seeded = house.seeded
    pages = {
        f"ballot:{seeded.ballots['fixed']}": f"/ballots/{seeded.ballots['fixed']}",
        f"ballot:{seeded.appraisals['one']}": f"/appraisals/{seeded.appraisals['one']}",
        f"survey:{seeded.surveys['one']}": f"/surveys/{seeded.surveys['one']}",
        f"paper:{seeded.elections['one']}": f"/elections/{seeded.elections['one']}",
        f"selection:{seeded.selections['public']}": f"/model-members/{seeded.selections['public']}",
        f"poll:{seeded.polls['open'].id}": f"/polls/{seeded.polls['open'].id}",
        f"lesson:{seeded.lessons['law']}": f"/lessons/{seeded.lessons['law']}",
        f"occurrence:{seeded.occurrences['closed']}": f"/check-ins/{seeded.occurrences['closed']}",
        f"organisation:{seeded.organisations['one']}": f"/organisation/{seeded.organisations['one']}",
        "room:!one": "/rooms/!one",
    }
    for thing, path in pages.items():
        assert f'href="/record?thing={thing}"' in main_of(browser, path), thing


def test_what_names_nobody_has_a_day_and_no_hour_nor_a_place_between_others(house: House) -> None:
    """Who spoke in the chat at that minute would be known to who reads both."""
    asked = PledgeQuestionWithdrawn(question=PledgeQuestionId("q"), pledge=PledgeId("p"))
    top = Duty(user=VIEWER, organisation=house.seeded.organisations["committee"], role=Role.SECRETARY)
    decide(house, "form:before", DutyGranted(duty=top))
    browser = house.browser(VIEWER)
    decide(house, "event:$asked", asked, actor=WHITE)
    decide(house, "form:after", granted(house, "one", "@after:example.org"))
    number = number_of(house, "form:after") - 1
    day = f"{house.clock.now:%Y-%m-%d}"
    parts = main_of(browser, "/record").split("</tr>")
    rows = {int(found[1]): part for part in parts if (found := re.search(r'href="/record/([0-9]+)', part))}
    # What else names nobody stands there too.
    assert [one for one in rows if one >= number - 1] == [number, number + 1, number - 1]
    assert next(iter(rows)) == number
    assert ["09:00" in rows[one] for one in (number, number + 1, number - 1)] == [False, True, True]
    row = main_of(browser, f"/record/{number}")
    assert "09:00" not in row.partition("<h2")[0]
    assert f'<time datetime="{day}">' in row
    assert "不记名" in row
    assert "按时自动" not in row, "a person did it"
    lines = [line for line in browser.get("/record/export.csv").get_data(as_text=True).splitlines() if day in line]
    assert f"{day} 09:00" not in lines[0]
    assert lines[0].endswith(',"—"')
    assert f"{day} 09:00" in next(line for line in lines if line.endswith(f',"{number + 1}"'))


def test_what_was_refused_says_why_without_what_was_named_in_it(house: House, browser: Browser) -> None:
    async def answer(_unit: object) -> Refusal:
        return refused("pledge_question.closed", number=7)

    house.run(house.store.settle([Step(cause=Cause("event:$late"), decide=answer, actor=WHITE)]))
    page = main_of(browser, "/record")
    why = load_speech().outline("pledge_question.closed", Reader()).partition("\n")[0]
    assert f"没有办成：{why}" in page
    assert "…" in why
    row = main_of(browser, f"/record/{number_of(house, 'event:$late')}")
    assert why in row
    assert "pledge_question.closed" in row
