"""Signing in by password: kept as Argon2id, told alike for everyone, slowed down, and never enough alone."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from msgspec.structs import replace

from console import passwords, proving
from console.app import create_app
from console.passwords import AT_ONCE, hash_password, is_outdated, is_right, refuse_common
from content.credentials import PasswordChosen
from content.identifiers import UserId
from storage import audit, credentials
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY
from tests.console.strict_house import code, enter, equip, prove, strict

PASSWORD = "每天早上六点半出门跑三公里"


@pytest.fixture
def equipped(house: House) -> House:
    """Give a console whose secretary has an authenticator and a password."""
    house = strict(house)
    equip(house)
    house.run(house.store.settle(notes=[PasswordChosen(user=SECRETARY, hash=hash_password(PASSWORD), at=NOW)]))
    return house


def sign_in(browser: Browser, account: str, password: str, **headers: str) -> tuple[int, str]:
    answer = browser.post("/sign-in", {"account": account, "password": password} | browser.marks("/sign-in"), **headers)
    return answer.status_code, answer.headers.get("Location") or answer.get_data(as_text=True)


def test_a_password_is_kept_as_argon2id_and_stronger_than_the_least_that_is_advised() -> None:
    """S8."""
    kept = hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$")
    assert passwords.MEMORY >= 19 * 1024 * 1024
    assert passwords.PASSES >= 2
    assert is_right(kept, PASSWORD)
    assert not is_right(kept, PASSWORD + " ")
    assert not is_outdated(kept)
    assert is_outdated("$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaA")


@pytest.mark.parametrize("common", ["qwertyuiop123456", "Password1234!", "123456789012", "iloveyou2026"])
def test_what_many_people_use_is_refused_with_digits_around_it_too(common: str) -> None:
    """S10."""
    assert refuse_common(common) is not None
    assert refuse_common(PASSWORD) is None


def test_the_shipped_list_is_long_enough_and_without_capitals() -> None:
    """S10."""
    lines = passwords.COMMON.read_text(encoding="utf-8").split("\n")
    assert len(lines) > 3_000
    assert all(line == line.casefold() for line in lines)


def test_password_and_code_let_in_without_the_bot(equipped: House) -> None:
    browser = equipped.browser(None)
    assert sign_in(browser, SECRETARY, PASSWORD) == (303, "/")
    assert browser.get("/members").headers["Location"] == "/second-factor"
    prove(equipped, browser)
    assert browser.get("/members").status_code == 200


def test_a_wrong_password_and_an_unknown_account_are_told_alike_and_cost_alike(
    equipped: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S11."""
    reckoned: list[bool] = []

    def watched(kept: str | None, typed: str) -> bool:
        reckoned.append(kept is None)
        return is_right(kept, typed)

    monkeypatch.setattr(proving, "is_right", watched)
    pages = []
    for account in (SECRETARY, "@unknown:example.org"):
        status, page = sign_in(equipped.browser(None), account, "not the password")
        assert status == 422
        assert "账号或密码不对" in page
        pages.append([line for line in page.splitlines() if 'name="' not in line])
    assert pages[0] == pages[1]
    assert reckoned == [False, True]
    lines = equipped.run(equipped.store.read(audit.lines))
    tries = [(line.actor, line.subject, line.action) for line in lines if line.action in ("sign_in.wrong", "tried")]
    assert tries == [
        (None, SECRETARY, "tried"),
        (None, SECRETARY, "sign_in.wrong"),
        (None, None, "tried"),
        (None, None, "sign_in.wrong"),
    ]


def test_many_wrong_passwords_make_the_account_wait_at_every_console(equipped: House) -> None:
    """S11."""
    second = strict(equipped)
    for house in (equipped, second, equipped, second, equipped):
        assert "账号或密码不对" in sign_in(house.browser(None), SECRETARY, "not the password")[1]
    for house in (second, equipped):
        status, page = sign_in(house.browser(None), SECRETARY, PASSWORD)
        assert status == 422
        assert "试得太多了" in page
    equipped.clock.forward(timedelta(seconds=31))
    assert sign_in(equipped.browser(None), SECRETARY, PASSWORD)[0] == 303


def test_a_right_password_alone_does_not_let_codes_be_tried_for_ever(equipped: House) -> None:
    """S11."""
    browser = equipped.browser(None)
    for wrong in (3, 2):
        assert sign_in(browser, SECRETARY, PASSWORD)[0] == 303
        for _ in range(wrong):
            browser.post("/second-factor", {"proof": "000000"} | browser.marks("/second-factor"))
    assert sign_in(browser, SECRETARY, PASSWORD)[0] == 303
    answer = browser.post("/second-factor", {"proof": code(equipped)} | browser.marks("/second-factor"))
    assert "试得太多了" in answer.get_data(as_text=True)


def test_what_strangers_try_keeps_nobody_out_who_comes_by_a_link(equipped: House) -> None:
    """S11: the passwords they try are counted apart from the codes that come after a first factor."""
    stranger = equipped.browser(None)
    for _ in range(8):
        sign_in(stranger, SECRETARY, "not the password at all")
    own = equipped.browser()
    answer = own.post("/second-factor", {"proof": code(equipped)} | own.marks("/second-factor"))
    assert answer.status_code == 303


def test_one_address_waits_for_the_next_minute(equipped: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S11."""
    monkeypatch.setattr(proving, "is_right", lambda _kept, _typed: False)
    browser = equipped.browser(None)
    browser.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    said = [sign_in(browser, f"@nobody{number}:example.org", "not the password")[1] for number in range(31)]
    assert ["试得太多了" in page for page in said] == [False] * 30 + [True]
    equipped.clock.forward(timedelta(minutes=1))
    assert "账号或密码不对" in sign_in(browser, "@nobody:example.org", "x")[1]


def test_behind_a_proxy_the_address_it_names_last_counts_and_what_a_stranger_adds_does_not(
    equipped: House, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S11, S40."""
    monkeypatch.setattr(proving, "is_right", lambda _kept, _typed: False)
    monkeypatch.setattr(proving, "wait_until", lambda _tries, *, address, **_more: NOW if address >= 2 else None)
    desk = equipped.app.extensions["zhibu"]
    behind = create_app(equipped.store, loop, desk.speech, replace(desk.settings, proxies=1))
    for app, alike in ((behind, True), (equipped.app, False)):
        browser = replace(equipped, app=app).browser(None)
        seen = [
            "试得太多了"
            in sign_in(browser, "@nobody:example.org", "x", **{"X-Forwarded-For": f"198.51.100.{n}, 192.0.2.7"})[1]
            for n in range(3)
        ]
        assert seen == [False, False, alike]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ('"{n}, 192.0.2.7', "192.0.2.7"),
        ("192.0.2.7, junk-{n}", "unknown"),
        ('192.0.2.7, "{n}', "unknown"),
        ("", "unknown"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2::{n}", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_nobody_gets_round_the_limit_of_one_address_by_how_it_is_written(
    equipped: House, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, said: str, place: str
) -> None:
    """S11, S40: a quote, junk, nothing, this machine's own, and the many addresses of one IPv6 network."""
    counted: list[str] = []
    monkeypatch.setattr(proving, "_minute", lambda what: counted.append(what) or what)
    desk = equipped.app.extensions["zhibu"]
    behind = create_app(equipped.store, loop, desk.speech, replace(desk.settings, proxies=1))
    browser = replace(equipped, app=behind).browser(None)
    for n in (1, 2):
        sign_in(browser, "@nobody:example.org", "x", **{"X-Forwarded-For": said.format(n=n)})
    assert {what for what in counted if what.startswith("address")} == {f"address {place}"}


def test_who_is_not_our_proxy_is_not_believed(
    equipped: House, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S40."""
    counted: list[str] = []
    monkeypatch.setattr(proving, "_minute", lambda what: counted.append(what) or what)
    desk = equipped.app.extensions["zhibu"]
    settings = replace(desk.settings, proxies=1, proxy_address="10.0.0.2")
    browser = replace(equipped, app=create_app(equipped.store, loop, desk.speech, settings)).browser(None)
    for at in ("10.0.0.9", "10.0.0.2"):
        browser.client.environ_base["REMOTE_ADDR"] = at
        sign_in(browser, "@nobody:example.org", "x", **{"X-Forwarded-For": "192.0.2.7"})
    assert [what for what in counted if what.startswith("address")] == ["address 10.0.0.9", "address 192.0.2.7"]


def test_a_password_is_chosen_by_who_has_a_second_factor_and_ends_other_sessions(house: House) -> None:
    house = strict(house)
    equip(house)
    browser = enter(house)
    house.clock.forward(timedelta(seconds=60))
    other = enter(house)
    short = browser.post("/account/password", browser.marks("/account") | {"password": "短"})
    assert "密码太短" in short.get_data(as_text=True)
    named = browser.post("/account/password", browser.marks("/account") | {"password": "检修车间第一党支部2026年"})
    assert "太好猜" in named.get_data(as_text=True)
    done = browser.post("/account/password", browser.marks("/account") | {"password": PASSWORD})
    assert "done=password_chosen" in done.headers["Location"]
    assert browser.get("/").status_code == 200
    assert other.get("/").headers["Location"] == "/sign-in"


def test_without_a_second_factor_there_is_no_password(house: House, browser: Browser) -> None:
    refused = browser.post("/account/password", browser.marks("/account") | {"password": PASSWORD})
    assert "先设置第二重验证" in refused.get_data(as_text=True)
    assert house.run(house.store.read(lambda unit: credentials.password_of(unit, SECRETARY))) is None


def test_an_old_hash_is_made_anew_at_the_next_sign_in(equipped: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S8."""
    before = equipped.run(equipped.store.read(lambda unit: credentials.password_of(unit, SECRETARY)))
    monkeypatch.setattr(proving, "is_outdated", lambda _kept: True)
    assert sign_in(equipped.browser(None), SECRETARY, PASSWORD)[0] == 303
    after = equipped.run(equipped.store.read(lambda unit: credentials.password_of(unit, SECRETARY)))
    assert after != before
    assert is_right(after, PASSWORD)


def test_few_hashes_are_reckoned_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """S8."""
    at_once, most, go = [], [], threading.Event()

    def reckon(*_all: object, **_named: object) -> bytes:
        at_once.append(1)
        most.append(len(at_once))
        go.wait(5)
        at_once.pop()
        return b"hash"

    monkeypatch.setattr(passwords.pwhash.argon2id, "str", reckon)
    threads = [threading.Thread(target=hash_password, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(most) == 8
    assert max(most) <= AT_ONCE


@pytest.mark.parametrize("account", ["", "x" * 400, "@a:b\x01", "汉字"])
def test_odd_accounts_are_told_the_same(equipped: House, account: str) -> None:
    status, page = sign_in(equipped.browser(None), UserId(account), "not the password")
    assert status == 422
    assert "账号或密码不对" in page
