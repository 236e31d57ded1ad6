"""Every column is declared personal or not, and what is held about one person is found whole, on both engines."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Time,
    create_engine,
    insert,
)
from sqlalchemy.pool import StaticPool

from content.burden import Cap
from content.corrections import Mark, record_by_hand
from content.decision import Decision
from content.disclosures import Section, _plain, compose
from content.identifiers import MemberId, UserId
from content.settings import SettingChosen
from content.speech import Reader
from storage import checkins, holdings
from storage.disclosures import IMPERSONAL, PERSONAL, Held, Why
from storage.engines import sqlite3
from storage.store import Step, Store
from storage.tables import Instant, metadata
from tests.small_branch import (
    LESSON,
    LI,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    SUN,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
)
from zhibu.catalogue import load_speech

NAMING = ("user_id", "member_id", "sender", "author", "actor", "starter", "account", "answered_by", "recorded_by")
"""Columns of these names hold a person; a table that is said to name none has none of them."""

EXPECTED_ELSEWHERE = {("checkpoints", "account"), ("upload_limits", "user_id")}
"""The bot's own account."""


def undeclared(tables: MetaData, personal: tuple[Held, ...], impersonal: tuple[Table, ...]) -> set[str]:
    """Return the columns of which nobody has said whether they are personal, or that belie what was said."""
    declared = {held.table.name: {*held.given, *held.kept_back} for held in personal}
    nobody = {table.name for table in impersonal}
    found = set()
    for table in tables.sorted_tables:
        for column in table.c:
            place = (table.name, column.name)
            if table.name in nobody:
                wrong = column.name in NAMING and place not in EXPECTED_ELSEWHERE
            else:
                wrong = column.name not in declared.get(table.name, set())
            if wrong:
                found.add(".".join(place))
    return found


def test_every_column_of_every_table_is_declared() -> None:
    assert undeclared(metadata, PERSONAL, IMPERSONAL) == set()
    assert {table.name for table in IMPERSONAL} & {held.table.name for held in PERSONAL} == set()


def test_a_new_column_or_table_that_nobody_declared_would_be_seen() -> None:
    other = MetaData()
    Table("mutes", other, Column("user_id", String), Column("mood", String))
    Table("diaries", other, Column("user_id", String))
    Table("rooms", other, Column("author", String))
    assert undeclared(other, PERSONAL, IMPERSONAL) == {"mutes.mood", "diaries.user_id", "rooms.author"}


def test_what_is_declared_exists_and_hashes_are_kept_back() -> None:
    for held in PERSONAL:
        names = set(held.table.c.keys())
        assert {*held.given, *held.kept_back, *held.found_by, *held.prefix} <= names, held.table.name
        for name in names:
            if "hash" in name or name == "csrf":
                assert held.kept_back[name] is Why.OPENS, (held.table.name, name)


ME, MY_ID = UserId("@me:test"), MemberId("me")


def a_row(held: Held, naming: str) -> dict[str, Any]:
    """Return a row of a table that names a person in one column only, and says in each other whose it is."""
    row: dict[str, Any] = {}
    for column in held.table.c:
        canary = f"{held.table.name}.{column.name}"
        match column.type:
            case _ if "sealed" in column.name:
                row[column.name] = None if column.nullable else False
            case Instant():
                row[column.name] = NOON
            case JSON() if column.name in ("before", "after"):
                row[column.name] = {"note": canary}
            case JSON():
                row[column.name] = [{"id": canary, "text": canary}] if canary == "polls.answers" else [canary]
            case Boolean():
                row[column.name] = True
            case LargeBinary() if canary in ("dues_entries.text", "pledge_questions.text"):
                name = "note" if canary == "dues_entries.text" else "text"
                row[column.name] = json.dumps({name: canary}).encode()
            case LargeBinary():
                row[column.name] = canary.encode()
            case Date():
                row[column.name] = NOON.date()
            case Time():
                row[column.name] = NOON.time()
            case Float():
                row[column.name] = 1.0
            case Integer():
                row[column.name] = held.found_by.index(naming) + 1
            case _:
                row[column.name] = canary[: getattr(column.type, "length", None) or None] + naming[:1]
    row |= {"id": f"{naming}"} if "id" in held.table.c and isinstance(held.table.c["id"].type, String) else {}
    row |= {"words": {"key": "outbox.words", "parameters": {}}} if held.table.name == "outbox" else {}
    by_entry = naming in ("member_id", "id", "asker") or bool(held.table.c[naming].foreign_keys)
    return row | {naming: MY_ID if by_entry else ME}


async def test_of_every_table_a_row_that_names_a_person_anywhere_is_given_to_them_whole(tmp_path: Path) -> None:
    """PRIV-10, made from the registry: each column by which a person is found, and each that is handed out."""
    # A clock at which nothing in the rows is over.
    store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}", HandClock(NOON - timedelta(minutes=1)))
    # Rows that rest on nothing else, so that each table is asked for alone.
    with closing(sqlite3.connect(tmp_path / "zhibu.db")) as plain:
        engine = create_engine("sqlite://", creator=lambda: plain, poolclass=StaticPool)
        with engine.begin() as connection:
            for held in PERSONAL:
                for naming in held.found_by if held.table.name != "members" else ("id",):
                    me = {"user_id": ME} if held.table.name == "members" else {}
                    connection.execute(insert(held.table).values(a_row(held, naming) | me))
        engine.dispose()
    found = {one.name: one for one in await store.read(lambda unit: holdings.collect(unit, ME))}
    await store.close()
    for held in PERSONAL:
        rows = found[held.table.name].rows
        assert len(rows) == (1 if held.table.name == "members" else len(held.found_by)), held.table.name
        said = json.dumps(_plain([found[held.table.name]]), ensure_ascii=False)
        for name in held.given:
            column = held.table.c[name]
            if isinstance(column.type, String | JSON | LargeBinary) and name not in held.found_by:
                assert f"{held.table.name}.{name}"[: getattr(column.type, "length", None) or None] in said, name


async def collected(branch: SmallBranch, user: Any) -> dict[str, Section]:
    found = await branch.store.read(lambda unit: holdings.collect(unit, user))
    return {section.name: section for section in found}


async def a_life(branch: SmallBranch) -> None:
    """Let things happen to two members and an organiser."""
    # Two posts a day are enough elsewhere.
    await branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=Cap.DAY, value="3")])
    lesson = await branch.open(LESSON)
    await branch.open(ROLL)
    await branch.hear(message(SECRETARY, "投票 哪天; 周五; 周六"))
    await branch.send_all()
    for who in (ZHANG, LI):
        await branch.hear(message(account(who), "学完"), message(account(who), "签到"))
        await branch.hear(message(account(who), "投票 1"), message(account(who), "静音", room_id=private_room(who)))
        await branch.hear(message(account(who), "更正 记错了", room_id=private_room(who)))
        await branch.hear(message(account(who), "天气", room_id=private_room(who)))
    cause = fresh_cause()

    async def decide(unit: Any) -> Any:
        place = await checkins.expectation(unit, lesson, ZHANG)
        assert place is not None
        answer = record_by_hand(place, Mark.LEAVE, "当天值班", by=SECRETARY, cause=cause, now=unit.now)
        assert isinstance(answer, Decision), answer
        return answer

    await branch.store.settle([Step(cause=cause, decide=decide, actor=SECRETARY)])


async def test_everything_about_one_person_is_found_and_nothing_about_another(branch: SmallBranch) -> None:
    await a_life(branch)
    mine = await collected(branch, account(ZHANG))
    number = {name: len(section.rows) for name, section in mine.items()}
    assert number["members"] == number["mutes"] == number["corrections"] == number["misreadings"] == 1
    assert (number["expectations"], number["answers"], number["poll_responses"]) == (2, 3, 1)
    assert number["direct_rooms"] == 1
    assert number["audit"] > 3
    assert number["duties"] == number["sessions"] == 0
    assert account(LI) not in repr(mine)
    assert "李强" not in repr(mine)
    assert "李强" in repr(await collected(branch, account(LI)))
    assert number["polls"] == 0
    assert len((await collected(branch, SECRETARY))["polls"].rows) == 1


async def test_identifiers_are_put_into_names(branch: SmallBranch) -> None:
    await a_life(branch)
    mine = await collected(branch, account(ZHANG))
    assert mine["poll_responses"].rows[0]["question"] == "哪天"
    assert mine["poll_responses"].rows[0]["chosen"] == ["周五"]
    assert {row["title"] for row in mine["answers"].rows} == {"安全生产", "主题党日"}
    by_hand = [row for row in mine["answers"].rows if row["recorded_by"]]
    assert [row["explanation"] for row in by_hand] == ["当天值班"]


async def test_who_has_no_account_is_not_found_by_anyone(branch: SmallBranch) -> None:
    assert all(not section.rows for section in (await collected(branch, account(SUN))).values())


async def test_the_file_can_be_written_in_both_languages_without_a_gap(branch: SmallBranch) -> None:
    await a_life(branch)
    await branch.answer(await branch.open(ROLL), ZHANG)
    speech = load_speech()
    for who in (account(ZHANG), SECRETARY):
        held = await branch.store.read(lambda unit, who=who: holdings.collect(unit, who))  # type: ignore[misc]
        for language in ("zh_CN", "en"):
            reader = Reader(language=language, timezone="Asia/Shanghai")
            text = compose(held, who, lambda said, reader=reader: speech.say(said, reader), now=NOON)  # type: ignore[misc]
            assert text.count("\n") > 40
            assert "{" not in text.partition("JSON")[0]


def test_every_label_of_the_file_has_a_sentence() -> None:
    keys = load_speech().keys("zh_CN")
    assert {f"disclosure.held_{held.table.name}" for held in PERSONAL} <= keys
    replaced = {
        "organisation_id": {"organisation"},
        "branch_id": {"organisation"},
        "owner_id": {"owner"},
        "audience_id": {"organisation"},
        "occurrence_id": {"title", "due_at"},
        "poll_id": {"question"},
        "term_id": {"organisation", "elected_on"},
        "ballot_id": {"title"},
        "election_id": {"title"},
        "selection_id": {"title"},
        "survey_id": {"title"},
        "item_id": {"question"},
    }
    labels = {label for held in PERSONAL for name in held.given for label in replaced.get(name, {name})}
    labels |= {"payer", "payee", "receipt", "note"}
    assert {f"disclosure.field_{label}" for label in labels} <= keys
