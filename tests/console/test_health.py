"""Health, readiness and metrics say how it stands to who may ask, the page says what to do, and nobody is named."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from console.app import create_app
from console.settings import ConsoleSettings
from content.speech import Speech
from storage import heartbeats
from storage.store import Step
from tests.console.console_house import ADDRESS, Browser, House
from tests.console.console_seeding import VIEWER, Seeded

TOKEN = "0123456789abcdef0123456789abcdef"
NEAR = {"Host": "127.0.0.1:8480"}


def watched(
    house: House, loop: asyncio.AbstractEventLoop, speech: Speech, *, still: float = 0.0, token: str = ""
) -> Browser:
    """Return a stranger's client of a console whose loop has not turned for so long."""
    settings = ConsoleSettings(
        address=ADDRESS, secure_cookies=False, second_factor_required=False, metrics_token=token, version="0.1.0"
    )
    return Browser(create_app(house.store, loop, speech, settings, still=lambda: still).test_client(), "en")


def beat(house: House, role: str, state: str, **measures: float) -> None:
    house.run(
        house.store.settle(
            notes=[heartbeats.Beat(role=role, state=state, at=house.clock.now, measures=measures, version="0.1.0")]
        )
    )


def test_health_is_the_process_and_its_loop_alone(
    house: House, loop: asyncio.AbstractEventLoop, speech: Speech
) -> None:
    """F12: health is red once the loop has been blocked for more than ten seconds."""
    assert watched(house, loop, speech, still=10).get("/health").get_json() == {"program": "zhibu", "status": "ok"}
    blocked = watched(house, loop, speech, still=10.5).get("/health")
    assert (blocked.status_code, blocked.get_json()["status"]) == (503, "blocked")


def test_health_answers_when_the_database_does_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.store, "look", _broken)
    browser = house.browser(None)
    assert browser.get("/health").status_code == 200
    ready = browser.get("/ready")
    assert ready.status_code == 503
    assert ready.get_json() == {"ready": False, "reasons": ["database_away"], "loop": "ok", "database": "away"}


def _broken(_question: object) -> object:
    raise OSError("a secret of the database")


def test_ready_says_that_all_parts_are_at_work(house: House) -> None:
    answer = house.browser(None).get("/ready")
    assert answer.status_code == 200
    parts = {"loop": "ok", "database": "ok", "bot": "ok", "clock": "ok", "outbox": "ok"}
    assert answer.get_json() == {"ready": True, "reasons": [], **parts}


@pytest.mark.parametrize("state", ["waiting", "sign_in_needed"])
def test_ready_says_why_the_bot_does_not_hear(house: House, state: str) -> None:
    beat(house, "bot", state, moved_at=house.clock.now.timestamp())
    answer = house.browser(None).get("/ready")
    assert (answer.status_code, answer.get_json()["reasons"]) == (503, [f"bot_{state}"])


def test_ready_says_that_a_bot_and_its_clock_are_silent(house: House) -> None:
    house.clock.forward(timedelta(seconds=90))
    assert house.browser(None).get("/ready").get_json()["reasons"] == ["bot_silent", "clock_silent"]


def test_a_clock_that_turns_without_effect_is_not_ready(house: House) -> None:
    beat(house, "clock", "stalled")
    assert house.browser(None).get("/ready").get_json()["reasons"] == ["clock_stalled"]


def test_an_outbox_out_of_which_nothing_has_gone_for_five_minutes_is_stuck(house: House) -> None:
    house.clock.forward(timedelta(minutes=6))
    beat(house, "clock", "ticking")
    beat(house, "bot", "listening", moved_at=house.clock.now.timestamp() - 299)
    assert house.browser(None).get("/ready").get_json()["outbox"] == "ok"
    beat(house, "bot", "listening", moved_at=house.clock.now.timestamp() - 300)
    assert house.browser(None).get("/ready").get_json()["reasons"] == ["outbox_stuck"]


def test_the_page_says_what_to_do_about_a_login_that_was_revoked(house: House, browser: Browser) -> None:
    page = browser.get("/system").get_data(as_text=True)
    assert "一切正常" in page
    beat(house, "bot", "sign_in_needed", moved_at=house.clock.now.timestamp())
    page = browser.get("/system").get_data(as_text=True)
    assert "机器人的登录已失效" in page
    assert "--new-login" in page
    assert "一切正常" not in page
    assert "The bot&#39;s login is no longer valid" in house.browser(language="en").get("/system").text


def test_the_page_says_that_the_clock_was_set(house: House, browser: Browser) -> None:
    """F17: a wall clock that was set back by two hours is shown, for a day."""
    beat(house, "time", "stepped", seconds=-7200)
    assert "往回拨了约 120 分钟" in browser.get("/system").get_data(as_text=True)
    beat(house, "time", "stepped", seconds=-3)
    assert "约" not in browser.get("/system").get_data(as_text=True)


def test_a_daily_backup_that_failed_is_on_the_first_page_of_who_may_operate(house: House, browser: Browser) -> None:
    """F24: the backup that failed is seen by who can see to it, until a newer one is there."""
    beat(house, "backup", "failed 65")
    assert "每日备份没有做成" in browser.get("/").get_data(as_text=True)
    assert "每日备份没有做成" in browser.get("/system").get_data(as_text=True)
    assert "每日备份没有做成" not in house.browser(VIEWER).get("/").get_data(as_text=True)
    beat(house, "bot", "listening", backup_at=house.clock.now.timestamp() + 1)
    assert "每日备份没有做成" not in browser.get("/").get_data(as_text=True)


def test_the_page_is_for_operators(house: House) -> None:
    viewer = house.browser(VIEWER)
    assert viewer.get("/system").status_code == 403
    assert "/system" not in viewer.get("/").get_data(as_text=True)


def test_metrics_are_given_to_this_machine_in_the_form_that_prometheus_reads(house: House) -> None:
    answer = house.browser(None).get("/metrics", **NEAR)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.get_data(as_text=True)
    form = re.compile(r'# (HELP|TYPE) zhibu_\w+ .+|zhibu_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?\d+(\.\d+)?(e-?\d+)?')
    assert [line for line in text.splitlines() if not form.fullmatch(line)] == []
    for line in (
        'zhibu_up{part="bot"} 1',
        "zhibu_login_revoked 0",
        "zhibu_tick_interval_seconds 2.1",
        "zhibu_delivery_sent_total 41",
        "zhibu_delivery_limited_total 3",
        'zhibu_outbox_failed{kind="post"} 1',
        "zhibu_backup_age_seconds 19800",
        'zhibu_transaction_seconds_bucket{le="0.01"} 30',
        'zhibu_transaction_seconds_bucket{le="+Inf"} 42',
        "zhibu_transaction_seconds_count 42",
    ):
        assert line in text.splitlines(), line
    assert float(re.findall(r"^zhibu_database_bytes (\d+)", text, re.MULTILINE)[0]) > 10_000


def test_metrics_hold_no_account_no_room_no_organisation_and_no_name(house: House) -> None:
    """S69: what a machine collects says nothing of anyone."""
    text = house.browser(None).get("/metrics", **NEAR).get_data(as_text=True)
    seeded: Seeded = house.seeded
    names = [*seeded.members, *seeded.members.values(), *seeded.organisations.values(), "@", "!", "$", "宪法"]
    assert [name for name in names if str(name) in text] == []
    assert "example.org" not in text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_what_a_proxy_passes_on_does_not_come_from_this_machine(house: House, header: str) -> None:
    """I083: behind a proxy every request has its address; a forged host does not help."""
    browser = house.browser(None)
    assert browser.get("/metrics", **NEAR, **{header: "127.0.0.1"}).status_code == 404
    assert browser.get("/metrics").status_code == 404


def test_another_machine_needs_the_token_of_the_settings(
    house: House, loop: asyncio.AbstractEventLoop, speech: Speech
) -> None:
    browser = watched(house, loop, speech, token=TOKEN)
    assert browser.get("/metrics", Authorization=f"Bearer {TOKEN}").status_code == 200
    for wrong in (TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer ", "Bearer ключ"):
        assert browser.get("/metrics", Authorization=wrong).status_code == 404, wrong
    without = watched(house, loop, speech)
    assert without.get("/metrics", Authorization="Bearer ").status_code == 404


def test_what_waits_is_counted_by_kind(house: House) -> None:
    before = _waiting(house)
    from content.decision import Decision, Tell, words
    from content.identifiers import Cause, UserId

    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Tell(user=UserId("@a:example.org"), words=words("help.nothing")),))

    house.run(house.store.settle([Step(cause=Cause("event:$one"), decide=decide)]))
    assert _waiting(house) == before + 1


def _waiting(house: House) -> int:
    text = house.browser(None).get("/metrics", **NEAR).get_data(as_text=True)
    return int(re.findall(r'^zhibu_outbox_waiting\{kind="tell"\} (\d+)', text, re.MULTILINE)[0])
