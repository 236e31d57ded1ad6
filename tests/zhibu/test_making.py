"""The program takes up, at its start, the long tables that it was asked for before it was killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from console.access import standing_mark
from content.exports import WAITS, Export, ExportAsked, State
from content.identifiers import ExportId, MemberId, OrganisationId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from storage import exports
from storage.store import Store
from tests.waiting import until
from zhibu.branch import Branch
from zhibu.catalogue import load_speech
from zhibu.config import load_config
from zhibu.master_key import make_master
from zhibu.record_key import make_key

WANG = UserId("@wang:example.org")


async def test_what_was_asked_before_a_kill_is_made_after_the_next_start(tmp_path: Path, sqlite_template: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:example.org"\n[console]\nport = 0\n')
    (tmp_path / "zhibu.db").write_bytes(sqlite_template.read_bytes())
    config = load_config(file)
    store = await Store.open(config.database, key=make_key(config), master=make_master(config))
    node = Organisation(id=OrganisationId("b"), parent=None, kind=Kind.BRANCH, name="支部")
    duty = Duty(user=WANG, organisation=node.id, role=Role.SECRETARY)
    zhang = Member(id=MemberId("zhang"), organisation=node.id, name="张明")
    asked = Export(
        id=ExportId("x"),
        user=WANG,
        what="roster-filed",
        standing=standing_mark([duty], [node]),
        language="zh_CN",
        asked_at=store.now(),
        until=store.now() + WAITS,
    )
    facts = [OrganisationFounded(organisation=node), DutyGranted(duty=duty), MemberEnrolled(member=zhang)]
    await store.settle(notes=[*facts, ExportAsked(export=asked, path="/members/export/filed.csv")])
    await store.close()
    branch = await Branch.open(config, load_speech())
    try:

        def ready() -> bool:
            found = branch.store.look(lambda unit: exports.export(unit, asked.id, WANG))
            return found is not None and found.state is State.READY

        await asyncio.to_thread(until, ready, "the table")
        data = await branch.store.read(lambda unit: exports.data_of(unit, asked))
        assert "张明" in data.decode("utf-8-sig")
    finally:
        await branch.close()
