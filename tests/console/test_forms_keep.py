"""Whatever a form is refused for, it comes back with everything that was typed, each in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import refused
from storage.store import Step
from tests.console.console_house import Browser, House
from tests.console.forms_on_pages import Field, Form, forms_of
from tests.console.test_in_a_browser import PAGES, filled

LOOKING = re.compile(r"/guards/.+/try")
"""Forms that change nothing: they answer with what they found, and with what was typed."""


def forms(house: House, browser: Browser) -> dict[str, Form]:
    """Return every form with something to fill in, by its address and what it carries unseen."""
    found: dict[str, Form] = {}
    for path in PAGES:
        for form in forms_of(browser.get(filled(house, path)).get_data(as_text=True)):
            if form.filled:
                marks = {name: value for name, value in form.unseen.items() if name not in {"csrf", "nonce", "mark"}}
                found.setdefault(f"{form.action} {marks or ''}", form)
    return found


def fill(form: Form, *, garbled: bool) -> None:
    """Fill a form otherwise than it stands: with what cannot be meant, or with what may."""
    for one in form.fields:
        _fill(one, garbled=garbled)
    for name in {one.name for one in form.fields if one.kind == "radio"}:
        for one in (radios := [one for one in form.fields if one.name == name]):
            one.on = one is radios[-1]


def _fill(one: Field, *, garbled: bool) -> None:
    if one.kind == "select":
        one.value = one.choices[-1] if one.choices else ""
    elif one.kind == "checkbox":
        one.on = not one.on
    elif one.kind not in ("radio", "date", "time", "hidden", "submit"):
        one.value = "〇\"<b>&'甲" if garbled else one.value or "甲乙"


def pressed(form: Form) -> list[tuple[str, str]]:
    """Return what is sent by the first button that does more than look."""
    buttons = [(one.name, one.value) for one in form.fields if one.kind == "submit" and one.name != "intent"]
    return [*form.sent(), *buttons[:1]]


def seen(form: Form) -> list[tuple[str, str]]:
    shown = [one for one in form.filled if one.attributes.get("autocomplete") != "one-time-code"]
    return [
        (one.name, one.value.replace("\r\n", "\n").strip())
        for one in shown
        if one.kind not in ("radio", "checkbox") or one.on
    ]


@pytest.mark.parametrize("garbled", [True, False])
def test_a_refused_form_comes_back_as_it_was_filled_in(
    house: House, browser: Browser, garbled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a rule says no to, nothing has to be typed twice."""
    known = forms(house, browser)
    assert len(known) > 25
    settle = house.store.settle

    async def refuse(unit: Any) -> Any:
        return refused("edits.changed_meanwhile")

    async def refusing(steps: Sequence[Step] = (), **more: Any) -> Any:
        return await settle([replace(step, decide=refuse) for step in steps], **more)

    monkeypatch.setattr(house.store, "settle", refusing)
    lost = []
    for name, form in known.items():
        fill(form, garbled=garbled)
        wanted = seen(form)
        data: list[tuple[str, str]] = pressed(form)
        answer = browser.client.post(form.action, data=_multi(data), headers=browser.headers)
        page = answer.get_data(as_text=True)
        if answer.status_code == 200:
            # What is shown before it is done carries all of it on, unseen.
            onward = next(one for one in forms_of(page) if one.action.split("?")[0] == form.action.split("?")[0])
            data = pressed(onward)
            answer = browser.client.post(onward.action, data=_multi(data), headers=browser.headers)
            page = answer.get_data(as_text=True)
        again = [one for one in forms_of(page) if one.action.split("?")[0] == form.action.split("?")[0]]
        wants = (200,) if LOOKING.match(form.action) else (409, 422)
        if answer.status_code not in wants or not any(seen(one) == wanted for one in again):
            lost.append((name, answer.status_code, wanted))
    assert lost == [], "\n".join(map(str, lost))


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
