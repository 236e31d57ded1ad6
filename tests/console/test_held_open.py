"""A form that takes long to come in is decided by what its person may do when it is there, not when it began."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from content.credentials import CredentialsReset
from content.decision import Fact
from content.identifiers import UserId
from content.organisations import Duty, DutyEnded, Role
from content.sessions import SignedOut
from content.structure import OrganisationMoved
from storage import credentials, organisations, sessions
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.console.strict_house import code, enter, equip, strict
from tests.console.test_second_factor import cookie

NEW = UserId("@new:example.org")


class Slow(io.BytesIO):
    """A body during which something happens."""

    def __init__(self, body: bytes, meanwhile: Callable[[], Any]) -> None:
        super().__init__(body)
        self._meanwhile: Callable[[], Any] | None = meanwhile

    def _wait(self) -> None:
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()

    def read(self, size: int | None = -1) -> bytes:
        self._wait()
        return super().read(size)

    def readinto(self, buffer: Any) -> int:
        self._wait()
        return super().readinto(buffer)


def post_slowly(browser: Browser, path: str, fields: dict[str, str], meanwhile: Callable[[], Any]) -> TestResponse:
    body = urlencode(fields).encode()
    return browser.client.post(
        path,
        input_stream=Slow(body, meanwhile),
        content_length=len(body),
        content_type="application/x-www-form-urlencoded",
        headers=browser.headers,
    )


def duties(house: House, user: UserId) -> tuple[Duty, ...]:
    held: tuple[Duty, ...] = house.run(house.store.read(lambda unit: organisations.duties_of(unit, user)))
    return held


@pytest.mark.parametrize("how", ["signed_out", "reset", "duty_ended", "moved"])
def test_what_was_lost_meanwhile_counts_when_the_form_is_there(house: House, browser: Browser, how: str) -> None:
    """S5, S6: signed out elsewhere, begun anew by another, a duty ended, or a part of the tree moved away."""
    at = house.seeded.organisations
    general = house.seeded.organisations["general"]
    family = house.run(house.store.read(lambda unit: sessions.sessions_of(unit, SECRETARY)))[0].family
    lost: dict[str, Fact] = {
        "signed_out": SignedOut(family=family),
        "reset": CredentialsReset(user=SECRETARY),
        "duty_ended": DutyEnded(duty=Duty(user=SECRETARY, organisation=general, role=Role.SECRETARY)),
        "moved": OrganisationMoved(organisation=at["two"], parent=at["sibling"]),
    }
    fields = browser.marks("/duties") | {"user": NEW, "role": "viewer", "place": general}
    answer = post_slowly(browser, "/duties", fields, lambda: house.run(house.store.settle(notes=[lost[how]])))
    assert duties(house, NEW) == ()
    if how in ("duty_ended", "moved"):
        assert answer.status_code == 403
    else:
        assert answer.headers["Location"] == "/sign-in"


def test_no_second_factor_is_added_to_a_sign_in_that_was_reset_meanwhile(house: House) -> None:
    """S14."""
    house = strict(house)
    browser = house.browser()
    marks = browser.marks("/account/set-up")
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    fields = marks | {"secret": secret, "code": code(house, b"Hello!\xde\xad\xbe\xef" * 2)}
    reset = CredentialsReset(user=SECRETARY)
    post_slowly(browser, "/account/set-up", fields, lambda: house.run(house.store.settle(notes=[reset])))
    assert not house.run(house.store.read(lambda unit: credentials.has_factor(unit, SECRETARY)))


def test_a_form_that_is_confirmed_inline_goes_on_with_the_new_id(house: House) -> None:
    """S3: at every step the id before it is dead, and the one after the last is alive."""
    house = strict(house)
    equip(house)
    browser = enter(house)
    house.clock.forward(timedelta(minutes=6))
    first = cookie(browser)
    secret, plain = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", b"Hello!\xde\xad\xbe\xef" * 2
    fields = browser.marks("/account") | {"secret": secret, "code": code(house, plain), "proof": code(house)}
    added = browser.post("/account/set-up", fields)
    assert "done=factor_added" in added.headers["Location"]
    assert cookie(browser) != first
    assert browser.get("/account").status_code == 200
    browser.client.set_cookie("zhibu", first, domain="console.example.org")
    assert browser.get("/").headers["Location"] == "/sign-in"
