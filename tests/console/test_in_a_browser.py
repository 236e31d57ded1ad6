"""In a real browser: nothing that axe objects to, nothing from elsewhere, and every page of use without scripts."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from msgspec.structs import replace
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from console.app import furnish
from console.server import serve
from console.settings import ConsoleSettings
from content.ballots import WriteIn
from content.elections import Election
from content.identifiers import ImportId, LessonId, RoomId, derive
from content.imports import Counts, Entered, RosterImported
from content.lessons import Kind, Lesson, LessonWritten
from storage import members
from storage.sync import Buried
from tests import electronic_votes
from tests.console import open_ballot as voted
from tests.console import open_survey
from tests.console.announced_lecture import announce_lecture
from tests.console.console_house import House, laid_out
from tests.console.console_seeding import NOW, SECRETARY, put
from tests.console.kept_dues import keep_dues
from tests.console.open_activity import HELD_ACTIVITY, hold_activity
from tests.console.open_meeting import HELD, PLANNED, two_meetings
from tests.console.open_pledge import OWN_PLEDGE, put_pledge_down
from tests.console.open_sign_up import OPEN_SIGN_UP, begin_sign_up
from tests.console.roster_files import BRANCH, system_export
from tests.console.test_lessons_page import picture, written
from tests.console.what_axe_says import AXE, PAGE_OBJECTIONS, objections
from tests.films import mp4
from tests.machine import ONE_LOOK, find_chromium, find_headless, in_ci
from tests.sealed_ballots import paper

pytestmark = pytest.mark.browser

EDIT = ImportId(derive("browser", "import"))

NOWHERE = "/nowhere"

PAGES = (
    "/",
    "/search",
    "/search?q=%E5%AE%89",
    "/calendar",
    "/calendar?view=month&month=2026-11",
    "/calendar?view=week&week=2026-11-24",
    "/calendar/missed",
    "/calendar/reviews",
    "/calendar/feeds",
    "/calendar/workdays?year=2026",
    "/calendar/shifts",
    "/calendar/{planned}/move",
    "/calendar/series/{series}",
    "/lessons",
    "/lessons/{lesson}",
    "/lessons/{lesson}/edit",
    "/lessons/{lesson}/text",
    "/lessons/{lesson}/correct",
    "/lessons/import",
    "/schedule",
    "/check-ins",
    "/check-ins/{closed}",
    "/check-ins/{closed}/text",
    "/check-ins/{closed}/withdraw",
    "/lectures/{lecture}",
    "/check-ins/{planned}",
    "/check-ins/{missed}",
    "/meetings",
    "/meetings/new",
    "/meetings/year?org={branch}",
    "/meetings/year",
    "/meetings/{meeting}",
    "/meetings/{called}/change",
    "/meetings/{meeting}/minutes",
    "/meetings/{meeting}/minutes/print",
    "/meetings/{meeting}/summary",
    "/meetings/{meeting}/roll/sheet",
    "/meetings/{meeting}/code",
    "/participation",
    "/participation/times",
    "/participation/quarter",
    "/participation/burden",
    "/participation/digests?org={branch}",
    "/dues",
    "/dues?org={roof}",
    "/dues/members/{member}",
    "/dues/handovers",
    "/participation/hours",
    "/participation/hours/help",
    "/participation/hours/record",
    "/participation/hours/members/{member}",
    "/check-ins/{closed}/hours",
    "/participation/members",
    "/participation/members/{member}",
    "/members",
    "/members/import",
    "/members/imports",
    "/members?q=%E4%BA%91&account=bound",
    "/members/{member}",
    "/members/{member}/edit",
    "/members/{member}/transfer",
    "/members/new",
    "/members/together?member={member}&do=category:预备党员",
    "/members/doubles",
    "/members/edits",
    "/organisation",
    "/organisation/{branch}",
    "/activities",
    "/pledges",
    "/pledges/new",
    "/pledges/{pledge}",
    "/pledges/{pledge}/change",
    "/activities/new",
    "/activities/sorts",
    "/activities/{activity}",
    "/activities/{activity}/change",
    "/activities/{activity}/photos/add",
    "/sign-ups",
    "/sign-ups/new",
    "/sign-ups/{sign_up}",
    "/polls",
    "/polls/new",
    "/ballots",
    "/ballots/new",
    "/ballots/{ballot}",
    "/appraisals",
    "/appraisals/new",
    "/appraisals/paper",
    "/appraisals/{appraisal}",
    "/surveys",
    "/surveys/new?template=study",
    "/surveys/{survey}",
    "/bank",
    "/bank/new",
    "/bank/{item}",
    "/bank/import",
    "/glossary",
    "/glossary/new",
    "/glossary/{entry}",
    "/elections",
    "/elections/new",
    "/elections/{election}",
    "/elections/{election}/electronic",
    "/elections/{election}/ballot/print",
    "/model-members",
    "/model-members/new",
    "/model-members/{review}",
    "/model-members/{public}",
    "/members/{member}/leave",
    "/members/{member}/erase",
    "/duties",
    "/account",
    "/account/set-up",
    "/sign-in",
    "/rooms",
    "/knocks",
    "/rooms/!one",
    "/rooms/offered/!club",
    "/corrections",
    "/away",
    "/members/{member}/away",
    "/thought-reports",
    "/thought-reports/{thought_report}",
    "/cases",
    "/cases/new",
    "/cases/{case}",
    "/cases/year",
    "/complaints",
    "/complaints?state=answered",
    "/complaints/{complaint}",
    "/guards",
    "/guards/{branch}",
    "/guards/rehearsals/{rehearsal}",
    "/locks",
    "/greetings",
    "/locks/!one",
    "/help-cases",
    "/help-cases/{help_case}",
    "/cleanings",
    "/cleanings/new",
    "/cleanings/{cleaning}",
    "/policies",
    "/policies/{policy}",
    "/check-ins/{closed}/members/{member}",
    "/outbox",
    "/outbox?tab=failed",
    "/record?since=2020-01-01",
    "/record/2",
    "/help",
    "/help/guide",
    "/looked",
    "/exports",
    "/system",
    "/lessons/new",
    "/polls/{poll}",
    "/members/{member}/account",
    "/members/{member}/merge/{other}",
    "/members/edits/{edit}",
    "/members/imports/{edit}",
    "/unheard",
    "/unheard/{letter}",
    "/second-factor",
    NOWHERE,
)

WITHOUT = (
    "/?org={empty}",
    "/calendar?month=2027-08",
    "/lessons?q=zzz",
    "/check-ins?org={empty}",
    "/participation?org={empty}",
    "/participation/quarter?org={empty}",
    "/members?org={empty}",
    "/polls?org={empty}",
    "/outbox?tab=sent&org={empty}",
    "/record?person=zzz",
)
"""Pages where there is nothing yet."""


ELSEWHERE = {
    "imports.look": "test_axe_finds_nothing_on_refusals_previews_and_menus",
    **dict.fromkeys(("texts.of_poll", "texts.of_row", "members.text"), "the same page as the text of a lesson"),
    "voting.published": "it stands in the room's own frame, as the ballot does: test_voting_pages",
}
"""Pages that are looked at in another test, or as another page."""

REFUSALS = ("(UNPROCESSABLE ENTITY)", "(CONFLICT)")
"""What a browser calls an error and is an answer: a form that was refused."""

SHIFTS = """
window.shifted = PerformanceObserver.supportedEntryTypes.includes("layout-shift") ? 0 : NaN;
window.moved = [];
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  if (one.hadRecentInput) return;
  window.shifted += one.value;
  const at = (place) => `${place.x},${place.y} ${place.width}x${place.height}`;
  const named = (node) => node?.outerHTML?.slice(0, 80) ?? node?.parentElement?.outerHTML.slice(0, 80);
  window.moved.push(`${Math.round(one.startTime)} ms: ${one.value.toFixed(4)}`, ...one.sources.map(
    (part) => `${named(part.node)} from ${at(part.previousRect)} to ${at(part.currentRect)}`));
})).observe({ type: "layout-shift", buffered: true });
"""
"""Adds up by how much a page shifts under the eye of who has touched nothing, and notes what went where."""


def is_complaint(said: ConsoleMessage) -> bool:
    """Tell whether a browser complains of more than the one page that is none."""
    return said.type == "error" and not said.location["url"].endswith(NOWHERE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = find_headless() or find_chromium()
    if program is None:
        (pytest.fail if in_ci() else pytest.skip)("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", ONE_LOOK])
        yield browser
        browser.close()


@pytest.fixture
def address(house: House, loop: Any) -> Iterator[str]:
    """Serve the console as the program does, and give its address."""
    base: Flask = house.app
    speech = base.extensions["zhibu"].speech
    settings = ConsoleSettings(address="http://localhost", secure_cookies=False, second_factor_required=False)
    app = laid_out(settings)
    furnish(app, house.store, loop, speech, settings)
    server = serve(app, "127.0.0.1", 0)
    yield f"http://localhost:{server.port}"
    server.stop()


@pytest.fixture
def visit(house: House, chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open a signed-in page; at the end nothing may have been asked of any other host, or refused by the policy."""
    contexts, strangers, complaints = [], [], []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(**({"locale": "zh-CN"} | options))
        contexts.append(context)
        context.add_init_script(SHIFTS)
        page = context.new_page()
        page.on("request", lambda request: strangers.append(request.url) if address not in request.url else None)
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/sign-in/{house.issue_link()}")
        page.get_by_role("button").click()
        expect(page).to_have_url(f"{address}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert strangers == []
    assert [said for said in complaints if not said.endswith(REFUSALS)] == []


def put_what_is_rare(house: House) -> None:
    """Have a sheet taken in, a message not heard and a lecture announced, so that there are pages about them."""
    seeded = house.seeded

    async def put_both() -> None:
        known = await house.store.read(lambda unit: members.member(unit, seeded.members["白云"]))
        assert known is not None
        entry = Entered(before=known, after=replace(known, post="值班员"), branch=known.organisation)
        taken = RosterImported(
            id=EDIT, by=SECRETARY, at=NOW, file="名册.csv", counts=Counts(changed=1), entries=(entry,), founded=()
        )
        await put(house.store, "sheet", taken)
        buried = Buried(cause="event:$near", room=RoomId("!one"), sender=None, reason="shape", raw=b"{}", at=NOW)
        await house.store.settle(notes=[buried])
        seeded.occurrences["lecture"] = await announce_lecture(house.store, seeded)

    house.run(put_both())
    two_meetings(house)
    begin_sign_up(house)
    hold_activity(house)
    keep_dues(house)
    put_pledge_down(house)


def filled(house: House, path: str) -> str:
    seeded = house.seeded
    return path.format(
        poll=seeded.polls["open"].id,
        other=seeded.members["陈晨"],
        edit=EDIT,
        letter=derive("event:$near", "dead"),
        empty=seeded.organisations["three"],
        lesson=seeded.lessons["safety"],
        member=seeded.members["白云"],
        ballot=seeded.ballots["fixed"],
        appraisal=seeded.appraisals["one"],
        survey=seeded.surveys["one"],
        item=seeded.items["one"],
        entry=seeded.entries["one"],
        election=seeded.elections["one"],
        review=seeded.selections["review"],
        thought_report=derive("seed thought report", "one"),
        public=seeded.selections["public"],
        branch=seeded.organisations["one"],
        roof=seeded.organisations["general"],
        **{name: seeded.occurrences.get(name, "") for name in ("closed", "planned", "missed", "lecture")},
        series=derive("seed schedule", "planned"),
        case=seeded.cases["one"],
        complaint=seeded.complaints["one"],
        help_case=derive("seed help", "one"),
        cleaning=derive("seed cleaning", "one"),
        rehearsal=derive("seed rehearsal", "one"),
        policy=derive("seed policy", "one"),
        meeting=HELD,
        called=PLANNED,
        sign_up=OPEN_SIGN_UP,
        activity=HELD_ACTIVITY,
        pledge=OWN_PLEDGE,
    )


PARTS = 4
"""Into so many runs the pages are dealt, so that no core waits for the last."""


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("width", "locale", "theme"), [(1280, "en", "light"), (390, "zh-CN", "dark")])
def test_axe_finds_nothing_on_any_page(
    house: House, address: str, visit: Callable[..., Page], width: int, locale: str, theme: str, part: int
) -> None:
    put_what_is_rare(house)
    page = visit(viewport={"width": width, "height": 800}, color_scheme=theme, locale=locale)
    # What every page is given as it begins is compiled once, and what is evaluated in each is compiled in each.
    page.context.add_init_script(AXE)
    painted: list[str] = []
    for path in (PAGES if width > 390 else (*PAGES, *WITHOUT))[part::PARTS]:
        answer = page.goto(address + filled(house, path))
        assert answer is not None
        assert answer.status == (404 if path == NOWHERE else 200), path
        said, painted = page.evaluate(PAGE_OBJECTIONS, painted)
        assert said == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate("window.shifted") <= 0.01, (path, page.evaluate("window.moved"))


@pytest.mark.parametrize("spoiled", ["color: #b0aca4", "background: #5b5650"])
def test_a_text_that_can_hardly_be_read_is_objected_to_on_whichever_page_it_comes_first(
    address: str, visit: Callable[..., Page], spoiled: str
) -> None:
    page = visit(viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en")
    page.context.add_init_script(AXE)
    page.goto(address + "/")
    said, painted = page.evaluate(PAGE_OBJECTIONS, [])
    assert said == []
    page.goto(address + "/calendar")
    page.evaluate("(how) => { document.querySelector('#main').style = how }", spoiled)
    said, _ = page.evaluate(PAGE_OBJECTIONS, painted)
    assert [rule for rule, _ in said] == ["color-contrast"]


def test_axe_finds_nothing_on_refusals_previews_and_menus(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    page = visit(viewport={"width": 390, "height": 800})

    def clean(where: str) -> None:
        assert objections(page) == [], where

    page.locator("summary", has_text="设置").click()
    clean("menu")
    page.goto(f"{address}/schedule")
    page.locator("#date").fill("2026-01-01")
    page.get_by_label("宪法第一课").check()
    page.get_by_role("button", name="排期").last.click()
    expect(page.locator("#date-error")).to_be_visible()
    clean("refused form")
    page.goto(f"{address}/members/import")
    roster = (
        "姓名,所在党支部,联系电话\n"
        "新同志,检修车间第一党支部,12\n"
        "某人,没有的支部,\n"
        "白云,检修车间第一党支部,13800000001\n"
        "王丽,检修车间第二党支部,13800000002\n"
        "王丽,检修车间第二党支部,13800000003\n"
    )
    page.locator("#file").set_input_files({"name": "名册.csv", "mimeType": "text/csv", "buffer": roster.encode()})
    page.get_by_role("button", name="看看会改什么").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("导入前先看")
    clean("roster preview")
    page.get_by_role("button", name="确认导入").click()
    page.locator("summary", has_text="撤销本次导入").click()
    clean("import")
    page.get_by_role("button", name="撤销本次导入").click()
    expect(page.get_by_role("status")).to_contain_text("已撤销")
    clean("import undone")
    page.goto(f"{address}/duties")
    page.locator("#user").fill("白云")
    page.get_by_role("button", name="授予职责").click()
    expect(page.get_by_text("职责给的是这个账号")).to_be_visible()
    clean("account of a name")
    page.goto(f"{address}/members")
    page.get_by_role("button", name="生成绑定码").click()
    expect(page.locator(".say")).to_contain_text("绑定")
    clean("code")


def test_the_preview_follows_the_text(address: str, visit: Callable[..., Page]) -> None:
    page = visit()
    page.goto(f"{address}/lessons/new")
    page.locator("#title").fill("夜班第一课")
    page.locator("#body").fill("# 要点\n\n- 一停\n- **二看** <img src=x onerror=alert(1)>")
    expect(page.locator("#preview strong", has_text="二看")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("【学习】夜班第一课")
    assert page.locator("#preview img").count() == 0


def test_the_preview_keeps_showing_media_that_were_kept(house: House, address: str, visit: Callable[..., Page]) -> None:
    files = [(io.BytesIO(picture()), "水位图.jpg"), (io.BytesIO(mp4()), "讲解.mp4")]
    lesson = written(house, house.browser(), media=files)
    page = visit()
    page.goto(f"{address}/lessons/{lesson.id}/edit")
    page.locator("#body").fill("改过的正文。")
    expect(page.locator("#preview")).to_contain_text("改过的正文。")
    expect(page.locator("#preview img")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("视频：讲解.mp4")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_text_is_copied_by_a_button_and_lies_open_without_scripts(
    house: House, address: str, visit: Callable[..., Page], scripts: bool
) -> None:
    page = visit(java_script_enabled=scripts, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/lessons/{house.seeded.lessons['law']}/text")
    text = page.locator("#text")
    expect(text).to_have_value(re.compile("宪法第一课"))
    button = page.get_by_role("button", name="复制", exact=True)
    if not scripts:
        expect(button).to_be_hidden()
        return
    button.click()
    expect(page.locator("main [role=status]")).to_have_text("已复制。")
    assert page.evaluate("navigator.clipboard.readText()") == text.input_value()


def test_the_schedule_form_asks_only_for_what_the_chosen_way_needs(address: str, visit: Callable[..., Page]) -> None:
    page = visit()
    page.goto(f"{address}/schedule")
    expect(page.locator("#date")).to_be_visible()
    expect(page.locator("#count")).to_be_hidden()
    page.get_by_label("现在就发").check()
    expect(page.locator("#date")).to_be_hidden()
    page.get_by_label("每周固定几天").check()
    expect(page.locator("#count")).to_be_visible()


def test_the_keyboard_reaches_pages_help_and_the_month(address: str, visit: Callable[..., Page]) -> None:
    page = visit()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile("/members$"))
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("?安全")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    composed = "new KeyboardEvent('keydown', {key: '?', bubbles: true, isComposing: true})"
    page.evaluate(f"document.body.dispatchEvent({composed})")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("main .list tbody tr").first.locator("a, button").first).to_be_focused()
    page.goto(f"{address}/calendar?view=month&month=2026-11")
    entries = page.locator("table.month a")
    entries.first.focus()
    page.keyboard.press("ArrowRight")
    expect(entries.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(entries.nth(2)).to_be_focused()


def test_what_is_planned_is_dragged_to_another_day_and_asks_on_the_form_that_moves_it(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    page = visit()
    page.goto(f"{address}/calendar?view=month&month=2026-11")
    entry = page.locator(f"a[data-move*='{house.seeded.occurrences['planned']}']")
    entry.drag_to(page.locator("[data-date='2026-11-28']"))
    expect(page.get_by_role("dialog").locator("[name=date]")).to_have_value("2026-11-28")


def test_m_moves_in_a_dialog_u_takes_it_back_and_keys_can_be_turned_off(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    page = visit()
    page.goto(f"{address}/check-ins/{house.seeded.occurrences['planned']}")
    was = page.locator("main time").first.inner_text()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("日期")).to_be_focused()
    assert objections(page) == []
    dialog.get_by_role("link", name="返回").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("m")
    dialog.get_by_label("日期").fill("2020-01-01")
    dialog.get_by_role("button", name="改到这个时间").click()
    expect(page.get_by_role("alert")).to_contain_text("已经过去")
    page.get_by_label("日期").fill("2026-12-02")
    page.get_by_role("button", name="改到这个时间").click()
    expect(page.get_by_role("status")).to_contain_text("时间已改")
    assert page.evaluate("window.shifted") <= 0.01, page.evaluate("window.moved")
    assert "done" not in page.url
    page.keyboard.press("u")
    expect(page.get_by_role("status")).to_contain_text("时间已改")
    expect(page.locator("main time").first).to_have_text(was)
    page.get_by_role("button", name="收起这条提示").click()
    expect(page.get_by_role("status")).to_have_count(0)
    page.goto(f"{address}/account")
    page.get_by_role("button", name="关闭", exact=True).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_is_printed_is_the_matter_alone_and_whole(house: House, address: str, visit: Callable[..., Page]) -> None:
    page = visit(viewport={"width": 794, "height": 1123})
    for path in ("/participation", "/participation/quarter", "/participation/times", "/members", "/check-ins/{closed}"):
        page.goto(address + filled(house, path))
        page.emulate_media(media="print")
        for hidden in (".top", ".rail", "button", ".chips", "dialog"):
            assert page.locator(f"{hidden} >> visible=true").count() == 0, (path, hidden)
        cut = "table => table.scrollWidth > table.parentElement.clientWidth + 1"
        assert not any(page.locator("main table").evaluate_all(f"tables => tables.map({cut})")), path
        assert page.locator("thead >> visible=true").count() >= page.locator("main table >> visible=true").count(), path
        page.emulate_media(media="screen")
    # Five who are due, two ballots on a page: the browser's own PDF, with the fonts in it.
    page.goto(address + filled(house, "/elections/{election}/ballot/print"))
    saved = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", saved)) == 3
    assert b"/FontFile" in saved


def test_a_passkey_is_made_and_then_lets_in_alone_and_proves_who_one_is(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    """S12, S13."""
    page = visit()
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**kind, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    page.goto(f"{address}/account/set-up")
    page.get_by_role("button", name="在这台设备上建一个").click()
    # Each is hashed as slowly as a password.
    expect(page.locator(".codes li")).to_have_count(10, timeout=20_000)
    page.goto(f"{address}/account")
    page.locator("summary", has_text="设置").click()
    page.get_by_role("button", name="退出", exact=True).first.click()
    page.locator("summary", has_text="不通过机器人").click()
    page.get_by_role("button", name="用通行密钥登录").click()
    expect(page).to_have_url(f"{address}/")
    house.clock.forward(timedelta(minutes=6))
    page.goto(f"{address}/duties")
    page.get_by_label("人", exact=True).fill("白云")
    page.get_by_label("职责", exact=True).last.select_option("viewer")
    page.get_by_role("button", name="授予职责").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("请确认是您本人")
    assert objections(page) == []
    page.get_by_role("button", name="用通行密钥").click()
    # Whose account it is, is shown before it gets a duty.
    expect(page.locator("main")).to_contain_text("白云")
    page.get_by_role("button", name="授予职责").click()
    expect(page.get_by_role("status")).to_contain_text("已授予")


def test_everything_works_without_scripts(house: House, address: str, visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    page.locator("#org").select_option(str(house.seeded.organisations["one"]))
    page.get_by_role("button", name="查看", exact=True).click()
    expect(page).to_have_url(re.compile("org="))
    page.goto(f"{address}/lessons/new")
    page.locator("#title").fill("没有脚本的一课")
    page.locator("#body").fill("照样能写。")
    page.get_by_role("button", name="预览").click()
    expect(page.locator("#preview")).to_contain_text("照样能写。")
    expect(page.locator("#preview-title")).to_be_in_viewport()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("已保存")
    page.get_by_role("link", name="排期").click()
    page.get_by_label("现在就发").check()
    page.get_by_role("button", name="排期").click()
    expect(page.get_by_role("status")).to_contain_text("正在发出")
    expect(page.get_by_role("main")).to_contain_text("没有脚本的一课")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_system_export_is_taken_in_decided_taken_in_again_and_taken_back(
    house: House, address: str, visit: Callable[..., Page], scripts: bool
) -> None:
    page = visit(java_script_enabled=scripts, viewport={"width": 390, "height": 800})
    people = [
        [1, "张明", BRANCH, 110101199001011234, "男", "汉族", "1990-01-01", "本科", "中共党员", "2016-06-28"],
        [2, "王丽", BRANCH, None, "女", "汉族", "1992-02", "大专", "中共党员", *[None] * 3, "13800000001"],
        [3, "王丽", BRANCH, None, "女", "汉族", "1993-03", "大专", "中共党员", *[None] * 3, "13800000002"],
    ]
    file = {"name": "党员信息.xlsx", "mimeType": "application/octet-stream", "buffer": system_export(*people)}

    def numbers() -> list[str]:
        return page.locator(".counts dd").all_inner_texts()

    def upload() -> None:
        page.goto(f"{address}/members/import")
        page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
        page.get_by_role("button", name="看看会改什么").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("导入前先看")

    upload()
    assert numbers() == ["1", "0", "0", "2", "0", "1"]
    for box in page.get_by_label("是名册里没有的人，新增").all():
        box.check()
    page.get_by_role("button", name="更新预览").click()
    expect(page.get_by_role("button", name="确认导入 3 人")).to_be_visible()
    assert numbers() == ["3", "0", "0", "0", "0", "1"]
    page.get_by_role("button", name="确认导入 3 人").click()
    expect(page.get_by_role("status")).to_contain_text("名册已导入")
    import_page = page.url
    upload()
    assert numbers() == ["0", "0", "3", "0", "0", "1"]
    page.goto(import_page)
    page.locator("summary", has_text="撤销本次导入").click()
    page.get_by_role("button", name="撤销本次导入").click()
    expect(page.get_by_role("status")).to_contain_text("已撤销")
    page.goto(f"{address}/members?q=王丽")
    expect(page.get_by_role("main")).to_contain_text("名册里没有符合这些条件的人")


@pytest.mark.parametrize("width", [1280, 390])
def test_looking_first_lands_where_the_answer_is(
    house: House, address: str, visit: Callable[..., Page], width: int
) -> None:
    page = visit(java_script_enabled=False, viewport={"width": width, "height": 700})
    page.goto(f"{address}/schedule")
    page.get_by_label("宪法第一课").check()
    page.get_by_role("button", name="先看日期").click()
    expect(page.get_by_role("heading", name="接下来会在这些时候发出")).to_be_in_viewport()
    page.goto(f"{address}/schedule")
    page.get_by_role("button", name="先看日期").click()
    expect(page.get_by_role("alert")).to_be_in_viewport()
    page.goto(f"{address}/lessons/{house.seeded.lessons['law']}/edit")
    page.locator("#body").fill("新的正文。")
    page.get_by_role("button", name="预览").click()
    expect(page.locator("#preview-title")).to_be_in_viewport()
    expect(page.locator("#preview")).to_contain_text("新的正文。")


def test_a_long_lesson_name_goes_on_beneath_itself_and_short_columns_stay_in_one_line(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    async def name() -> None:
        at = house.seeded.organisations["general"]
        title, source = "汛期行车安全与设备检查要点" * 4, "支部自编材料" * 12
        lesson = Lesson(id=LessonId("long"), owner=at, kind=Kind.LESSON, title=title, body="正文", source=source)
        await put(house.store, "long", LessonWritten(lesson=lesson, author=SECRETARY))

    house.run(name())
    page = visit(viewport={"width": 390, "height": 800})
    page.goto(f"{address}/schedule")
    lines = page.evaluate(
        """() => { const box = document.querySelector("input[value=long]"); const text = document.createRange();
        text.selectNodeContents(box.nextSibling);
        return [box.getBoundingClientRect().right, ...[...text.getClientRects()].map((line) => line.left)]; }"""
    )
    assert len(lines) > 3
    assert min(lines[1:]) > lines[0]
    assert max(lines[1:]) - min(lines[1:]) <= 1
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{address}/lessons")
    tall = page.evaluate(
        """() => [...document.querySelectorAll(".list .brief, .list .number, .list .actions")].map((cell) => {
        const text = document.createRange(); text.selectNodeContents(cell);
        return new Set([...text.getClientRects()].map((line) => Math.round(line.bottom / 8))).size; })"""
    )
    assert set(tall) == {1}


def test_a_ballot_is_read_back_sealed_and_forgotten_by_the_browser(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    """L13: nothing that was chosen leaves the browser or stays in it, nor a typed name; by keyboard, at 360 px."""
    voted.open_ballot(house, write_in=WriteIn.TEXT, election=Election(candidates=("a", "b"), seats=2, contested=False))
    page, sent = visit(viewport={"width": 360, "height": 740}, color_scheme="dark"), []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.context.clear_cookies()
    page.goto(address + voted.link_to(house))
    _is_sound(page, 360)
    expect(page.get_by_label("口令")).to_be_focused()
    page.keyboard.type(voted.CODE)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/ballot")
    group = page.get_by_role("group", name="候选人甲")
    group.get_by_label("弃权").focus()
    page.keyboard.press("ArrowUp")
    expect(group.get_by_label("不赞成")).to_be_checked()
    page.get_by_role("group", name="候选人乙").get_by_label("赞成", exact=True).check()
    page.get_by_label("另选第 1 位").fill("候选人乙")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="候选人不用再写")).to_be_visible()
    _is_sound(page, 360)
    page.get_by_label("另选第 1 位").fill(" 石榴  红隼 ")
    page.get_by_role("button", name="看一遍再投").click()
    expect(page.get_by_role("definition")).to_have_text(["不赞成", "赞成", "石榴 红隼"])
    expect(page.locator("#review")).to_be_focused()
    _is_sound(page, 360)
    page.get_by_role("button", name="返回修改").click()
    page.get_by_role("button", name="看一遍再投").click()
    assert voted.in_the_box(house) is None, "no key and no look casts anything"
    page.get_by_role("button", name="投进票箱").click()
    expect(page.get_by_role("heading", name="您的选票已放入票箱")).to_be_visible()
    _is_sound(page, 360)
    assert voted.in_the_box(house) == paper("a- b+", "石榴 红隼")
    assert not any(one in body for body in sent for one in ("m-a", "%22a%22", "石榴", quote("石榴")))
    page.go_back()
    expect(page.get_by_role("radio", checked=True)).to_have_count(2)
    expect(page.get_by_role("group", name="候选人甲").get_by_label("弃权")).to_be_checked()
    expect(page.get_by_label("另选第 1 位")).to_have_value("")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_who_is_in_the_room_votes_in_an_election_and_a_name_is_picked_from_the_roll(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    """People are ticked as they come, the line says who is missing, and the voter's page names the letter; 390 px."""
    voted.hold_election(house)
    page = visit(viewport={"width": 390, "height": 740})
    page.goto(f"{address}/elections/{electronic_votes.PAPER}/electronic")
    expect(page.get_by_role("main")).to_contain_text("应到 6，实到 0，还差 5 人")
    for one in electronic_votes.VOTERS[:5]:
        page.get_by_label(one).check()
    page.get_by_role("button", name="存下到会情况").click()
    expect(page.get_by_role("main")).to_contain_text("应到 6，实到 5，人数够了")
    _is_sound(page, 390)
    voted.open_election(house)
    page.context.clear_cookies()
    page.goto(address + voted.link_to(house))
    expect(page.get_by_label("口令")).to_be_focused()
    page.keyboard.type(voted.CODE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("矿委〔2026〕8号")
    page.get_by_role("group", name="候选人甲").get_by_label("不赞成").check()
    page.get_by_label("另选第 1 位").select_option(label="同志voter05")
    _is_sound(page, 390)
    page.get_by_role("button", name="看一遍再投").click()
    expect(page.get_by_role("definition")).to_have_text(["不赞成", "弃权", "同志voter05"])
    page.get_by_role("button", name="投进票箱").click()
    expect(page.get_by_role("heading", name="您的选票已放入票箱")).to_be_visible()
    assert voted.in_the_box(house) == paper("a-", "voter05")


def test_the_page_of_a_survey_is_filled_in_by_keyboard_at_360_px(
    house: House, address: str, visit: Callable[..., Page]
) -> None:
    """What was said in chat is filled in; each question is a group with its own name, and skipping is a choice."""
    open_survey.open_survey(house)
    page = visit(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.context.clear_cookies()
    page.goto(address + open_survey.link_to(house))
    _is_sound(page, 360)
    expect(page.get_by_label("口令")).to_be_focused()
    page.keyboard.type(open_survey.CODE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="部门").get_by_label("乙")).to_be_checked()
    expect(page.get_by_role("group", name="满意吗").get_by_label("跳过")).to_be_checked()
    _is_sound(page, 360)
    page.get_by_role("group", name="常用").get_by_label("三").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("一句话")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="您的回答已经收到")).to_be_visible()
    _is_sound(page, 360)
    assert open_survey.kept(house) == {"q1": ["2"], "q2": ["3"], "q3": ["1"], "q4": ["一句话"]}


def _is_sound(page: Page, width: int) -> None:
    assert objections(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
