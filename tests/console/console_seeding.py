"""A small branch life for the console's tests: two trees of one committee, members, lessons and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from content.away import Away, AwayNoted
from content.ballots import (
    Ballot,
    BallotCertified,
    BallotClosed,
    BallotCounted,
    BallotDrafted,
    BallotFrozen,
    Candidate,
    Elector,
    Teller,
    TellerRole,
    hash_manifest,
    hash_roll,
    manifest,
)
from content.bank import Item, ItemsAdded
from content.bank import Kind as ItemKind
from content.cases import Case, CaseOpened, NoteAdded, keep_words
from content.checkins import Answered
from content.checkins import State as Answer
from content.cleanings import Cleaning, CleaningAsked, CleaningBegun, CleaningCounted
from content.cleanings import State as CleaningState
from content.complaints import ComplaintMade, Origin, Voice, flag, voice_id
from content.corrections import Correction, CorrectionAnswered, CorrectionAsked
from content.corrections import State as Corrected
from content.decision import Decision, Effect, Fact, Secret, Tell, words
from content.elections import Election, Outcome, Result, rules_behind
from content.forms import Grade, grading, read_questions
from content.glossary import EntriesWritten, Entry
from content.guards import Guard
from content.guards import Level as GuardLevel
from content.help_cases import HelpCase, HelpCaseHanded, HelpCaseOpened, HelpWords
from content.help_cases import Sort as HelpSort
from content.help_cases import Stage as HelpStage
from content.identifiers import (
    BallotId,
    CaseId,
    Cause,
    CleaningId,
    ComplaintId,
    CorrectionId,
    EntryId,
    EventId,
    HelpCaseId,
    HelpWordsId,
    ImportId,
    ItemId,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    PaperElectionId,
    PolicyListId,
    PollId,
    RehearsalId,
    RoomId,
    SanctionId,
    ScheduleId,
    SelectionId,
    SurveyId,
    ThoughtReportId,
    UserId,
    derive,
)
from content.imports import Counts, Entered, RosterImported
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, write_lesson
from content.media import MediumKept
from content.members import Member, MemberEnrolled
from content.model_members import (
    MemberNominated,
    NominationAnswered,
    NomineesReviewed,
    NoticePosted,
    Selection,
    SelectionCalled,
    SelectionDecided,
)
from content.occurrences import OccurrenceClosed, cancel_occurrence, open_occurrence
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.paper_elections import ElectionFixed, ElectionPrepared, PaperElection
from content.policies import PolicyList, PolicyListAdded, PolicyRoomEntered
from content.policies import State as PolicyState
from content.polls import Poll, PollOpened, Sheet, number_answers
from content.questions import publish
from content.recurrences import Recurrence
from content.rehearsals import Hit, RehearsalAsked, RehearsalRead
from content.rehearsals import Outcome as Rehearsed
from content.rooms import InvitationTaken, Purpose, Room, RoomKept
from content.sanctions import Appeal, AppealMade, Sanction, SanctionImposed
from content.sanctions import Reason as Reprimand
from content.sanctions import State as Measure
from content.sanctions import Step as Rung
from content.schedules import Schedule, materialise, schedule_lessons
from content.sessions import LinkIssued
from content.surveys import Survey, SurveyClosed, SurveyDrafted, SurveyOpened
from content.thought_reports import ThoughtPartSaid, ThoughtReport, ThoughtReportBegun, ThoughtReportHandedIn
from storage import audiences, heartbeats, members, outbox, schedules, sync
from storage.rooms import StateSeen
from storage.store import Step, Store
from storage.unit import Reading

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
"""A Tuesday, nine in the morning in Shanghai."""

MEASURED = {
    "late": 0.012,
    "resident": 90_000_000,
    "sent": 41,
    "failed": 2,
    "limited": 3,
    "given_up": 1,
    "moved_at": NOW.timestamp() - 20,
    "backup_at": NOW.timestamp() - 19_800,
    "written": 1.5,
    "written_2": 30,
    "written_5": 12,
}
"""What the bot says of itself."""

SECRETARY = UserId("@shuji:example.org")
LEAVE_REASON = "倒班，夜里两点下班"
VIEWER = UserId("@kan:example.org")
NEIGHBOUR = UserId("@lin:example.org")
BRANCHES = ("检修车间第一党支部", "检修车间第二党支部", "运转车间党支部")
NAMES = "白云 陈晨 丁一 方圆 高山 何川 江流 康宁".split()  # noqa: SIM905


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, span: timedelta) -> None:
        self.now += span


@dataclass(slots=True)
class Seeded:
    """The identifiers of what was seeded, by short names."""

    organisations: dict[str, OrganisationId] = field(default_factory=dict)
    members: dict[str, MemberId] = field(default_factory=dict)
    lessons: dict[str, LessonId] = field(default_factory=dict)
    occurrences: dict[str, OccurrenceId] = field(default_factory=dict)
    outbox: dict[str, str] = field(default_factory=dict)
    polls: dict[str, Poll] = field(default_factory=dict)
    ballots: dict[str, BallotId] = field(default_factory=dict)
    appraisals: dict[str, BallotId] = field(default_factory=dict)
    surveys: dict[str, SurveyId] = field(default_factory=dict)
    items: dict[str, ItemId] = field(default_factory=dict)
    entries: dict[str, EntryId] = field(default_factory=dict)
    elections: dict[str, PaperElectionId] = field(default_factory=dict)
    selections: dict[str, SelectionId] = field(default_factory=dict)
    imports: dict[str, ImportId] = field(default_factory=dict)
    corrections: dict[str, CorrectionId] = field(default_factory=dict)
    cases: dict[str, CaseId] = field(default_factory=dict)
    complaints: dict[str, ComplaintId] = field(default_factory=dict)


async def put(store: Store, name: str, *facts: Fact, effects: Sequence[Effect] = ()) -> None:
    """Write facts through the store's one door."""

    async def decide(_unit: Reading) -> Decision:
        return Decision(facts=facts, effects=tuple(effects))

    (outcome,) = await store.settle([Step(cause=Cause(f"seed:{name}"), decide=decide)])
    assert not outcome.failed
    assert not outcome.repeated


async def seed(store: Store, clock: Clock) -> Seeded:
    """Fill an empty store."""
    seeded = Seeded()
    await _tree(store, seeded)
    await _people(store, seeded)
    await _lessons(store, seeded)
    await _occurrences(store, seeded, clock)
    await _outbox(store, seeded)
    await _polls(store, seeded)
    await _ballots(store, seeded)
    await _appraisals(store, seeded)
    await _surveys(store, seeded)
    await _items(store, seeded)
    await _elections(store, seeded)
    await _selections(store, seeded)
    await _imports(store, seeded)
    await _corrections(store, seeded)
    await _thoughts(store, seeded)
    await _cases(store, seeded)
    await _complaints(store, seeded)
    await _room_states(store)
    await store.settle(
        notes=[
            heartbeats.Beat(role="bot", state="listening", at=NOW, measures=MEASURED, version="0.1.0"),
            heartbeats.Beat(role="clock", state="ticking", at=NOW, measures={"longest_tick": 2.1, "since_tick": 0.4}),
        ]
    )
    return seeded


async def _tree(store: Store, seeded: Seeded) -> None:
    def node(short: str, parent: str | None, kind: Kind, name: str) -> OrganisationFounded:
        seeded.organisations[short] = OrganisationId(derive("seed", short))
        return OrganisationFounded(
            organisation=Organisation(
                id=seeded.organisations[short],
                parent=seeded.organisations[parent] if parent else None,
                kind=kind,
                name=name,
            )
        )

    await put(
        store,
        "tree",
        node("committee", None, Kind.PARTY_COMMITTEE, "机务段党委"),
        node("general", "committee", Kind.GENERAL_BRANCH, "检修党总支"),
        node("one", "general", Kind.BRANCH, BRANCHES[0]),
        node("two", "general", Kind.BRANCH, BRANCHES[1]),
        node("three", "general", Kind.BRANCH, BRANCHES[2]),
        node("group", "one", Kind.GROUP, "第一党小组"),
        node("sibling", "committee", Kind.GENERAL_BRANCH, "乘务党总支"),
        node("far", "sibling", Kind.BRANCH, "乘务一队党支部"),
    )
    at = seeded.organisations
    await put(
        store,
        "duties",
        DutyGranted(duty=Duty(user=SECRETARY, organisation=at["general"], role=Role.SECRETARY)),
        DutyGranted(duty=Duty(user=VIEWER, organisation=at["general"], role=Role.VIEWER)),
        DutyGranted(duty=Duty(user=NEIGHBOUR, organisation=at["sibling"], role=Role.SECRETARY)),
    )
    for short in ("one", "two", "far"):
        room = Room(id=RoomId(f"!{short}"), organisation=at[short], purpose=Purpose.BRANCH, name=short, encrypted=False)
        await put(store, f"room {short}", RoomKept(room=room))


async def _people(store: Store, seeded: Seeded) -> None:
    at = seeded.organisations
    places = {"one": NAMES[:5], "group": NAMES[5:6], "two": NAMES[6:8], "far": ["安邻", "邻双"]}
    facts = []
    for short, names in places.items():
        for name in names:
            seeded.members[name] = MemberId(derive("seed member", name))
            user = UserId(f"@m{len(seeded.members)}:example.org") if name != "丁一" else None
            facts.append(
                MemberEnrolled(
                    member=Member(
                        id=seeded.members[name], organisation=at[short], name=name, category="正式党员", user=user
                    )
                )
            )
    await put(store, "people", *facts)


async def _lessons(store: Store, seeded: Seeded) -> None:
    async def write(short: str, owner: str, title: str, kind: LessonKind = LessonKind.LESSON) -> None:
        seeded.lessons[short] = LessonId(derive("seed lesson", short))
        lesson = Lesson(
            id=seeded.lessons[short],
            owner=seeded.organisations[owner],
            kind=kind,
            title=title,
            body="# 要点\n\n- 先看信号\n- 再动车\n\n<script>alert(1)</script> 一定要**确认**。",
            source="支部自编",
            dated=date(2026, 11, 1),
        )

        async def decide(_unit: Reading) -> Decision:
            answer = write_lesson(lesson, author=SECRETARY)
            assert isinstance(answer, Decision)
            return answer

        await store.settle([Step(cause=Cause(f"seed:lesson {short}"), decide=decide)])

    await write("safety", "general", "作业安全四步法")
    await write("law", "general", "宪法第一课")
    await write("meeting", "one", "十一月主题党日", LessonKind.EVENT)
    await write("far", "far", "邻队的一课")


async def _occurrences(store: Store, seeded: Seeded, clock: Clock) -> None:
    plan = {
        "closed": ("safety", "general", NOW - timedelta(days=8)),
        "open": ("law", "general", NOW - timedelta(hours=2)),
        "missed": ("law", "three", NOW - timedelta(days=3)),
        "planned": ("meeting", "one", NOW + timedelta(days=2)),
        "cancelled": ("safety", "two", NOW + timedelta(days=3)),
        "far": ("far", "far", NOW - timedelta(hours=1)),
    }
    for short, (lesson, audience, due) in plan.items():
        local = due + timedelta(hours=8)
        rule = Schedule(
            id=ScheduleId(derive("seed schedule", short)),
            owner=seeded.organisations[audience],
            audience=seeded.organisations[audience],
            lessons=(seeded.lessons[lesson],),
            recurrence=Recurrence.ONCE,
            start=local.date(),
            at=time(local.hour, local.minute),
            timezone="Asia/Shanghai",
            window=timedelta(days=1),
            late=timedelta(hours=12),
        )
        seeded.occurrences[short] = materialise(rule)[0].id
        await _plan(store, short, rule, due)
        if short in ("closed", "open", "missed", "far"):
            clock.now = due
            await _open(store, short, seeded.occurrences[short], due)
            await _deliver(store, seeded, due, fails_in="!one" if short == "open" else "")
    clock.now = NOW
    await _answer(store, seeded)
    await put(store, "closing", OccurrenceClosed(occurrence=seeded.occurrences["closed"], at=NOW - timedelta(days=7)))

    async def cancel(unit: Reading) -> Decision:
        entry = await schedules.entry(unit, seeded.occurrences["cancelled"])
        assert entry is not None
        answer = cancel_occurrence(entry.occurrence, by=SECRETARY)
        assert isinstance(answer, Decision)
        return answer

    await store.settle([Step(cause=Cause("seed:cancel"), decide=cancel)])


async def _plan(store: Store, short: str, rule: Schedule, due: datetime) -> None:
    async def decide(_unit: Reading) -> Decision:
        answer = schedule_lessons(rule, author=SECRETARY, now=due - timedelta(minutes=5))
        assert isinstance(answer, Decision)
        return answer

    await store.settle([Step(cause=Cause(f"seed:plan {short}"), decide=decide)])


async def _open(store: Store, short: str, id: OccurrenceId, due: datetime) -> None:
    async def decide(unit: Reading) -> Decision | None:
        entry = await schedules.entry(unit, id)
        assert entry is not None
        audience = entry.occurrence.audience
        return open_occurrence(
            entry.occurrence,
            seats=await audiences.seats(unit, audience),
            stages=await audiences.stages(unit, audience),
            parts=1,
            now=due,
        )

    await store.settle([Step(cause=Cause(f"seed:open {short}"), decide=decide)])


async def _deliver(store: Store, seeded: Seeded, at: datetime, *, fails_in: str) -> None:
    """Let every waiting card go out, but for one room."""
    for row in await store.claim(worker="seed", device="SEED", lease=timedelta(minutes=1), limit=10):
        if row.room == fails_in:
            seeded.outbox["failed"] = row.id
            await store.settle(notes=[outbox.GivenUp(claimed=row, error="refused M_FORBIDDEN", at=at)])
        else:
            await store.settle(notes=[outbox.Sent(claimed=row, event_id=None, at=at)])


async def _answer(store: Store, seeded: Seeded) -> None:
    given = {
        "closed": {"白云": Answer.DONE, "陈晨": Answer.DONE, "丁一": Answer.EXCUSED, "康宁": Answer.DONE},
        "open": {"康宁": Answer.DONE},
    }
    for short, answers in given.items():
        for name, after in answers.items():
            cause = Cause(f"seed:answer {short} {name}")
            fact = Answered(
                occurrence=seeded.occurrences[short],
                member=seeded.members[name],
                before=Answer.OPEN,
                after=after,
                at=NOW - timedelta(days=7, hours=20) if short == "closed" else NOW,
                cause=cause,
                reason=LEAVE_REASON if after is Answer.EXCUSED else None,
            )
            await put(store, cause, fact)


async def _outbox(store: Store, seeded: Seeded) -> None:
    """Leave private answers waiting on both sides of the tree."""
    near = Tell(user=UserId("@m1:example.org"), words=words("checkin.nothing_open"))
    far = Tell(user=UserId("@m9:example.org"), words=words("checkin.nothing_open"))
    await put(store, "tell", effects=[near])
    await put(store, "tell far", effects=[far])
    seeded.outbox["waiting"] = derive("seed:tell", "tell", "user:@m1:example.org", 0, 0)
    seeded.outbox["far"] = derive("seed:tell far", "tell", "user:@m9:example.org", 0, 0)


async def _polls(store: Store, seeded: Seeded) -> None:
    """Leave a poll open on both sides of the tree."""
    for short, place in (("open", "one"), ("far", "far")):
        id = PollId(derive("seed poll", short))
        seeded.polls[short] = Poll(
            id=id,
            organisation=seeded.organisations[place],
            room=RoomId(f"!{place}"),
            sheet=Sheet(question="主题党日定在哪天", answers=number_answers(id, ("周五", "周六"))),
            event=EventId(f"$poll {short}"),
        )
        await put(store, f"poll {short}", PollOpened(poll=seeded.polls[short], author=SECRETARY, at=NOW))


async def _ballots(store: Store, seeded: Seeded) -> None:
    """Leave a ballot fixed in our branch, and one that is closed at the neighbour's."""
    tellers = tuple(
        Teller(index=index, member=seeded.members[name], role=TellerRole.MONITOR, share_key=bytes([index]) * 32)
        for index, name in enumerate(NAMES[:3], start=1)
    )
    for short, place in (("fixed", "one"), ("far", "far")):
        id = BallotId(derive("seed ballot", short))
        seeded.ballots[short] = id
        one = Ballot(
            id=id,
            organisation=seeded.organisations[place],
            title="邻队的推荐" if short == "far" else "年度先进推荐",
            election=Election(candidates=("c1", "c2"), seats=1, eligible=frozenset()),
            candidates=tuple(Candidate(id=f"c{place}", member=None, name=f"候选人{place}") for place in (1, 2)),
            tellers=tellers,
            needed=2,
            key=bytes(32),
            closes_at=NOW + timedelta(days=7),
            timezone="Asia/Shanghai",
        )
        roll = tuple(Elector(member=seeded.members[name]) for name in NAMES[:5])
        slots = tuple(derive(id, "slot", number) for number in range(5))
        boxes = tuple(bytes([number]) * one.length for number in range(5))
        hashed = hash_manifest(manifest(replace(one, roll_hash=hash_roll(roll), expected=5)))
        frozen = BallotFrozen(
            ballot=id, roll=roll, roll_hash=hash_roll(roll), manifest_hash=hashed, slots=slots, boxes=boxes
        )
        closed = BallotClosed(ballot=id, turnout=5, issued=5, set_hash="00" * 32, listed=())
        facts = [BallotDrafted(ballot=one, author=SECRETARY), frozen, *([closed] if short == "far" else [])]
        await put(store, f"ballot {short}", *facts)


async def _appraisals(store: Store, seeded: Seeded) -> None:
    """Leave an appraisal in our branch whose votes are counted, and one at the neighbour's."""
    for short, place in (("one", "one"), ("far", "far")):
        id = BallotId(derive("seed appraisal", short))
        seeded.appraisals[short] = id
        people = [(f"c{number}", name) for number, name in enumerate(NAMES[:5], start=1)]
        form = grading([paper for paper, _ in people])
        one = Ballot(
            id=id,
            organisation=seeded.organisations[place],
            title="年度民主测评",
            election=form,
            candidates=tuple(Candidate(id=paper, member=seeded.members[name], name=name) for paper, name in people),
            tellers=(),
            needed=2,
            key=bytes(32),
            closes_at=NOW - timedelta(days=400),
            timezone="Asia/Shanghai",
        )
        cells = [{"1": 3, "2": 2}, {"1": 4, "2": 1}, {"1": 4}, {"2": 4, "3": 1}, {"2": 2, "4": 3}]
        told = {f"c{n}": {"cells": [row.get(grade, 0) for grade in Grade], "base": 5} for n, row in enumerate(cells, 1)}
        result = Result(
            outcome=Outcome.COUNTED,
            quorum=True,
            quorum_need=3,
            rules=rules_behind(form),
            valid=5,
            void=0,
            tally={},
            answers=told,
        )
        roll = tuple(Elector(member=seeded.members[name]) for name in NAMES[:5])
        slots = tuple(derive(id, "slot", number) for number in range(5))
        boxes = tuple(bytes([number]) * one.length for number in range(5))
        hashed = hash_manifest(manifest(replace(one, roll_hash=hash_roll(roll), expected=5)))
        steps: list[Fact] = [
            BallotDrafted(ballot=one, author=SECRETARY),
            BallotFrozen(
                ballot=id, roll=roll, roll_hash=hash_roll(roll), manifest_hash=hashed, slots=slots, boxes=boxes
            ),
            BallotClosed(ballot=id, turnout=5, issued=5, set_hash="00" * 32, listed=()),
            BallotCounted(ballot=id, result=result, opened_hash="00" * 32),
            BallotCertified(ballot=id, on=NOW.date()),
        ]
        await put(store, f"appraisal {short}", *steps)


async def _surveys(store: Store, seeded: Seeded) -> None:
    """Leave a survey that is over, in our branch and at the neighbour's."""
    questions = read_questions("部门\n- 一线\n- 机关\n\n# 常用\n- 通知\n- 学习\n\n% 满意吗\n\n建议")
    people = tuple(dict.fromkeys(seeded.members.values()))
    said = [
        {"q1": (str(n % 2 + 1),), "q2": ("1", "2")[: n % 2 + 1], "q3": (str(n % 2 + 4),), "q4": (f"建议{n}",)}
        for n in range(len(people))
    ]
    for short, place in (("one", "one"), ("far", "far")):
        id = SurveyId(derive("seed survey", short))
        seeded.surveys[short] = id
        one = Survey(
            id=id,
            organisation=seeded.organisations[place],
            title="支部工作意见征求",
            questions=questions,
            by="q1",
            closes_at=NOW,
            timezone="Asia/Shanghai",
        )
        result = publish(questions, "q1", said, least=5)
        steps = (SurveyDrafted(survey=one, author=SECRETARY), SurveyOpened(survey=id, people=people))
        await put(store, f"survey {short}", *steps, SurveyClosed(survey=id, answered=len(said), result=result))


VALVE = MediumKept(hash="ab" * 32, name="valve.png", mimetype="image/png", data=b"\x89PNG", width=4, height=3)


async def _items(store: Store, seeded: Seeded) -> None:
    """Leave a question and an entry in the bank and glossary of our branch, and in the neighbour's."""
    for short in ("one", "far"):
        seeded.items[short] = ItemId(derive("seed item", short))
        item = Item(
            id=seeded.items[short],
            organisation=seeded.organisations[short],
            kind=ItemKind.SINGLE,
            stem="邻队的题" if short == "far" else "党的根本宗旨是什么",
            options=("全心全意为人民服务", "发展经济"),
            answer=("1",),
            explanation="见党章总纲。",
            source="党章",
            dated=NOW.date(),
            tags=("党章",),
            picture=VALVE.described("邻队的图") if short == "far" else None,
        )
        added = ItemsAdded(organisation=item.organisation, items=(item,), at=NOW)
        seeded.entries[short] = EntryId(derive("seed entry", short))
        entry = Entry(
            id=seeded.entries[short],
            organisation=item.organisation,
            term="邻队的词" if short == "far" else "三会一课",
            text="定期召开支部党员大会、支部委员会、党小组会，按时上好党课。",
            source="中国共产党支部工作条例（试行）",
            dated=NOW.date(),
        )
        written = EntriesWritten(organisation=item.organisation, entries=(entry,), at=NOW)
        await put(store, f"item {short}", VALVE, added, written)


async def _elections(store: Store, seeded: Seeded) -> None:
    """Leave an election on paper whose meeting is to come, in our branch and at the neighbour's."""
    for short in ("one", "far"):
        id = PaperElectionId(derive("seed election", short))
        seeded.elections[short] = id
        one = PaperElection(
            id=id,
            organisation=seeded.organisations[short],
            title="邻队支委会选举" if short == "far" else "支部委员会选举",
            election=Election(candidates=("c1", "c2", "c3"), seats=2, eligible=frozenset()),
            candidates=tuple(Candidate(id=f"c{place}", member=None, name=f"候选人{place}") for place in (1, 2, 3)),
            held_on=NOW.date() + timedelta(days=7),
        )
        roll = tuple(Elector(member=seeded.members[name]) for name in NAMES[:5])
        fixed = ElectionFixed(paper=id, organisation=one.organisation, roll=roll, eligible=frozenset())
        await put(store, f"election {short}", ElectionPrepared(paper=one, author=SECRETARY), fixed)


async def _selections(store: Store, seeded: Seeded) -> None:
    """Leave a selection of model members to be reviewed, one in its publicity, and one at the neighbour's."""
    first, second = (seeded.members[name] for name in NAMES[:2])
    for short, place in (("review", "one"), ("public", "one"), ("far", "far")):
        id = SelectionId(derive("seed selection", short))
        seeded.selections[short] = id
        node = seeded.organisations[place]
        one = Selection(
            id=id,
            organisation=node,
            title="邻队的先锋岗" if short == "far" else "年度党员先锋岗",
            places=1,
            nominate_until=NOW - timedelta(days=1),
            timezone="Asia/Shanghai",
        )
        chosen = seeded.members["安邻"] if short == "far" else first
        said: dict[str, Any] = {"selection": id, "organisation": node}
        nominated = MemberNominated(**said, nominee=chosen, by=second, group=None, reason="连续三年零违章")
        agreed = NominationAnswered(**said, nominee=chosen, agreed=True)
        facts: list[Fact] = [SelectionCalled(selection=one, author=SECRETARY), nominated, agreed]
        if short != "review":
            on = NOW.date()
            facts += [
                NomineesReviewed(**said, deeds={chosen: "带班零违章"}, rejected={}, silent=()),
                SelectionDecided(
                    **said, chosen=(chosen,), votes={chosen: 9}, opinions={}, departure="", by=NEIGHBOUR, on=on
                ),
                NoticePosted(
                    **said,
                    contact=second,
                    phone="",
                    posted_on=on,
                    ends_on=on + timedelta(days=7),
                    confirmed=True,
                    by=SECRETARY,
                ),
            ]
        await put(store, f"selection {short}", *facts)


async def _imports(store: Store, seeded: Seeded) -> None:
    """Let the neighbour have taken in a sheet."""
    known = await store.read(lambda unit: members.member(unit, seeded.members["安邻"]))
    assert known is not None
    seeded.imports["far"] = ImportId(derive("seed import", "far"))
    entry = Entered(before=known, after=replace(known, post="值班员"), branch=known.organisation)
    taken = RosterImported(
        id=seeded.imports["far"],
        by=NEIGHBOUR,
        at=NOW,
        file="名册.csv",
        counts=Counts(changed=1),
        entries=(entry,),
        founded=(),
    )
    await put(store, "import far", taken)


BOT = UserId("@zhibu:example.org")
OUTSIDER, CLUB = UserId("@kezi:example.org"), RoomId("!club")


async def _room_states(store: Store) -> None:
    """Let one branch room be known with some faults, and a room that the secretary has brought the bot into."""
    names = {f"@m{number}:example.org": "join" for number in (1, 2)} | {"@m4:example.org": "invite"}
    await put_room(store, RoomId("!one"), BOT, {BOT: "join", **names, OUTSIDER: "join"}, users={})
    club = {BOT: "join", SECRETARY: "join", OUTSIDER: "join"}
    await put_room(store, CLUB, SECRETARY, club, users={SECRETARY: 100}, version="10", name="检修群")
    far = sync.Buried(cause="event:$bad", room=RoomId("!far"), sender=None, reason="shape", raw=b"{}", at=NOW)
    await store.settle(notes=[far])
    taken = InvitationTaken(room=CLUB, user=SECRETARY, direct=False, at=NOW - timedelta(days=1))
    await store.settle(notes=[taken, sync.Heard(account=BOT, since="s1", at=NOW)])


async def put_room(
    store: Store,
    room: RoomId,
    creator: UserId,
    people: Mapping[Any, str],
    *,
    users: Mapping[UserId, int],
    version: str = "12",
    name: str = "",
    **more: Mapping[str, Any],
) -> None:
    """Let a room's state be seen; ``more`` are contents of other state by the last part of their type."""
    say: list[tuple[str, str, Mapping[str, Any]]] = [
        ("m.room.create", "", {"room_version": version, "m.federate": False, "creator": creator}),
        ("m.room.power_levels", "", {"users": dict(users), "invite": 50}),
        ("m.room.join_rules", "", {"join_rule": "invite"}),
        ("m.room.history_visibility", "", {"history_visibility": "shared"}),
        *(("m.room.member", user, {"membership": how}) for user, how in people.items()),
        *((f"m.room.{kind}", "", content) for kind, content in more.items()),
    ]
    if name:
        say.append(("m.room.name", "", {"name": name}))
    await store.settle(
        notes=[
            StateSeen(
                room=room, type=kind, state_key=key, sender=creator, content=dict(content), event_id=EventId("$s")
            )
            for kind, key, content in say
        ]
    )


HELP_TEXT = "夜班吃不上热饭"
CORRECTION_TEXT = "上周二的作业安全四步法我学完了，名单上是未回"


async def _corrections(store: Store, seeded: Seeded) -> None:
    """Leave a correction waiting on both sides of the tree, one that is about no lesson, and one that was answered."""
    asked = {
        "waiting": ("何川", "group", CORRECTION_TEXT, "closed", timedelta(hours=20)),
        "plain": ("白云", "one", "我的岗位已经调到检修班", None, timedelta(hours=3)),
        "answered": ("江流", "two", "入党日期少了一年", None, timedelta(days=4)),
        "far": ("安邻", "far", "邻队的更正", None, timedelta(hours=2)),
    }
    for short, (name, place, text, occurrence, before) in asked.items():
        seeded.corrections[short] = CorrectionId(derive("seed correction", short))
        correction = Correction(
            id=seeded.corrections[short],
            organisation=seeded.organisations[place],
            member=seeded.members[name],
            user=UserId(f"@m{list(seeded.members).index(name) + 1}:example.org"),
            occurrence=seeded.occurrences[occurrence] if occurrence else None,
            text=text,
            asked_at=NOW - before,
        )
        await put(store, f"correction {short}", CorrectionAsked(correction=correction))
    answered = CorrectionAnswered(
        id=seeded.corrections["answered"],
        state=Corrected.SETTLED,
        answer="已按档案改好",
        by=SECRETARY,
        at=NOW - timedelta(days=3),
    )
    await put(store, "correction answer", answered)


THOUGHTS = "这半年在成都做工，学习没有落下"


async def _thoughts(store: Store, seeded: Seeded) -> None:
    """Leave a thought report on both sides of the tree, one of them by who is away."""
    for short, name in (("one", "白云"), ("far", "安邻")):
        member, id = seeded.members[name], ThoughtReportId(derive("seed thought report", short))
        user = UserId(f"@m{list(seeded.members).index(name) + 1}:example.org")
        place = seeded.organisations[short]
        begun = ThoughtReport(id=id, member=member, user=user, begun_at=NOW - timedelta(days=2))
        part = ThoughtPartSaid(
            report=id, member=member, event=EventId(f"$thought-{short}"), text=THOUGHTS, at=NOW - timedelta(days=2)
        )
        away = Away(member=member, since=date(2026, 1, 10))
        facts = (
            AwayNoted(member=member, organisation=place, away=away, by=SECRETARY, at=NOW - timedelta(days=9)),
            ThoughtReportBegun(report=begun),
            part,
            ThoughtReportHandedIn(report=id, member=member, organisation=place, at=NOW - timedelta(days=2)),
        )
        for number, fact in enumerate(facts):
            await put(store, f"thoughts {short} {number}", fact)


async def _cases(store: Store, seeded: Seeded) -> None:
    """Leave a case with a warning, words and a note on both sides of the tree; against one there is an appeal."""
    for number, (short, name, place, by) in enumerate(
        (("one", "白云", "one", SECRETARY), ("far", "安邻", "far", NEIGHBOUR)), start=1
    ):
        seeded.cases[short] = CaseId(derive("seed case", short))
        user = UserId(f"@m{list(seeded.members).index(name) + 1}:example.org")
        at = NOW - timedelta(days=2)
        case = Case(
            id=seeded.cases[short],
            number=number,
            organisation=seeded.organisations[place],
            user=user,
            opened_by=by,
            opened_at=at,
        )
        warning = Sanction(
            id=SanctionId(derive("seed sanction", short)),
            case=case.id,
            number=number,
            organisation=case.organisation,
            user=user,
            step=Rung.WARNING,
            reason=Reprimand.FLOOD,
            words="一分钟二十条",
            lasts=timedelta(days=30),
            by=by,
            at=at,
            state=Measure.ACTIVE,
            rooms=(),
            until=at + timedelta(days=30),
        )
        kept = keep_words(case, "同一句话发了二十遍", held=0, by=by, cause=Cause(f"seed {short}"), now=at)
        assert isinstance(kept, Decision)
        note = NoteAdded(id=derive("seed note", short), case=case.id, text="当面谈过一次", by=by, at=at)
        await put(store, f"case {short}", CaseOpened(case=case), *kept.facts, note, SanctionImposed(sanction=warning))
        help_id, day = HelpCaseId(derive("seed help", short)), at.date()
        helped = HelpCase(
            id=help_id, organisation=case.organisation, number=1, received_on=day, due_on=day + timedelta(days=2)
        )
        said = HelpWords(
            id=HelpWordsId(derive("seed help words", short)),
            case=help_id,
            sort=HelpSort.ASKED,
            text=Secret(HELP_TEXT),
            on=day,
        )
        taken = HelpCaseHanded(case=help_id, organisation=case.organisation, owner=by, stage=HelpStage.ACCEPTED, on=day)
        await put(store, f"help {short}", HelpCaseOpened(case=helped, said=said), taken)
        cleaning = Cleaning(
            id=CleaningId(derive("seed cleaning", short)),
            organisation=case.organisation,
            user=user,
            by=by,
            at=at,
            since=at - timedelta(hours=1),
            reason=Reprimand.FLOOD,
            said="",
            rooms=(RoomId(f"!{short}"),),
            state=CleaningState.RUNNING,
        )
        rules = PolicyList(
            id=PolicyListId(derive("seed policy", short)),
            organisation=case.organisation,
            address=f"#bans-{short}:example.org",
            room=None,
            state=PolicyState.LOOKED_AT,
            by=by,
            at=at,
        )
        entered = PolicyRoomEntered(id=rules.id, room=RoomId(f"!bans-{short}"))
        await put(store, f"policy {short}", PolicyListAdded(list=rules), entered)
        found = CleaningCounted(id=cleaning.id, room=RoomId(f"!{short}"), found=20, more=False)
        begun = CleaningBegun(cleaning=cleaning, by=by, at=at)
        await put(store, f"cleaning {short}", CleaningAsked(cleaning=cleaning), found, begun)
        asked = RehearsalAsked(
            id=RehearsalId(derive("seed rehearsal", short)),
            organisation=case.organisation,
            room=RoomId(f"!{short}"),
            until=NOW + timedelta(days=1),
        )
        hit = Hit(event=EventId(f"$said-{short}:example.org"), guard=Guard.LINKS, level=GuardLevel.FLAG, at=at)
        week = RehearsalRead(id=asked.id, outcome=Rehearsed.CUT, looked=120, unread=3, struck=1, hits=(hit,))
        await put(store, f"rehearsal {short}", asked, week)
    appealed = replace(warning, appeal=Appeal.MADE)
    await put(store, "appeal", AppealMade(sanction=appealed, text="只发了两遍", at=NOW - timedelta(hours=5)))


async def _complaints(store: Store, seeded: Seeded) -> None:
    """Leave two people's complaints about one message, and a guard's about another, on both sides of the tree."""
    for short, name, reporters in (("one", "白云", ("陈晨", "江流")), ("far", "安邻", ("邻双",))):
        account = f"@m{list(seeded.members).index(name) + 1}:example.org"
        voices = []
        for number, reporter in enumerate(reporters):
            user = UserId(f"@m{list(seeded.members).index(reporter) + 1}:example.org")
            event = EventId(f"$said-{short}:example.org")
            voices.append(
                Voice(
                    id=voice_id(event, user),
                    organisation=seeded.organisations[short],
                    room=RoomId(f"!{short}"),
                    event=event,
                    about=UserId(account),
                    origin=Origin.PRIVATE if number else Origin.ROOM,
                    reason=Reprimand.INSULT,
                    at=NOW - timedelta(hours=6 - number),
                    reporter=user,
                    words=f"当众骂人{number}",
                )
            )
        seeded.complaints[short] = ComplaintId(derive(voices[0].id, "complaint"))
        at = NOW - timedelta(hours=1)
        flagged = flag(
            seeded.organisations[short],
            RoomId(f"!{short}"),
            EventId(f"$link-{short}:example.org"),
            about=UserId(account),
            rule="links",
            now=at,
        )
        made = [ComplaintMade(organisation=one.organisation, voice=one) for one in voices]
        await put(store, f"complaint {short}", *made, flagged)


def link_for(user: UserId, token: str, digest: str, *, lasts: timedelta = timedelta(minutes=15)) -> LinkIssued:
    """Return the fact of a one-time link."""
    return LinkIssued(token_hash=digest, user=user, expires_at=NOW + lasts)
