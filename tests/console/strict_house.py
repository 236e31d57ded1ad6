"""A console that demands a second factor, and people who have one."""

from __future__ import annotations

import base64
import re

from msgspec.structs import replace

from console.app import furnish
from content.credentials import Factor, FactorAdded, Kind, code_at
from content.identifiers import FactorId, UserId
from content.organisations import Duty, DutyGranted, Role
from tests.console.console_house import Browser, House, laid_out
from tests.console.console_seeding import NOW, SECRETARY

SECRET = b"a secret of 20 bytes"


def strict(house: House) -> House:
    """Return a console over the same store that demands a second factor."""
    desk = house.app.extensions["zhibu"]
    settings = replace(desk.settings, second_factor_required=True)
    app = laid_out(settings)
    furnish(app, house.store, desk.bridge._loop, desk.speech, settings)
    return replace(house, app=app)


def code(house: House, secret: bytes = SECRET) -> str:
    """Return what an authenticator shows now."""
    return code_at(secret, int(house.clock.now.timestamp()) // 30)


def equip(house: House, user: UserId = SECRETARY) -> None:
    """Give a person an authenticator."""
    factor = Factor(id=FactorId(f"app {user}"), user=user, kind=Kind.TOTP, name="手机", secret=SECRET, made_at=NOW)
    house.run(house.store.settle(notes=[FactorAdded(factor=factor)]))


def grant(house: House, user: UserId, role: Role, place: str = "general") -> None:
    """Give a person a duty."""
    duty = Duty(user=user, organisation=house.seeded.organisations[place], role=role)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))


def prove(house: House, browser: Browser) -> None:
    """Show the second factor that is asked for after the first."""
    answer = browser.post("/second-factor", {"proof": code(house)} | browser.marks("/second-factor"))
    assert answer.status_code == 303, answer.get_data(as_text=True)


def enter(house: House, user: UserId = SECRETARY) -> Browser:
    """Sign a person in who has an authenticator."""
    browser = house.browser(user)
    prove(house, browser)
    return browser


def set_up(house: House, browser: Browser) -> tuple[bytes, list[str]]:
    """Set up an authenticator on the page; return its secret and the recovery codes."""
    page = browser.get("/account/set-up").get_data(as_text=True)
    (shown,) = re.findall(r'name="secret" value="([A-Z2-7]+)"', page)
    secret = base64.b32decode(shown)
    fields = browser.marks("/account/set-up") | {"secret": shown, "code": code(house, secret)}
    answer = browser.post("/account/set-up", fields)
    codes = re.findall(r"<code>([A-Z2-9-]+)</code>", answer.get_data(as_text=True))
    return secret, codes
