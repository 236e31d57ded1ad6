"""Every route by every role, from its own place, above, below, beside and elsewhere: what the table of rights says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from console import access
from content.identifiers import OrganisationId, UserId
from content.organisations import RIGHTS, Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from tests.console.console_house import House
from tests.console.test_borders import PUBLIC, far_values, path_of

OWN = "one"
WITHIN = {"own", "child"}


@pytest.fixture
def places(house: House) -> dict[str, OrganisationId]:
    at = house.seeded.organisations
    other = Organisation(id=OrganisationId("elsewhere"), parent=None, kind=Kind.BRANCH, name="别处")
    house.run(house.store.settle(notes=[OrganisationFounded(organisation=other)]))
    return {"own": at[OWN], "parent": at["general"], "child": at["group"], "sibling": at["two"], "other": other.id}


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let what is known of who asks be read once for each role, and not for each of thousands of requests."""
    known: list[Any] = []
    read = access.ask

    def ask(question: Any) -> Any:
        if not known:
            known.append(read(question))
        return known[0]

    monkeypatch.setattr(access, "ask", ask)
    return known.clear


def outcome(app: Flask, path: str, method: str, headers: dict[str, str], csrf: str) -> int:
    """Return what becomes of a request before its page is asked: 200 where it would be."""
    data = {"csrf": csrf} if method == "POST" else None
    with app.test_request_context(path, method=method, headers=headers, data=data):
        try:
            answer: Any = app.preprocess_request()
        except HTTPException as error:
            return error.code or 500
        return 200 if answer is None else int(answer.status_code)


@pytest.mark.parametrize("role", Role)
def test_every_route_does_for_every_role_and_place_what_the_table_says(
    house: House, places: dict[str, OrganisationId], read_once: Callable[[], None], role: Role
) -> None:
    """S18, S19."""
    user = UserId(f"@{role.value}:example.org")
    duty = DutyGranted(duty=Duty(user=user, organisation=places["own"], role=role))
    house.run(house.store.settle(notes=[duty]))
    read_once()
    browser = house.browser(user)
    read_once()
    cookie = browser.client.get_cookie("zhibu", domain="console.example.org")
    assert cookie is not None
    headers = browser.headers | {"Cookie": f"zhibu={cookie.value}"}
    csrf = browser.marks("/")["csrf"]
    read_once()
    checked = 0
    for rule in house.app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        right, values = getattr(house.app.view_functions[rule.endpoint], access._MARK), far_values(house, rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for name, place in places.items():
                path = f"{path_of(rule, values)}?org={place}"
                expected = 403 if right not in RIGHTS[role] else 200 if name in WITHIN else 404
                assert outcome(house.app, path, method, headers, csrf) == expected, (rule, method, role, name)
                checked += 1
    assert checked > 2_000 / len(Role)
