"""困难帮扶: who reads a case, who is answered, what is on record of looks, and what leaves in the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from content.decision import Decision, Secret
from content.help_cases import HelpCase, HelpCaseHanded, HelpCaseOpened, HelpWords, Sort, Stage
from content.identifiers import Cause, HelpCaseId, HelpWordsId, MemberId, UserId, derive
from content.organisations import Duty, DutyGranted, Role
from storage.help_cases import help_case_words, help_cases
from storage.looks import looks
from storage.store import Step
from tests.console.console_house import Browser, House
from tests.console.console_seeding import HELP_TEXT, NEIGHBOUR, SECRETARY, VIEWER

ONE, FAR = f"/help-cases/{derive('seed help', 'one')}", f"/help-cases/{derive('seed help', 'far')}"


NEAR = UserId("@near:example.org")


def rows(house: House, table: Any) -> list[Any]:
    """Return every row of a table."""
    return list(house.run(house.store.read(lambda unit: unit.rows(select(table)))))  # type: ignore[arg-type]


def row(house: House) -> Any:
    """Return the seeded case of the first branch."""
    return next(one for one in rows(house, help_cases) if ONE.endswith(one.id))


def test_the_queue_shows_numbers_and_days_and_no_word_of_what_was_said(browser: Browser) -> None:
    page = browser.get("/help-cases").get_data(as_text=True)
    assert "B-001" in page
    assert HELP_TEXT not in page
    assert "B-001" in browser.get("/help-cases?as=csv").data.decode("utf-8-sig")


def test_who_has_no_part_in_it_or_is_elsewhere_finds_no_case(house: House) -> None:
    assert house.browser(VIEWER).get("/help-cases").status_code in (403, 404)
    assert house.browser(NEIGHBOUR).get(ONE).status_code == 404
    assert house.browser(SECRETARY).get(FAR).status_code == 404


def test_each_look_at_a_case_is_on_record(house: House, browser: Browser) -> None:
    assert HELP_TEXT in browser.get(ONE).get_data(as_text=True)
    (look,) = [one for one in rows(house, looks) if one.what == "help_case"]
    assert (look.user_id, look.member_id, look.place) == (SECRETARY, None, None)


def test_it_is_taken_up_answered_described_and_closed_and_only_its_summary_leaves(
    house: House, browser: Browser
) -> None:
    browser.post(f"{ONE}/hand", {"owner": ""}, form_at=ONE)
    assert browser.post(f"{ONE}/answer", {"answer": "", "stage": "closed"}, form_at=ONE).status_code == 409
    assert browser.post(f"{ONE}/note", {"note": "先问食堂"}, form_at=ONE).status_code == 303
    described = {"category": "facilities", "summary": "=夜班用餐", "follow_up": ""}
    assert browser.post(f"{ONE}/describe", described, form_at=ONE).status_code == 303
    answered = browser.post(f"{ONE}/answer", {"answer": "下周起夜班有热饭", "stage": "closed"}, form_at=ONE)
    assert answered.status_code == 303
    assert row(house).stage == "closed"
    late = browser.post(f"{ONE}/answer", {"answer": "再说一句", "stage": ""}, form_at=ONE)
    assert late.status_code == 409
    ledger = browser.get("/help-cases/ledger.csv").data.decode("utf-8-sig")
    assert "'=夜班用餐" in ledger
    assert "（待补充）" in ledger
    for kept_in in (HELP_TEXT, "先问食堂", "下周起夜班有热饭"):
        assert kept_in not in ledger


def test_a_case_of_another_owner_is_not_answered_by_who_hands_out(house: House, browser: Browser) -> None:
    before = len(rows(house, help_case_words))
    other = house.browser(NEIGHBOUR)
    assert other.get(FAR).status_code in (200, 404)
    assert other.post(f"{ONE}/answer", {"answer": "好", "stage": ""}, form_at="/").status_code == 404
    assert len(rows(house, help_case_words)) == before


def test_who_hands_cases_out_further_above_reads_none_of_a_branch_that_has_somebody(
    house: House, browser: Browser
) -> None:
    """They see that it is there, may hand it to somebody, and read it once they have taken it up themselves."""
    case = row(house)
    near = Duty(user=NEAR, organisation=case.organisation_id, role=Role.SECRETARY)
    house.run(house.store.settle(notes=[DutyGranted(duty=near)]))
    assert browser.post(f"{ONE}/hand", {"owner": NEAR}, form_at=ONE).status_code == 303
    assert row(house).owner == NEAR
    page = browser.get(ONE).get_data(as_text=True)
    assert "B-001" in page
    assert HELP_TEXT not in page
    assert 'name="owner"' in page, "and hands it to somebody, unread"
    assert HELP_TEXT in house.browser(NEAR).get(ONE).get_data(as_text=True)
    browser.post(f"{ONE}/hand", {"owner": ""}, form_at=ONE)
    assert HELP_TEXT in browser.get(ONE).get_data(as_text=True)
    assert HELP_TEXT in house.browser(NEAR).get(ONE).get_data(as_text=True), "and so does who may hand it on"


def test_ledger_and_medians_are_of_the_year_that_is_asked_for(house: House, browser: Browser) -> None:
    year = row(house).received_on.year
    assert "B-001" in browser.get(f"/help-cases/ledger.csv?year={year}").data.decode("utf-8-sig")
    before = browser.get(f"/help-cases?year={year - 1}").get_data(as_text=True)
    assert f"{year - 1} 年困难帮扶台账" in before
    assert f"/help-cases/ledger.csv?year={year - 1}" in before
    assert "B-001" not in browser.get(f"/help-cases/ledger.csv?year={year - 1}").data.decode("utf-8-sig")
    assert browser.get("/help-cases?year=x").status_code == 400


def test_who_asked_reads_nothing_of_their_own_case_as_an_organiser(house: House, browser: Browser) -> None:
    """PRIV-16: neither in the ledger nor in the record."""
    case, own = row(house), HelpCaseId("own")
    asked = HelpCase(
        id=own,
        organisation=case.organisation_id,
        number=7,
        stage=Stage.RECEIVED,
        received_on=case.received_on,
        due_on=case.due_on,
        member=MemberId(house.seeded.members["白云"]),
        user=SECRETARY,
    )
    said = HelpWords(id=HelpWordsId("w"), case=own, sort=Sort.ASKED, text=Secret("想换个宿舍"), on=case.received_on)
    handed = HelpCaseHanded(
        case=own, organisation=case.organisation_id, owner=NEAR, stage=Stage.ACCEPTED, on=case.received_on
    )
    near = Duty(user=NEAR, organisation=case.organisation_id, role=Role.SECRETARY)

    async def decide(_unit: Any) -> Decision:
        return Decision(facts=(handed,))

    house.run(house.store.settle(notes=[HelpCaseOpened(case=asked, said=said), DutyGranted(duty=near)]))
    house.run(house.store.settle([Step(cause=Cause("form:hand"), decide=decide, actor=NEAR)]))
    for user, sees in ((NEAR, True), (SECRETARY, False)):
        reader = house.browser(user)
        ledger = reader.get(f"/help-cases/ledger.csv?year={case.received_on.year}").data.decode("utf-8-sig")
        assert "B-001" in ledger
        assert ("B-007" in ledger) is sees
        record = reader.get(f"/record?thing=help_case:{own}").get_data(as_text=True)
        assert ('href="/record/' in record.partition("<table")[2]) is sees


def test_who_writes_a_number_for_the_ledger_is_asked_to_look_once_more(browser: Browser) -> None:
    described = {"category": "facilities", "summary": "食堂 13800138000", "follow_up": ""}
    assert browser.post(f"{ONE}/describe", described, form_at=ONE).status_code == 303
    assert "像有电话号码" in browser.get(ONE).get_data(as_text=True)
