"""Each thing that the doctor looks at, in each way it can stand; and what he mends, once and again."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.matrix.crypto import Device
from bot.matrix.limits import Limit
from bot.matrix.trust import Identity, write_secret
from content.identifiers import OrganisationId, RoomId
from content.organisations import Kind, Organisation, OrganisationFounded
from content.rooms import Purpose, Room, RoomKept
from storage import durability
from storage.heartbeats import Beat
from storage.store import Store
from zhibu.config import Config, load_config
from zhibu.doctor import database, machine
from zhibu.doctor.examination import examine
from zhibu.doctor.filesystems import kind_of
from zhibu.doctor.findings import Finding, Fix, Form, Grade, Known, Noun, outcome
from zhibu.doctor.homeserver import (
    look_at_clock,
    look_at_homeserver,
    look_at_keys,
    look_at_limit,
    look_at_login,
    look_at_reports,
)
from zhibu.doctor.organisation import look_at_rooms, look_at_workdays

USER, DEVICE, TOKEN, ADMIN = "@zhibu:test", "DEVICE", "token-of-the-bot", "token-of-an-administrator"
KEY = b"k" * 32


@dataclass
class Answers:
    """What the homeserver of these tests says, to be changed by hand."""

    version: str | None = "1.163.2"
    date: datetime | None = None
    user: str = USER
    valid: bool = True
    rooms: tuple[str, ...] = ("10", "12")
    shown: dict[str, Any] = field(default_factory=dict)
    limit: dict[str, Any] = field(default_factory=dict)
    administrators: frozenset[str] = frozenset({ADMIN})

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/_matrix/client/versions", self.versions)
        app.router.add_get("/_matrix/client/v3/account/whoami", self.whoami)
        app.router.add_get("/_matrix/client/v3/capabilities", self.capabilities)
        app.router.add_post("/_matrix/client/v3/keys/query", self.keys)
        app.router.add_get("/_synapse/admin/v1/server_version", self.software)
        app.router.add_route("*", "/_synapse/admin/v1/users/{user}/override_ratelimit", self.override)
        app.router.add_get("/_synapse/admin/v1/event_reports", self.reports)
        return app

    async def reports(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.administrators:
            return _refusal(403, "M_FORBIDDEN")
        return _json(event_reports=[], total=0)

    async def versions(self, _request: web.Request) -> web.Response:
        headers = {"Date": format_datetime(self.date, usegmt=True)} if self.date else {}
        return web.json_response({"versions": ["v1.1", "v1.16"]}, headers=headers)

    async def software(self, _request: web.Request) -> web.Response:
        return _refusal(404, "M_UNRECOGNIZED") if self.version is None else _json(server_version=self.version)

    async def whoami(self, _request: web.Request) -> web.Response:
        return _json(user_id=self.user, device_id=DEVICE) if self.valid else _refusal(401, "M_UNKNOWN_TOKEN")

    async def capabilities(self, _request: web.Request) -> web.Response:
        return _json(capabilities={"m.room_versions": {"available": dict.fromkeys(self.rooms, "stable")}})

    async def keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self.shown)

    async def override(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.administrators:
            return _refusal(403, "M_FORBIDDEN")
        assert request.match_info["user"] == USER
        if request.method == "POST":
            self.limit = await request.json()
        return web.json_response(self.limit)


def _json(**answer: Any) -> web.Response:
    return web.json_response(answer)


def _refusal(status: int, errcode: str) -> web.Response:
    return web.json_response({"errcode": errcode, "error": "no"}, status=status)


@pytest.fixture
def said() -> Answers:
    return Answers()


@pytest_asyncio.fixture
async def config(said: Answers, tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Config]:
    """Give an installation with a device that is signed in at a homeserver of its own, and tables."""
    async with TestServer(said.app()) as server:
        file = tmp_path / "config.toml"
        file.write_text(f'[bot]\nhomeserver = "{server.make_url("")}"\nuser = "{USER}"\n[console]\nport = 0\n')
        keys = tmp_path / "keys"
        keys.mkdir(mode=0o700)
        write_secret(keys / "pickle.key", KEY.decode())
        device = Device(USER, DEVICE, keys / "device", KEY)
        write_secret(
            keys / "device" / "session.json",
            json.dumps({"user_id": USER, "device_id": DEVICE, "access_token": TOKEN}),
        )
        said.shown = shown_as(device, Identity(USER, keys / "signing", KEY))
        device.close()
        shutil.copy(sqlite_template, tmp_path / "zhibu.db")
        yield load_config(file)


def shown_as(device: Device, identity: Identity) -> dict[str, Any]:
    """Return what others are shown of a device that an identity has signed."""
    keys = {f"curve25519:{DEVICE}": device.curve25519, f"ed25519:{DEVICE}": device.ed25519}
    own = identity.signed({"user_id": USER, "device_id": DEVICE, "algorithms": [], "keys": keys}, "self_signing")
    return {
        "device_keys": {USER: {DEVICE: own}},
        "master_keys": {USER: identity.key_object("master")},
        "self_signing_keys": {USER: identity.key_object("self_signing")},
    }


def known(config: Config, **more: Any) -> Known:
    return Known(config=config, form=Form.RUN, **more)


async def all_of(config: Config, **how: Any) -> list[Finding]:
    return [one async for one in examine(config.folder / "config.toml", **how)]


def worst(findings: list[Finding]) -> tuple[Grade, str]:
    """Return the grade and the sentence of the worst of some findings."""
    order = [Grade.OK, Grade.WARNING, Grade.FAULT]
    one = max(findings, key=lambda finding: order.index(finding.grade))
    return one.grade, one.words.key


async def test_an_installation_that_stands_well_has_no_fault_and_nothing_is_changed(config: Config) -> None:
    before = {file: file.stat().st_mtime_ns for file in config.folder.rglob("*") if file.suffix not in (".db", "")}
    findings = await all_of(config)
    assert outcome(findings) == 0, findings
    stands = {one.noun: one.grade for one in findings if one.grade is not Grade.WARNING}
    assert {Noun.KEYS, Noun.LOGIN, Noun.DEVICE, Noun.CLOCK, Noun.HOMESERVER, Noun.LIMIT} <= stands.keys()
    assert before == {path: path.stat().st_mtime_ns for path in before}


# The machine


async def test_secrets_that_others_can_read_are_a_fault_and_are_closed_once(config: Config) -> None:
    """F38: the modes are mended without asking; the second time there is nothing to do."""
    file = config.folder / "keys" / "pickle.key"
    file.chmod(0o644)
    (offered,) = [one for one in await all_of(config) if one.noun is Noun.FILES]
    assert (offered.grade, offered.fix, offered.words.key) == (Grade.FAULT, Fix.OFFERED, "start.open_secrets")
    assert str(file) in str(offered.words.parameters["files"])
    done, now = [one for one in await all_of(config, fix=True) if one.noun is Noun.FILES]
    assert (done.fix, now.grade, file.stat().st_mode & 0o777) == (Fix.DONE, Grade.OK, 0o600)
    assert [one.fix for one in await all_of(config, fix=True) if one.noun is Noun.FILES] == [None]


@pytest.mark.parametrize(
    ("free", "grade", "said_so"),
    [
        (300 * 2**20, Grade.OK, "doctor.disk"),
        (199 * 2**20, Grade.WARNING, "doctor.disk_low"),
        (2**20, Grade.FAULT, "doctor.disk_full"),
    ],
)
async def test_a_disk_that_fills_up_is_seen_before_it_is_full(
    config: Config, monkeypatch: pytest.MonkeyPatch, free: int, grade: Grade, said_so: str
) -> None:
    """F23: below 200 MB it is time to see to it."""
    monkeypatch.setattr(machine, "kind_of", lambda _folder: "ext4")
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: shutil._ntuple_diskusage(2**40, 2**39, free))
    findings = await machine.look_at_disk(known(config))
    assert [(one.grade, one.words.key) for one in findings if one.mend is None] == [(grade, said_so)]


@pytest.mark.parametrize(
    ("kind", "grade"), [("nfs4", Grade.FAULT), ("cifs", Grade.FAULT), ("overlay", Grade.WARNING), ("xfs", Grade.OK)]
)
async def test_a_file_on_another_machines_disk_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch, kind: str, grade: Grade
) -> None:
    """F37: SQLite on a network file system is a fault, in a container's own layer a warning."""
    monkeypatch.setattr(machine, "kind_of", lambda _folder: kind)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: shutil._ntuple_diskusage(2**40, 2**39, 2**39))
    assert worst(await machine.look_at_disk(known(config)))[0] is grade


def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    """F37: by the kernel's table, with blanks in names, and the last of two mounts at one place."""
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:9 / /srv rw shared:1 - xfs /dev/sdb rw\n"
        "3 2 0:9 / /srv/a\\040b rw - nfs4 host:/x rw\n"
        "4 1 0:9 / /mnt rw - ext4 /dev/sdc rw\n"
        "5 1 0:9 / /mnt rw - cifs //host/x rw\n"
        "half a line\n"
    )
    places = {"/etc": "ext4", "/srv/zhibu": "xfs", "/srv/a b/c": "nfs4", "/srvant": "ext4", "/mnt/x": "cifs"}
    assert {place: kind_of(Path(place), table) for place in places} == places
    assert kind_of(Path("/etc"), tmp_path / "nowhere") == ""


async def test_folders_that_are_missing_are_made(config: Config) -> None:
    done = [one for one in await all_of(config, fix=True) if one.fix is Fix.DONE]
    assert [one.words.key for one in done] == ["doctor.folders_made"]
    assert (config.folder / "backups").stat().st_mode & 0o777 == 0o700
    assert not [one for one in await all_of(config, fix=True) if one.fix]


# The database


async def test_a_damaged_file_is_a_fault(config: Config) -> None:
    """F31: what a disk has changed is found before anybody relies on it."""
    file = config.folder / "zhibu.db"
    pages = bytearray(file.read_bytes())
    for place in range(4096 * 3, len(pages), 4096):
        pages[place : place + 64] = b"\xff" * 64
    file.write_bytes(pages)
    findings = [one for one in await all_of(config) if one.noun is Noun.DATABASE]
    assert outcome(findings) == 73


async def test_a_newer_database_is_a_fault_and_an_older_one_is_brought_up_by_the_start(config: Config) -> None:
    """F41: seen without a change to the file."""
    file = config.folder / "zhibu.db"
    for revision, expected in (("9999", (Grade.FAULT, "database.newer")), ("0001", None)):
        with contextlib.closing(sqlite3.connect(file)) as opened, opened:
            opened.execute("UPDATE alembic_version SET version_num = ?", [revision])
        before = file.read_bytes()
        found = worst([one for one in await all_of(config) if one.noun is Noun.DATABASE])
        assert found == (expected or (Grade.WARNING, "doctor.database_outdated"))
        assert file.read_bytes() == before


async def test_a_database_that_is_gone_although_the_bot_signed_in_is_a_fault(config: Config) -> None:
    """F34."""
    (config.folder / "zhibu.db").unlink()
    assert worst([one for one in await all_of(config) if one.noun is Noun.DATABASE]) == (Grade.FAULT, "database.lost")


@pytest.mark.parametrize(
    ("durable", "checksums", "expected"),
    [
        (True, None, (Grade.OK, "doctor.database_durable")),
        (True, True, (Grade.OK, "doctor.database_durable")),
        (True, False, (Grade.WARNING, "doctor.database_no_checksums")),
        (False, True, (Grade.FAULT, "doctor.database_not_durable")),
    ],
)
def test_settings_that_a_power_cut_would_make_use_of_are_a_fault(
    durable: bool, checksums: bool | None, expected: tuple[Grade, str]
) -> None:
    """R7: fsync, synchronous_commit and full_page_writes are required, checksums advised."""
    found = database.grade_durability(
        durability.InForce(settings={"fsync": "on"}, durable=durable, checksums=checksums)
    )
    assert (found.grade, found.words.key) == expected


@pytest.mark.parametrize(("commits", "grade"), [(5000.0, Grade.OK), (40.0, Grade.OK), (39.4, Grade.WARNING)])
def test_a_disk_on_which_many_would_wait_is_a_warning(commits: float, grade: Grade) -> None:
    assert database.grade_speed(commits).grade is grade


@pytest.mark.parametrize(
    ("engine", "version", "grades"),
    [
        ("SQLite", "3.40.1", [Grade.WARNING]),
        ("SQLite", "3.53.4", []),
        ("SQLite", "3.50.7", []),
        ("PostgreSQL", "15.18", []),
    ],
)
def test_a_library_that_may_damage_a_file_is_a_warning(engine: str, version: str, grades: list[Grade]) -> None:
    """F36: Debian's own SQLite is used without the mode in which it is dangerous, and said to be so."""
    assert [one.grade for one in database.grade_library(engine, version)] == grades


async def test_a_long_write_ahead_log_is_folded_in(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LONG_JOURNAL", 1)
    with contextlib.closing(sqlite3.connect(config.folder / "zhibu.db")) as other:
        other.execute("CREATE TABLE more (n INTEGER)")
        other.commit()
        mended = [one.words.key for one in await all_of(config, fix=True) if one.fix is Fix.DONE]
        assert "doctor.journal_folded" in mended
        assert durability.journal_bytes(config.folder / "zhibu.db") == 0


async def test_a_bot_that_something_holds_up_is_named_with_the_reason(config: Config) -> None:
    store = await Store.open(config.database)
    await store.settle(notes=[Beat(role="bot", state="keys_unusable", at=store.now())])
    await store.close()
    (found,) = await database.look_at_bot(known(config, current=True))
    assert (found.grade, found.words.key) == (Grade.WARNING, "doctor.bot_held_up")
    assert [one.key for one in found.words.parameters["why"]] == [
        "safe_mode.why_keys_unusable",
        "safe_mode.do_keys_unusable",
    ]


# The homeserver


async def test_the_homeserver_is_named_where_it_says_what_it_is(config: Config, said: Answers) -> None:
    (found,) = await look_at_homeserver(known(config))
    assert found.words.parameters["software"] == "Synapse 1.163.2"
    said.version = None
    (found,) = await look_at_homeserver(known(config))
    assert (found.grade, found.words.key) == (Grade.OK, "doctor.homeserver")


async def test_a_homeserver_that_cannot_make_our_rooms_is_a_fault(config: Config, said: Answers) -> None:
    said.rooms = ("10", "11")
    assert worst(await all_of(config)) == (Grade.FAULT, "doctor.homeserver_old")


@pytest.mark.parametrize(
    ("apart", "grade"), [(30, Grade.OK), (-30, Grade.OK), (600, Grade.WARNING), (-600, Grade.WARNING)]
)
async def test_a_clock_that_is_not_the_homeservers_is_a_warning(
    config: Config, said: Answers, apart: int, grade: Grade
) -> None:
    """F20: by the homeserver's own Date, more than a minute either way."""
    now = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    said.date = now + timedelta(seconds=apart)
    (found,) = await look_at_clock(known(config, reachable=True), lambda: now)
    assert (found.grade, found.words.parameters["n"]) == (grade, abs(apart))


async def test_a_clock_from_before_the_newest_entry_is_a_fault(config: Config, said: Answers) -> None:
    """F18: a machine whose battery is empty begins in 1970."""
    store = await Store.open(config.database)
    await store.settle(notes=[Beat(role="clock", state="ticking", at=store.now())])
    await store.close()
    (found,) = [one for one in await all_of(config) if one.noun is Noun.CLOCK]
    assert found.grade is Grade.OK
    lost = known(config, current=True)
    with pytest.raises(Exception, match=r"start\.clock_behind"):
        await look_at_clock(lost, lambda: datetime(1970, 1, 1, tzinfo=UTC))
    assert await look_at_clock(lost, lambda: store.now() - timedelta(hours=23)) == []
    # Where the homeserver is with us, it was the past that ran ahead.
    said.date = datetime(2026, 7, 1, tzinfo=UTC)
    (found,) = await look_at_clock(
        known(config, current=True, reachable=True), lambda: datetime(2026, 7, 1, tzinfo=UTC)
    )
    assert found.grade is Grade.OK


async def test_keys_that_do_not_open_are_a_fault(config: Config) -> None:
    assert worst(await look_at_keys(known(config)))[0] is Grade.OK
    write_secret(config.folder / "keys" / "pickle.key", "x" * 32)
    (found,) = [one for one in await all_of(config) if one.noun is Noun.KEYS]
    assert (found.grade, found.words.key) == (Grade.FAULT, "start.keys_trouble")
    (config.folder / "keys" / "pickle.key").unlink()
    (found,) = [one for one in await all_of(config) if one.noun is Noun.KEYS]
    assert (found.grade, found.words.key) == (Grade.FAULT, "start.keys_trouble")


async def test_a_login_that_was_revoked_is_a_fault(config: Config, said: Answers) -> None:
    """F55."""
    said.valid = False
    findings = await all_of(config)
    assert outcome(findings) == 77
    assert "start.revoked" in [one.words.key for one in findings]


async def test_a_device_is_seen_as_others_see_it(config: Config, said: Answers, tmp_path: Path) -> None:
    """Signed by our identity it is well; unsigned clients warn of it, and with other keys it reads nothing."""

    async def device() -> tuple[Grade, str]:
        look = known(config, reachable=True)
        await look_at_keys(look)
        (found,) = [one for one in await look_at_login(look) if one.noun is Noun.DEVICE]
        return found.grade, found.words.key

    assert await device() == (Grade.OK, "doctor.device")
    signed = said.shown
    own = dict(signed["device_keys"][USER][DEVICE])
    said.shown = signed | {"device_keys": {USER: {DEVICE: {key: own[key] for key in own if key != "signatures"}}}}
    assert await device() == (Grade.WARNING, "doctor.device_not_vouched")
    stranger = Identity(USER, tmp_path / "stranger", KEY)
    said.shown = signed | {"master_keys": {USER: stranger.key_object("master")}}
    assert await device() == (Grade.WARNING, "doctor.device_not_vouched")
    keys = {f"curve25519:{DEVICE}": "other", f"ed25519:{DEVICE}": own["keys"][f"ed25519:{DEVICE}"]}
    said.shown = signed | {"device_keys": {USER: {DEVICE: own | {"keys": keys}}}}
    assert await device() == (Grade.FAULT, "doctor.device_of_another_store")


# The rooms


async def test_where_no_poll_can_be_answered_is_said(config: Config) -> None:
    """C of ballots: a level of its own for answers does not help in an encrypted room where only some may write."""
    tree = (Organisation(id=OrganisationId("roof"), parent=None, kind=Kind.BRANCH, name="支部"),)
    kept = ((Purpose.BRANCH, True), (Purpose.ANNOUNCEMENT, True), (Purpose.COMMITTEE, False))
    rooms = [
        Room(id=RoomId(f"!{purpose}"), organisation=tree[0].id, purpose=purpose, name=purpose, encrypted=encrypted)
        for purpose, encrypted in kept
    ]
    store = await Store.open(config.database)
    await store.settle(notes=[OrganisationFounded(organisation=tree[0]), *(RoomKept(room=one) for one in rooms)])
    await store.close()
    stands, mute = await look_at_rooms(known(config, tree=tree))
    assert (stands.words.key, mute.words.key) == ("doctor.rooms_by_record", "doctor.rooms_without_polls")
    assert (mute.grade, mute.words.parameters["n"], mute.words.parameters["names"]) == (Grade.OK, 1, "announcement")


# The limit


async def limit(config: Config, *, rooms: int = 0, token: str = "") -> Finding:
    look = known(config, reachable=True, admin_token=token)
    await look_at_keys(look)
    await look_at_login(look)
    look.branch_rooms = rooms
    (found,) = await look_at_limit(look)
    return found


async def test_it_says_whether_what_members_report_in_their_clients_reaches_the_queue(
    config: Config, said: Answers
) -> None:
    look = known(config, reachable=True)
    await look_at_keys(look)
    assert await look_at_reports(look) == []
    await look_at_login(look)
    for administrators, key in ((frozenset({ADMIN}), "doctor.reports_closed"), (frozenset({TOKEN}), "doctor.reports")):
        said.administrators = administrators
        (found,) = await look_at_reports(look)
        assert (found.grade, found.words.key) == (Grade.OK, key)


async def test_without_an_administrators_login_the_expected_time_is_said(config: Config) -> None:
    """By Synapse's default 200 rooms take about sixteen minutes."""
    assert (await limit(config, rooms=10)).grade is Grade.OK
    found = await limit(config, rooms=200)
    assert (found.grade, found.words.parameters["minutes"], found.mend) == (Grade.WARNING, 16, None)
    assert (await limit(config, token="nobody's")).words.key == "doctor.limit_token_refused"


async def test_the_limit_is_lifted_by_an_administrators_login_or_the_bots_own(config: Config, said: Answers) -> None:
    found = await limit(config, rooms=200, token=ADMIN)
    assert (found.grade, found.words.key) == (Grade.WARNING, "doctor.limit")
    assert found.mend is not None
    await found.mend()
    await found.mend()
    assert said.limit == {"messages_per_second": 0, "burst_count": 0}
    assert (await limit(config, rooms=200, token=ADMIN)).words.key == "doctor.limit_lifted"
    said.limit, said.administrators = {"messages_per_second": 2, "burst_count": 20}, frozenset({TOKEN})
    found = await limit(config, rooms=200)
    assert (found.words.key, found.words.parameters["minutes"]) == ("doctor.limit", 2)
    assert Limit(lifted=True).seconds_for(10_000) == 0


@pytest.mark.parametrize(
    ("listed", "grade", "said_so"),
    [
        ("Noto Sans CJK SC,Noto Sans CJK SC Black\nNoto Sans CJK SC\n", Grade.OK, "doctor.fonts"),
        ("", Grade.WARNING, "doctor.fonts_none"),
        (None, Grade.WARNING, "doctor.fonts_unknown"),
    ],
)
async def test_a_machine_without_a_chinese_font_is_a_warning(
    config: Config, tmp_path: Path, listed: str | None, grade: Grade, said_so: str
) -> None:
    program = tmp_path / "fc-list"
    if listed is not None:
        program.write_text(f"#!/bin/sh\nprintf '{listed}'\n")
        program.chmod(0o755)
    (found,) = await machine.look_at_fonts(known(config), str(program))
    assert (found.grade, found.words.key) == (grade, said_so)
    if listed:
        assert found.words.parameters["names"] == "Noto Sans CJK SC"


@pytest.mark.parametrize(
    ("today", "grade", "year"),
    [
        (datetime(2026, 11, 30, 15, tzinfo=UTC), Grade.OK, 2026),
        (datetime(2026, 11, 30, 16, tzinfo=UTC), Grade.WARNING, 2027),
        (datetime(2027, 5, 1, tzinfo=UTC), Grade.WARNING, 2027),
    ],
)
async def test_next_years_working_days_are_asked_for_from_december_on(
    config: Config, today: datetime, grade: Grade, year: int
) -> None:
    tree = (Organisation(id=OrganisationId("roof"), parent=None, kind=Kind.BRANCH, name="支部"),)
    (found,) = await look_at_workdays(known(config, tree=tree), lambda: today)
    assert (found.grade, found.words.parameters["year"]) == (grade, year)
    assert await look_at_workdays(known(config), lambda: today) == []
