"""A branch of two people, founded at the front door of an installation, and what is scheduled for it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from console.written_sheets import write_xlsx
from content.decision import Decision
from content.identifiers import Cause, LessonId, ScheduleId, UserId
from content.lessons import Kind, Lesson, LessonWritten
from content.recurrences import Recurrence
from content.schedules import Schedule, schedule_lessons
from storage import organisations
from storage.store import Step, Store
from tests.installation import Installation, finish
from zhibu.demo.synapse import Account

AUTHOR = UserId("@author:test")


def found(installation: Installation, zhang: Account, li: Account) -> None:
    """Found a branch with 张明, its secretary, and 李强; both are invited to its room."""
    rows = [("张明", "运转党支部", "正式党员", zhang.user_id), ("李强", "运转党支部", "正式党员", li.user_id)]
    roster = installation.folder / "花名册.xlsx"
    roster.write_bytes(write_xlsx("党员花名册", ("姓名", "所在党支部", "人员类别", "群账号"), rows))
    # It is tried at any hour of any day.
    options = ["--secretary", zhang.user_id, "--roster", str(roster), "--yes", "--no-quiet-hours"]
    options += ["-c", str(installation.config)]
    code, said = finish("found", "示范总支", *options)
    assert code == 0, said


async def schedule_now(address: str, title: str = "一课", kind: Kind = Kind.LESSON) -> None:
    """Schedule a lesson or an event for everybody, at this moment."""
    store = await Store.open(address)
    tree = await store.read(organisations.tree)
    now = store.now().astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    lesson = Lesson(id=LessonId(f"{kind}"), owner=tree[0].id, kind=kind, title=title, body="正文")
    rule = Schedule(
        id=ScheduleId(f"schedule-{kind}"),
        owner=tree[0].id,
        audience=tree[0].id,
        lessons=(lesson.id,),
        recurrence=Recurrence.ONCE,
        start=now.date(),
        at=now.time(),
        timezone="Asia/Shanghai",
        window=timedelta(hours=2),
        late=timedelta(hours=1),
    )
    scheduled = schedule_lessons(rule, author=AUTHOR, now=store.now())
    assert isinstance(scheduled, Decision)
    facts = (LessonWritten(lesson=lesson, author=AUTHOR), *scheduled.facts)

    async def decide(_: object) -> Decision:
        return Decision(facts=facts)

    await store.settle([Step(cause=Cause(f"test:schedule-{kind}"), decide=decide)])
    await store.close()
