"""The key for what of people is sealed: made once, for its owner alone, looked at by the doctor, carried by backups."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from content.decision import Secret
from content.identifiers import MemberId, ObjectionId, OrganisationId, SelectionId, UserId
from content.members import Member, MemberEnrolled
from content.model_members import ObjectionRaised, Selection, SelectionCalled
from content.organisations import Kind, Organisation, OrganisationFounded
from content.trouble import Trouble
from content.watchwords import WatchwordChosen
from storage import members, model_members, watchwords
from storage.store import Store
from zhibu.backups import back_up
from zhibu.cli import main
from zhibu.config import Config, load_config
from zhibu.doctor.findings import Finding, Form, Grade, Known, Noun, fault
from zhibu.doctor.vault import look_at_vault
from zhibu.master_key import make_master, master_file, next_file, prepare_next, promote_next, read_master, take_up_next
from zhibu.record_key import make_key
from zhibu.restores import restore

PHONE = "13977665544"
SAID = "去年评上以后没有做到"
WATCHWORD = "石榴花开"
CHOSEN = SelectionId("s")
NOW = datetime(2026, 11, 28, tzinfo=UTC)
ZHANG = MemberId("zhang")


@pytest_asyncio.fixture
async def config(tmp_path: Path, sqlite_template: Path) -> Config:
    """Give an installation in whose database a phone and an objection are sealed."""
    file = tmp_path / "config.toml"
    file.write_text('[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:example.org"\n')
    (tmp_path / "zhibu.db").write_bytes(sqlite_template.read_bytes())
    found = load_config(file)
    store = await Store.open(found.database, master=make_master(found))
    branch = Organisation(id=OrganisationId("b"), parent=None, kind=Kind.BRANCH, name="支部")
    zhang = Member(id=ZHANG, organisation=branch.id, name="张", phone=PHONE)
    one = Selection(
        id=CHOSEN, organisation=branch.id, title="树榜样", places=1, nominate_until=NOW, timezone="Asia/Shanghai"
    )
    raised = ObjectionRaised(
        selection=CHOSEN, organisation=branch.id, id=ObjectionId("o"), member=ZHANG, text=SAID, on=NOW.date()
    )
    called = SelectionCalled(selection=one, author=UserId("@zhao:test"))
    chosen = WatchwordChosen(user=UserId("@zhang:test"), text=Secret(WATCHWORD))
    founded = (OrganisationFounded(organisation=branch), MemberEnrolled(member=zhang))
    await store.settle(notes=[*founded, called, raised, chosen])
    await store.close()
    return found


async def looked(config: Config) -> Finding:
    """Look as the examination does."""
    try:
        (found,) = await look_at_vault(Known(config=config, form=Form.RUN, current=True))
    except Trouble as trouble:
        return fault(Noun.VAULT, trouble)
    return found


async def test_it_is_made_once_for_its_owner_and_the_doctor_finds_it_missing_or_another(config: Config) -> None:
    """S54."""
    file = master_file(config)
    assert file.stat().st_mode & 0o777 == 0o600
    assert make_master(config) == read_master(config) == file.read_bytes()
    seen = []
    for data in (file.read_bytes(), bytes(32), b"short", None):
        file.unlink(missing_ok=True)
        if data is not None:
            file.write_bytes(data)
        one = await looked(config)
        seen.append((one.grade, one.words.key))
    assert seen == [
        (Grade.OK, "doctor.vault"),
        (Grade.FAULT, "database.sealed_under_other_key"),
        (Grade.FAULT, "vault.bad_key"),
        (Grade.FAULT, "vault.no_key"),
    ]


async def test_the_program_does_not_start_under_another_key(config: Config) -> None:
    master_file(config).unlink()
    with pytest.raises(Trouble) as caught:
        await Store.open(config.database, master=make_master(config))
    assert caught.value.words.key == "database.sealed_under_other_key"


async def test_a_restored_backup_opens_what_was_sealed(config: Config, tmp_path: Path) -> None:
    """S72, R9."""
    made = await back_up(config, config.folder / "config.toml", config.path(config.backup.folder), 3, now=NOW)
    await restore(made.file, config.path(config.backup.key), tmp_path / "second", None)
    restored = load_config(tmp_path / "second" / "config.toml")
    store = await Store.open(restored.database, master=read_master(restored))
    one = await store.read(lambda unit: members.member(unit, ZHANG))
    (objection,) = await store.read(lambda unit: model_members.objections(unit, CHOSEN))
    await store.close()
    assert one is not None
    assert (one.phone, objection.text) == (PHONE, SAID)
    data = (tmp_path / "second" / "zhibu.db").read_bytes()
    assert [text for text in (PHONE, SAID, WATCHWORD) if text.encode() in data] == []


async def phone(config: Config) -> str:
    store = await Store.open(config.database, master=read_master(config))
    one = await store.read(lambda unit: members.member(unit, ZHANG))
    found = await store.read(lambda unit: members.like(unit, "", PHONE, [OrganisationId("b")]))
    (objection,) = await store.read(lambda unit: model_members.objections(unit, CHOSEN))
    watchword = await store.read(lambda unit: watchwords.known_to(unit, UserId("@zhang:test")))
    await store.close()
    assert (objection.text, watchword) == (SAID, WATCHWORD)
    assert one is not None
    assert found == (one,)
    return one.phone


async def test_another_key_takes_its_place_and_what_was_sealed_opens_under_it_alone(config: Config) -> None:
    """S56."""
    make_key(config)
    old = read_master(config)
    with ThreadPoolExecutor(1) as threads:
        command = ["seal-anew", "--yes", "-c", str(config.folder / "config.toml")]
        done = threads.submit(lambda: CliRunner().invoke(main, command)).result()
    assert done.exit_code == 0, done.output
    assert read_master(config) != old
    assert await phone(config) == PHONE
    with pytest.raises(Trouble):
        await Store.open(config.database, master=old)
    assert [file.read_bytes() for file in master_file(config).parent.glob("master-*.retired")] == [old]


async def test_two_that_finish_an_exchange_leave_one_key_that_fits(config: Config) -> None:
    """S56: a start beside the command does the same as it."""
    old, new = read_master(config), prepare_next(config)
    store = await Store.open(config.database, master=old)
    await store.seal_anew(new)
    await store.close()
    promote_next(config)
    promote_next(config)
    assert read_master(config) == new
    assert [file.read_bytes() for file in master_file(config).parent.glob("master-*.retired")] == [old]


@pytest.mark.parametrize("sealed", [False, True])
async def test_an_exchange_that_was_cut_off_is_finished_or_forgotten(config: Config, sealed: bool) -> None:
    """S56: before its one transaction nothing has happened, after it the next key counts."""
    old, new = read_master(config), prepare_next(config)
    if sealed:
        store = await Store.open(config.database, master=old)
        await store.seal_anew(new)
        await store.close()
    await take_up_next(config)
    assert read_master(config) == (new if sealed else old)
    # One that is not in force may be another process's at this very moment.
    assert next_file(config).exists() is not sealed
    assert prepare_next(config) == new if not sealed else True
    assert await phone(config) == PHONE
