"""The voter's pages: in once by a private link, only an envelope comes out, and nothing else is kept of the visit."""

from __future__ import annotations

import json
import logging
import subprocess
from base64 import b64encode
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

import pytest
from sqlalchemy import select

import console
from content.ballot_papers import receipt
from content.shares import combine
from storage.audit import audit, causes
from storage.envelopes import open_envelope, seal
from tests.console.console_house import Browser, House
from tests.console.open_ballot import VOTER, in_the_box, link_to, open_ballot
from tests.sealed_ballots import ballot, ceremony, paper
from tests.second_client.installed import NODE

SCRIPTS = Path(console.__file__).parent / "static"


@pytest.fixture
def voter(house: House) -> Browser:
    """Give a browser that has come in by its link, to a ballot sealed in browsers only."""
    open_ballot(house)
    browser = house.browser(None)
    assert browser.post(link_to(house)).status_code == 303
    return browser


def sealed(plain: bytes) -> str:
    return b64encode(seal(plain, ballot().key, ballot().length)).decode()


def test_looking_at_a_link_uses_nothing_up_and_pressing_the_button_does(house: House) -> None:
    """A client's preview, two tabs, a link that was passed on."""
    open_ballot(house)
    path, first, other = link_to(house), house.browser(None), house.browser(None)
    for _ in range(3):
        assert other.get(path).status_code == 200
    assert first.post(path).status_code == 303
    assert first.get("/ballot").status_code == 200
    assert other.post(path).status_code == 409
    assert other.get("/ballot").status_code == 409
    assert first.post(path).status_code == 409
    assert first.get("/ballot").status_code == 200, "who pressed it twice is still in"


def test_a_newer_link_ends_the_older_one_and_its_browser(house: House, voter: Browser) -> None:
    path = link_to(house, "another")
    assert voter.get("/ballot").status_code == 409
    assert voter.post(path).status_code == 303
    assert voter.get("/ballot").status_code == 200


def test_an_expired_link_says_so_and_a_browser_is_out_with_it(house: House, voter: Browser) -> None:
    path = link_to(house, "late")
    house.clock.now += timedelta(hours=23)
    answer = house.browser(None, language="en").post(path)
    assert (answer.status_code, "This link has expired" in answer.get_data(as_text=True)) == (409, True)
    assert voter.get("/ballot").status_code == 409


def test_the_page_names_the_voter_and_everyone_who_stands_and_says_how_secret_it_is(voter: Browser) -> None:
    page = voter.get("/ballot").get_data(as_text=True)
    for said in (
        VOTER,
        "候选人甲",
        "候选人乙",
        "最多可以赞成 1 人",
        "任何人（包括管理员）都打不开",
        "无法防止有人旁观",
    ):
        assert said in page
    english = voter.client.get("/ballot", headers={**voter.headers, "Accept-Language": "en"}).get_data(as_text=True)
    assert "You may approve of one person" in english


def test_an_envelope_goes_into_the_box_and_the_page_says_so_with_its_receipt(house: House, voter: Browser) -> None:
    """L13: the receipt proves that it is in, and not what it holds."""
    one = ballot()
    for marks in ("a+ b-", "b+"):
        box = seal(paper(marks), one.key, one.length)
        answer = voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": b64encode(box).decode()})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/ballot/done")
        said = voter.get("/ballot/done").get_data(as_text=True)
        assert "您的选票已放入票箱" in said
        assert receipt(box) in said
        assert in_the_box(house) == paper(marks)
    page = voter.get("/ballot").get_data(as_text=True)
    assert "以最后一次为准" in page
    assert page.count("checked") == 2, "only the abstentions that an empty ballot begins with"


def test_the_same_form_twice_is_one_vote(house: House, voter: Browser) -> None:
    """A double click, the Back button."""
    fields = {**voter.marks("/ballot"), "box": sealed(paper("a+"))}
    assert [voter.post("/ballot/cast", fields).status_code for _ in range(2)] == [303, 303]
    assert in_the_box(house) == paper("a+")


@pytest.mark.parametrize("box", ["", "?", "Zm9v", b64encode(bytes(561)).decode(), "候选人甲"])
def test_what_is_no_envelope_is_refused_and_changes_nothing(house: House, voter: Browser, box: str) -> None:
    assert voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": box}).status_code == 409
    assert in_the_box(house) is None


def test_after_the_close_nothing_goes_in(house: House, voter: Browser) -> None:
    fields = {**voter.marks("/ballot"), "box": sealed(paper("a+"))}
    house.clock.now += timedelta(days=1)
    assert voter.post("/ballot/cast", fields).status_code in (403, 409)
    assert in_the_box(house) is None


def test_a_visit_leaves_no_record_and_no_word_in_a_log(
    house: House, voter: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """L5, L14."""
    caplog.set_level(logging.DEBUG)
    before = house.run(house.store.read(lambda unit: unit.rows(select(audit))))
    voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": sealed(paper("a+"))})
    voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": "canary"})
    assert house.run(house.store.read(lambda unit: unit.rows(select(audit)))) == before
    kept = house.run(house.store.read(lambda unit: unit.rows(select(causes).where(causes.c.cause.startswith("cast:")))))
    assert {row.at.hour for row in kept} == {0}
    assert VOTER not in caplog.text
    assert "canary" not in caplog.text


def test_without_scripts_a_ballot_that_is_sealed_in_browsers_is_refused(house: House, voter: Browser) -> None:
    marks = voter.marks("/ballot")
    answer = voter.post("/ballot/review", {**marks, "m-a": "Y"})
    assert (answer.status_code, "JavaScript" in answer.get_data(as_text=True)) == (409, True)
    assert voter.post("/ballot/cast", {**voter.marks("/ballot"), "m-a": "Y"}).status_code == 409
    assert in_the_box(house) is None


def test_where_it_is_allowed_the_server_seals_reads_back_first_and_says_what_it_sees(house: House) -> None:
    open_ballot(house, server_seal=True)
    voter = house.browser(None)
    voter.post(link_to(house))
    page = voter.post("/ballot/review", {**voter.marks("/ballot"), "m-a": "Y", "m-b": "?"}).get_data(as_text=True)
    assert "服务器内存里出现一瞬间" in page
    assert "<dt>候选人甲</dt><dd>赞成</dd>" in page
    assert "<dt>候选人乙</dt><dd>弃权</dd>" in page
    unsealed = voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": ""})
    assert (unsealed.status_code, in_the_box(house)) == (409, None), "a script that failed cast an empty ballot"
    assert voter.post("/ballot/cast", {**voter.marks("/ballot"), "m-a": "Y"}).status_code == 303
    assert in_the_box(house) == paper("a+")


NODE_SEALS = """
globalThis.nacl = require(process.argv[1] + "/nacl-fast.min.js");
const { blake2b, seal, write } = require(process.argv[1] + "/voting.js");
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const asked = JSON.parse(process.argv[2]);
const key = Uint8Array.from(Buffer.from(asked.key, "hex"));
console.log(JSON.stringify({
  hashes: asked.inputs.map((one) => hex(blake2b(Uint8Array.from(Buffer.from(one, "hex")), 24))),
  papers: asked.marks.map((one) => hex(write(one))),
  boxes: asked.marks.map((one) => hex(seal(write(one), key, asked.length))),
}));
"""


def test_what_the_browsers_script_seals_opens_here() -> None:
    """Its bytes are those of libsodium: hash, paper, padding and box."""
    one, inputs = ballot(), [bytes([seed]) * length for seed, length in ((0, 0), (7, 64), (255, 64), (3, 128))]
    marks = [{}, {"b": "N", "a": "Y"}, {"a": "N"}]
    asked = {"key": one.key.hex(), "length": one.length, "inputs": [each.hex() for each in inputs], "marks": marks}
    ran = subprocess.run(
        [NODE, "-e", NODE_SEALS, str(SCRIPTS), json.dumps(asked)], capture_output=True, text=True, check=True
    )
    found = json.loads(ran.stdout)
    assert found["hashes"] == [blake2b(each, digest_size=24).hexdigest() for each in inputs]
    assert [bytes.fromhex(each) for each in found["papers"]] == [paper(), paper("a+ b-"), paper("a-")]
    private = combine(ceremony().shares)
    boxes = [bytes.fromhex(each) for each in found["boxes"]]
    assert [open_envelope(each, private, one.length) for each in boxes] == [paper(), paper("a+ b-"), paper("a-")]
    assert {len(each) for each in boxes} == {one.length}
