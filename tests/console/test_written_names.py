"""Names written freely in a secret ballot, at the voter's page and at the tellers' desks."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from content.ballot_files import write_share
from content.ballots import State, WriteIn
from content.elections import Election
from content.identifiers import MemberId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import ballots
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.open_ballot import come_in, form, in_the_box, link_to, open_ballot
from tests.sealed_ballots import ID, closing, paper, roll, shares, stand, vote

VOTED_ON = Election(candidates=("a", "b"), seats=1, contested=False)
SIGN = "石榴红隼"


def test_a_name_is_written_for_a_no_and_nothing_else(house: House) -> None:
    """L8 on the page: what one writes may show whose it is; a name that stands there, or too long, is told before."""
    open_ballot(house, server_seal=True, write_in=WriteIn.TEXT, election=VOTED_ON)
    voter = house.browser(None)
    come_in(voter, link_to(house))
    page = voter.get("/ballot").get_data(as_text=True)
    assert "写法特别，监票人可能认出是您" in page
    assert '<input id="w-1" name="w" data-written maxlength="40"' in page
    for odd in ({"m-a": "Y", "w": "张三"}, {"m-a": "N", "w": "候选人 乙"}, {"m-a": "N", "w": ["张三", "张三"]}):
        refused = voter.post("/ballot/review", {**form(voter), **odd})
        assert (refused.status_code, "另写的人数不能多过" in refused.get_data(as_text=True)) == (422, True), odd
    long = {"m-a": "N", "w": "三" * 41}
    for step in ("review", "cast"):
        refused = voter.post(f"/ballot/{step}", {**form(voter), **long})
        assert (refused.status_code, "不要超过 40 个字" in refused.get_data(as_text=True)) == (409, True)
    chosen = {"m-a": "N", "w": " 张\u200b 三  "}
    assert "<dd>张 三</dd>" in voter.post("/ballot/review", {**form(voter), **chosen}).get_data(as_text=True)
    assert voter.post("/ballot/cast", {**form(voter), **chosen}).status_code == 303
    assert in_the_box(house) == paper("a-", "张 三")


def tellers(house: House) -> list[Browser]:
    """Let the tellers of the ballot count at the console."""
    place, users = house.seeded.organisations["one"], [UserId(f"@teller{index}:test") for index in (1, 2, 3)]
    duties = [DutyGranted(duty=Duty(user=user, organisation=place, role=Role.TELLER)) for user in users]
    house.run(house.store.settle(notes=duties))
    return [house.browser(user) for user in users]


def press(browser: Browser, verb: str, **more: Any) -> Any:
    return browser.post(f"/ballots/{ID}/{verb}", {**browser.marks(f"/ballots/{ID}"), **more})


def choose(browser: Browser, **meant: str) -> Any:
    """Choose on the page whom texts mean, by the fields under which it shows them."""
    page = browser.get(f"/ballots/{ID}").get_data(as_text=True)
    places = dict(re.findall(r'<label for="(meant-\d+)">“([^”]+)”', page))
    return press(browser, "names", **{field: meant[text] for field, text in places.items() if text in meant})


def test_two_tellers_say_whom_names_mean_and_then_the_box_is_counted(house: House) -> None:
    open_ballot(house, write_in=WriteIn.TEXT, election=VOTED_ON)
    for member, text in zip(roll(), ("李四", "李四", SIGN, "候选人乙"), strict=False):
        house.run(vote(house.store, member.member, paper("a-", text)))
    house.run(vote(house.store, MemberId("voter04"), paper("a+")))
    house.run(house.store.settle([closing(at=house.store.now() + timedelta(days=1))]))
    first, second, third = tellers(house)
    given = [json.dumps(write_share(share)) for share in shares(1, 2)]
    for one in (first, second):
        press(one, "agree")
    found = press(first, "count", share=given)
    assert found.status_code == 303
    assert house.run(stand(house.store)).state is State.CLOSED
    seen = first.get(f"/ballots/{ID}").get_data(as_text=True)
    assert seen.count("李四") == 1, "how often it was written is not shown"
    for stranger in (house.browser(), house.browser(None)):
        assert SIGN not in stranger.get(f"/ballots/{ID}").get_data(as_text=True)
    assert press(house.browser(), "names", **{"meant-0": "-"}).status_code in (403, 409)
    meant = {"李四": "voter05", SIGN: "-", "候选人乙": "b"}
    assert choose(first, **meant).status_code == 303
    other = second.get(f"/ballots/{ID}").get_data(as_text=True)
    assert 'value="voter05" selected' not in other, "whom the first means the second does not see"
    assert press(first, "count", share=given).status_code == 303
    assert house.run(house.store.read(lambda unit: ballots.result(unit, ID))) is None
    assert choose(third, **(meant | {"李四": "-"})).status_code == 303
    assert "还有 1 种写法" in first.get(f"/ballots/{ID}").get_data(as_text=True)
    assert choose(second, 李四="-").status_code == 303
    counted = press(first, "count", share=given).get_data(as_text=True)
    assert "另选他人：不计给任何人的 3 票" in counted
    assert SIGN not in counted
    for one in (first, second):
        assert press(one, "certify").status_code == 303
    assert house.run(stand(house.store)).state is State.CERTIFIED
    page = house.browser().get(f"/ballots/{ID}").get_data(as_text=True)
    assert "（不计给任何人）：2 种写法，第 1、2、3 号认定。依据：认不出是谁" in page
    filed = house.browser().get(f"/ballots/{ID}/certificate.docx")
    with zipfile.ZipFile(io.BytesIO(filed.data)) as parts:
        text = parts.read("word/document.xml").decode()
    assert [one for one in ("2 种写法，第 1、2、3 号认定", "写了两次，那张票无效") if one not in text] == []
    assert SIGN not in text
    said = house.run(house.store.read(lambda unit: unit.rows(select(outbox.c.words).where(outbox.c.kind == "say"))))
    assert SIGN not in json.dumps([row.words for row in said], ensure_ascii=False)
