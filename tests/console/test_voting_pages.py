"""The voter's pages: in once by a private link, only an envelope comes out, and nothing else is kept of the visit."""

from __future__ import annotations

import json
import logging
import re
import subprocess
from base64 import b64encode
from datetime import timedelta
from hashlib import blake2b, sha256
from pathlib import Path

import pytest
from sqlalchemy import select

import console
from content.ballot_papers import receipt, set_hash, write_paper
from content.ballots import WriteIn
from content.elections import Ballot as Paper
from content.identifiers import EventId, UserId
from content.members import MemberLeft
from content.shares import combine
from storage.audit import audit, causes
from storage.envelopes import open_envelope, seal
from storage.outbox import Sent
from tests.console.console_house import Browser, House
from tests.console.open_ballot import OTHER, VOTER, come_in, form, in_the_box, link_to, open_ballot
from tests.sealed_ballots import ID, OTHERS, ballot, ceremony, closing, paper, roll, stand, vote
from tests.second_client.installed import NODE

SCRIPTS = Path(console.__file__).parent / "static"


@pytest.fixture
def voter(house: House) -> Browser:
    """Give a browser that has come in by its link, to a ballot sealed in browsers only."""
    open_ballot(house)
    browser = house.browser(None)
    assert come_in(browser, link_to(house)).status_code == 303
    return browser


def sealed(plain: bytes) -> str:
    return b64encode(seal(plain, ballot().key, ballot().length)).decode()


def test_looking_at_a_link_uses_nothing_up_and_pressing_the_button_does(house: House) -> None:
    """A client's preview, two tabs, a link that was passed on."""
    open_ballot(house)
    path, first, other = link_to(house), house.browser(None), house.browser(None)
    for _ in range(3):
        assert other.get(path).status_code == 200
    assert come_in(first, path).status_code == 303
    assert first.get("/ballot").status_code == 200
    assert come_in(other, path).status_code == 409
    assert other.get("/ballot").status_code == 409
    assert come_in(first, path).status_code == 409
    assert first.get("/ballot").status_code == 200, "who pressed it twice is still in"


def test_a_link_that_was_asked_for_ends_the_older_one_and_its_browser(house: House, voter: Browser) -> None:
    path = link_to(house, "another", asked=True)
    assert voter.get("/ballot").status_code == 409
    assert come_in(voter, path).status_code == 303
    assert voter.get("/ballot").status_code == 200


def test_a_link_that_is_sent_to_all_leaves_who_has_come_in_at_their_paper_until_it_is_used(
    house: House, voter: Browser
) -> None:
    link_to(house, "second")
    path, other = link_to(house, "third"), house.browser(None)
    box = sealed(paper("a+"))
    assert voter.post("/ballot/cast", {**form(voter), "box": box}).headers["Location"].endswith("/ballot/done")
    assert come_in(other, path).status_code == 303
    assert other.get("/ballot").status_code == 200
    assert voter.get("/ballot").status_code == 409, "one paper, one browser"
    assert come_in(voter, path).status_code == 409


def test_an_asked_for_link_that_was_not_opened_gives_way_to_the_one_that_all_are_sent(house: House) -> None:
    """The desk knows of no time at which somebody asked; after the hour of peace they are sent another as all are."""
    open_ballot(house)
    asked, sent, voter = link_to(house, "asked", asked=True), link_to(house, "sent"), house.browser(None)
    late = come_in(voter, asked)
    assert (late.status_code, "后来给您发了新的" in late.get_data(as_text=True)) == (409, True)
    assert come_in(voter, sent).status_code == 303


def test_a_link_that_was_passed_on_opens_nothing_without_its_code(house: House) -> None:
    """X11, L12: after five guesses not even with it, and its owner is sent another at once."""
    open_ballot(house)
    path, thief = link_to(house), house.browser(None)
    page = thief.get(path).get_data(as_text=True)
    assert "光有链接投不了票" in page
    for guess in ("", "000000", "12345", "1234567", "654321"):
        answer = come_in(thief, path, guess)
        assert (answer.status_code, "口令不对" in answer.get_data(as_text=True)) == (409, True)
        assert thief.get("/ballot").status_code == 409
    assert come_in(thief, path).status_code == 409
    told = []
    for _ in range(3):
        sent = house.run(house.store.claim(worker="w", device="D", lease=timedelta(minutes=1), limit=64))
        told += [one.words for one in sent if one.user == UserId(f"@{VOTER}:test") and one.words is not None]
        done = [Sent(claimed=one, event_id=EventId(f"${one.id}"), at=house.store.now()) for one in sent]
        house.run(house.store.settle(notes=done))
    assert [one.key for one in told] == ["ballot.link_was_tried", "ballot.invited", "ballot.code"]
    fresh, code = str(told[1].parameters["link"]).partition("/ballot/")[2], str(told[2].parameters["code"])
    assert come_in(house.browser(None), f"/ballot/{fresh}", f" {code[:3]} {code[3:]} ").status_code == 303


def test_of_a_voter_without_an_account_a_link_stays_locked_after_five_wrong_codes(house: House) -> None:
    """X11: there is nobody whom another could be sent to."""
    open_ballot(house)
    house.run(house.store.settle(notes=[MemberLeft(member=VOTER, at=house.store.now())]))
    path, thief = link_to(house), house.browser(None)
    for _ in range(5):
        come_in(thief, path, "000000")
    locked = come_in(thief, path)
    assert (locked.status_code, "口令错得太多" in locked.get_data(as_text=True)) == (409, True)
    assert come_in(thief, link_to(house, "new"), " １２３ 456 ").status_code == 303


def test_a_browser_that_came_in_is_out_after_an_hour_whatever_it_says(house: House, voter: Browser) -> None:
    """The server keeps to the hour as well, and no time of it lies in the database."""
    name = next(cookie.key for cookie in voter.client._cookies.values() if cookie.key.endswith("-ballot"))
    held = voter.client.get_cookie(name, domain="console.example.org")
    assert held is not None
    house.clock.now += timedelta(minutes=59)
    assert voter.get("/ballot").status_code == 200
    house.clock.now += timedelta(minutes=1)
    voter.client.set_cookie(name, held.value, domain="console.example.org")
    assert voter.get("/ballot").status_code == 409
    secret = held.value.rpartition(".")[0]
    for forged in (f"{secret}.99999999999", f"{secret}.", secret, f"{secret}.nan", f"{held.value}0"):
        voter.client.set_cookie(name, forged, domain="console.example.org")
        assert voter.get("/ballot").status_code == 409, forged


def test_a_link_is_not_opened_where_another_account_is_signed_in(house: House) -> None:
    """X11: bound to the member, not to whoever holds it."""
    open_ballot(house)
    secretary = house.browser()
    answer = come_in(secretary, link_to(house))
    assert (answer.status_code, "不是给现在登录的这个账号的" in answer.get_data(as_text=True)) == (409, True)


def test_a_page_of_whoever_voted_here_before_is_not_taken_for_the_next(house: House, voter: Browser) -> None:
    """Two voters at one machine, the Back button, two tabs: a form belongs to its voter."""
    before = form(voter)
    assert come_in(voter, link_to(house, "next", member=OTHER)).status_code == 303
    answer = voter.post("/ballot/cast", {**before, "box": sealed(paper("a+"))})
    assert (answer.status_code, "先前那位投票人" in answer.get_data(as_text=True)) == (409, True)
    assert (in_the_box(house), in_the_box(house, OTHER)) == (None, None)
    assert voter.post("/ballot/cast", {**form(voter), "box": sealed(paper("b+"))}).status_code == 303
    assert in_the_box(house, OTHER) == paper("b+")


def test_a_browser_stays_with_its_voter_for_a_short_while_and_not_at_all_once_they_leave(
    house: House, voter: Browser
) -> None:
    answer = voter.post("/ballot/cast", {**form(voter), "box": sealed(paper("a+"))})
    assert "Max-Age=600" in answer.headers["Set-Cookie"]
    held = voter.client.get_cookie("zhibu-ballot", domain="console.example.org")
    assert voter.post("/ballot/leave", voter.marks("/ballot/done")).status_code == 200
    assert voter.client.get_cookie("zhibu-ballot", domain="console.example.org") is None
    assert held is not None
    voter.client.set_cookie("zhibu-ballot", held.value, domain="console.example.org")
    assert voter.get("/ballot").status_code == 409, "whoever kept the cookie is out too"
    assert in_the_box(house) == paper("a+")


def test_a_change_on_a_page_that_was_used_is_refused_and_never_confirmed(house: House, voter: Browser) -> None:
    """The Back button after a vote: what would be dropped is not called taken."""
    fields = form(voter)
    assert voter.post("/ballot/cast", {**fields, "box": sealed(paper("a+"))}).status_code == 303
    answer = voter.post("/ballot/cast", {**fields, "box": sealed(paper("b+"))})
    assert (answer.status_code, "这次的改动没有收下" in answer.get_data(as_text=True)) == (409, True)
    assert in_the_box(house) == paper("a+")


def test_the_list_of_envelopes_is_there_after_the_close_and_holds_every_receipt(house: House, voter: Browser) -> None:
    """Invariant 12: sorted, the empty ones too, and nobody's name."""
    box = seal(paper("a+"), ballot().key, ballot().length)
    voter.post("/ballot/cast", {**form(voter), "box": b64encode(box).decode()})
    assert house.browser(None).get(f"/ballot/list/{ID}").status_code == 404
    for number, member in enumerate(one.member for one in roll()[1:]):
        house.run(vote(house.store, member, paper("b+" if number % 2 else "a+")))
    house.clock.now += timedelta(days=1)
    house.run(house.store.settle([closing()]))
    page = house.browser(None).get(f"/ballot/list/{ID}").get_data(as_text=True)
    listed = re.findall(r"<li><code[^>]*>([0-9a-f]{64})</code></li>", page)
    assert listed == sorted(listed)
    assert (len(listed), receipt(box) in listed) == (6, True)
    stands = house.run(stand(house.store))
    assert set_hash(listed) == stands.set_hash
    assert stands.set_hash in page
    assert VOTER not in page
    for name in ("voting.js", "nacl-fast.min.js"):
        served = house.browser(None).get(f"/static/{name}").data
        assert sha256(served).hexdigest() in page, "what sealed them is named by its hash as well"


def test_an_expired_link_says_so_and_a_browser_is_out_with_it(house: House, voter: Browser) -> None:
    path = link_to(house, "late")
    house.clock.now += timedelta(hours=23)
    answer = come_in(house.browser(None, language="en"), path)
    assert (answer.status_code, "This link has expired" in answer.get_data(as_text=True)) == (409, True)
    assert voter.get("/ballot").status_code == 409


def test_the_page_names_the_voter_and_everyone_who_stands_and_says_how_secret_it_is(voter: Browser) -> None:
    page = voter.get("/ballot").get_data(as_text=True)
    for said in (
        VOTER,
        "候选人甲",
        "候选人乙",
        "最多可以赞成 1 人",
        '<details class="help" open>',
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
        answer = voter.post("/ballot/cast", {**form(voter), "box": b64encode(box).decode()})
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
    fields = {**form(voter), "box": sealed(paper("a+"))}
    assert [voter.post("/ballot/cast", fields).status_code for _ in range(2)] == [303, 303]
    assert in_the_box(house) == paper("a+")


@pytest.mark.parametrize("box", ["", "?", "Zm9v", b64encode(bytes(561)).decode(), "候选人甲"])
def test_what_is_no_envelope_is_refused_and_changes_nothing(house: House, voter: Browser, box: str) -> None:
    assert voter.post("/ballot/cast", {**form(voter), "box": box}).status_code == 409
    assert in_the_box(house) is None


WATCHED = (
    *("/", "/ballots", f"/ballots/{ID}", f"/ballots/{ID}/manifest.json", "/model-members", "/record", "/system"),
    *("/outbox?tab=waiting", "/outbox?tab=sent", "/outbox?tab=failed", "/members", f"/members/{VOTER}"),
    *("/participation/burden", "/search?q=voter00", "/calendar", "/exports", "/looked"),
)


def test_while_it_is_open_no_page_of_the_desk_changes_with_a_vote(house: House, browser: Browser) -> None:
    """L6: whoever reminds one and watches, or reads any page before and after, learns nothing."""
    open_ballot(house)

    def seen() -> dict[str, str]:
        pages = {path: browser.get(path) for path in WATCHED}
        assert {page.status_code for page in pages.values()} == {200}
        return {
            path: re.sub(r'name="(csrf|nonce|mark)" value="[^"]*"', "", page.get_data(as_text=True))
            for path, page in pages.items()
        }

    seen()
    before = seen()
    for member, marks in ((VOTER, "a+"), (OTHER, "b+")):
        house.run(vote(house.store, member, paper(marks)))
        assert seen() == before


def test_after_the_close_nothing_goes_in(house: House, voter: Browser) -> None:
    fields = {**form(voter), "box": sealed(paper("a+"))}
    house.clock.now += timedelta(days=1)
    assert voter.post("/ballot/cast", fields).status_code in (403, 409)
    assert in_the_box(house) is None


def test_a_visit_leaves_no_record_and_no_word_in_a_log(
    house: House, voter: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """L5, L14."""
    caplog.set_level(logging.DEBUG)
    before = house.run(house.store.read(lambda unit: unit.rows(select(audit))))
    seen = house.run(house.store.read(lambda unit: unit.rows(select(causes))))
    come_in(house.browser(None), link_to(house, "other", member=OTHER))
    voter.post("/ballot/cast", {**form(voter), "box": sealed(paper("a+"))})
    voter.post("/ballot/cast", {**form(voter), "box": "canary"})
    assert house.run(house.store.read(lambda unit: unit.rows(select(audit)))) == before
    assert house.run(house.store.read(lambda unit: unit.rows(select(causes)))) == seen
    assert VOTER not in caplog.text
    assert "canary" not in caplog.text


def test_without_scripts_a_ballot_that_is_sealed_in_browsers_is_refused(house: House, voter: Browser) -> None:
    answer = voter.post("/ballot/review", {**form(voter), "m-a": "Y"})
    assert (answer.status_code, "JavaScript" in answer.get_data(as_text=True)) == (409, True)
    assert voter.post("/ballot/cast", {**form(voter), "m-a": "Y"}).status_code == 409
    assert in_the_box(house) is None


def test_where_it_is_allowed_the_server_seals_reads_back_first_and_says_what_it_sees(house: House) -> None:
    open_ballot(house, server_seal=True)
    voter = house.browser(None)
    come_in(voter, link_to(house))
    page = voter.post("/ballot/review", {**form(voter), "m-a": "Y", "m-b": "?"}).get_data(as_text=True)
    assert "服务器内存里出现一瞬间" in page
    assert "<dt>候选人甲</dt><dd>赞成</dd>" in page
    assert "<dt>候选人乙</dt><dd>弃权</dd>" in page
    unsealed = voter.post("/ballot/cast", {**form(voter), "box": ""})
    assert (unsealed.status_code, in_the_box(house)) == (409, None), "a script that failed cast an empty ballot"
    assert voter.post("/ballot/cast", {**form(voter), "m-a": "Y"}).status_code == 303
    assert in_the_box(house) == paper("a+")


def test_whom_the_roll_holds_can_be_written_in_for_a_no_and_nobody_else(house: House) -> None:
    """A write-in is picked from the roll; names stand on the page, and entries in the envelope."""
    open_ballot(house, server_seal=True, write_in=WriteIn.ROLL, election=OTHERS)
    voter = house.browser(None)
    come_in(voter, link_to(house))
    page = voter.get("/ballot").get_data(as_text=True)
    assert re.findall(r'<option value="(voter\d+)">', page) == [one.member for one in roll()]
    odd = {**form(voter), "m-a": "Y", "w": "voter03"}
    refused = voter.post("/ballot/review", odd)
    assert (refused.status_code, "另选的人数不能多过不赞成的人数" in refused.get_data(as_text=True)) == (422, True)
    chosen = {**form(voter), "m-a": "N", "w": ["voter03", "陌生人", ""]}
    assert "<dt>另选他人</dt><dd>voter03</dd>" in voter.post("/ballot/review", chosen).get_data(as_text=True)
    assert voter.post("/ballot/cast", {**chosen, **form(voter)}).status_code == 303
    assert in_the_box(house) == paper("a-", "voter03")


def test_where_nobody_may_be_written_in_nobody_is_offered(house: House) -> None:
    open_ballot(house, server_seal=True)
    voter = house.browser(None)
    come_in(voter, link_to(house))
    assert "data-written" not in voter.get("/ballot").get_data(as_text=True)
    assert voter.post("/ballot/cast", {**form(voter), "m-a": "N", "w": "voter03"}).status_code == 303
    assert in_the_box(house) == paper("a-")


NODE_SEALS = """
globalThis.nacl = require(process.argv[1] + "/nacl-fast.min.js");
const { blake2b, seal, write, writeSheet } = require(process.argv[1] + "/voting.js");
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const asked = JSON.parse(process.argv[2]);
const key = Uint8Array.from(Buffer.from(asked.key, "hex"));
console.log(JSON.stringify({
  hashes: asked.inputs.map((one) => hex(blake2b(Uint8Array.from(Buffer.from(one, "hex")), 24))),
  papers: asked.marks.map((one) => hex(write(one))),
  written: hex(write({ a: "N", b: "N" }, ["voter05", "voter02"])),
  sheets: asked.sheets.map((one) => hex(writeSheet(one))),
  boxes: asked.marks.map((one) => hex(seal(write(one), key, asked.length))),
}));
"""


def test_what_the_browsers_script_seals_opens_here() -> None:
    """Its bytes are those of libsodium: hash, paper, padding and box."""
    one, inputs = ballot(), [bytes([seed]) * length for seed, length in ((0, 0), (7, 64), (255, 64), (3, 128))]
    marks = [{}, {"b": "N", "a": "Y"}, {"a": "N"}]
    asked: dict[str, object] = {
        "key": one.key.hex(),
        "length": one.length,
        "inputs": [each.hex() for each in inputs],
        "marks": marks,
    }
    sheets: list[dict[str, list[str]]] = [{}, {"q2": ["1", "3"], "q10": ["写一句\n“第二行”\\"]}]
    asked["sheets"] = sheets
    ran = subprocess.run(
        [NODE, "-e", NODE_SEALS, str(SCRIPTS), json.dumps(asked)], capture_output=True, text=True, check=True
    )
    found = json.loads(ran.stdout)
    assert found["hashes"] == [blake2b(each, digest_size=24).hexdigest() for each in inputs]
    assert [bytes.fromhex(each) for each in found["papers"]] == [paper(), paper("a+ b-"), paper("a-")]
    assert bytes.fromhex(found["written"]) == paper("a- b-", "voter02", "voter05"), "whom one writes first is no sign"
    papers = [Paper(answers={name: tuple(said) for name, said in each.items()}) for each in sheets]
    assert [bytes.fromhex(each) for each in found["sheets"]] == [write_paper(each) for each in papers]
    private = combine(ceremony().shares)
    boxes = [bytes.fromhex(each) for each in found["boxes"]]
    assert [open_envelope(each, private, one.length) for each in boxes] == [paper(), paper("a+ b-"), paper("a-")]
    assert {len(each) for each in boxes} == {one.length}
