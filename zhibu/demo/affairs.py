"""What the sample branch has behind it and under way: weeks of lessons, a poll, a survey, and votes in the making.

All of it is decided by the rules of the real thing. Only what went out in the past is left unsaid: a chat has no past.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from content import ballots, cases, lessons, paper_elections, polls, surveys
from content.ballots import Ballot, Candidate, Elector, Teller, TellerRole
from content.checkins import Answered, State
from content.decision import Decision, Refusal
from content.elections import Election
from content.forms import read_questions
from content.franchise import why_not
from content.identifiers import (
    BallotId,
    Cause,
    LessonId,
    OccurrenceId,
    OrganisationId,
    PaperElectionId,
    PollId,
    RoomId,
    ScheduleId,
    SelectionId,
    SurveyId,
    UserId,
    derive,
)
from content.ladder import impose, prepare
from content.lessons import Kind, Lesson
from content.members import Member
from content.model_members import Selection, call
from content.occurrences import OccurrenceClosed, open_occurrence
from content.paper_elections import PaperElection
from content.polls import Poll, Sheet, number_answers
from content.recurrences import Recurrence
from content.rule_packs import RECOMMENDATION
from content.sanctions import USUAL, Reason, Sanction, Want
from content.sanctions import Step as Rung
from content.schedules import Schedule, materialise, schedule_lessons
from content.surveys import Survey
from storage import audiences, members, model_members, organisations, sanctions, schedules
from storage import cases as stored_cases
from storage.envelopes import hold_ceremony
from storage.store import Step, Store
from storage.unit import Reading
from zhibu.demo import away, dues, gatherings, help_cases, meetings, pledging, sample
from zhibu.demo.teaching import Teaching

Deciding = Callable[[Reading], Awaitable[Any]]
_LESSON_TIME, _WINDOW = time(8, 30), timedelta(days=1)


class Affairs:
    """The affairs of one branch below the sample's top; what was entered once is not entered again."""

    def __init__(
        self,
        store: Store,
        seed: str,
        organiser: UserId,
        top: OrganisationId,
        branch: OrganisationId,
        room: RoomId,
        timezone: str,
    ) -> None:
        self._store = store
        self._seed = seed
        self._organiser = organiser
        self._top = top
        self._branch = branch
        self._room = room
        self._timezone = timezone

    async def begin(self) -> None:
        """Let there have been eight weeks, and let everything begin that takes its time; the selection comes last."""
        last = SelectionId(self._id("selection"))
        if await self._store.read(lambda unit: model_members.selection(unit, last)) is not None:
            return
        await self._remember()
        people = await self._store.read(lambda unit: members.roster(unit, [self._branch]))
        by_name = {one.name: one for one in people}
        await self._ask()
        await self._draft_survey()
        await self._draft_ballot(by_name)
        await self._prepare_election(by_name)
        await self._moderate(people)
        await self._take(
            **meetings.steps(
                by_name,
                branch=self._branch,
                organiser=self._organiser,
                timezone=self._timezone,
                identify=self._id,
                at=self._at,
            )
        )
        await self._take(
            **gatherings.steps(
                by_name,
                branch=self._branch,
                room=self._room,
                organiser=self._organiser,
                timezone=self._timezone,
                identify=self._id,
                at=self._at,
            )
        )
        await self._take(**dues.steps(by_name, self._branch, self._organiser, self._at, self._id))
        await self._take(
            **help_cases.steps(
                people,
                branch=self._branch,
                organiser=self._organiser,
                identify=self._id,
                today=self._at(0, _LESSON_TIME).date(),
            )
        )
        await self._take(
            **pledging.steps(by_name, branch=self._branch, organiser=self._organiser, identify=self._id, at=self._at)
        )
        await self._take(
            **away.steps(by_name, branch=self._branch, organiser=self._organiser, identify=self._id, at=self._at)
        )
        await self._teach()
        await self._call_for_models()

    def _id(self, *parts: str) -> str:
        return derive(self._seed, "affairs", *parts)

    async def _take(self, **decided: Deciding) -> None:
        """Decide what belongs together, by its name, all of it or nothing."""
        await self._take_of("", **decided)

    async def _take_of(self, thing: str, **decided: Deciding) -> None:
        steps = [
            Step(cause=Cause(f"demo:{self._seed}:affairs:{name}{thing}"), decide=decide, actor=self._organiser)
            for name, decide in decided.items()
        ]
        for step, outcome in zip(steps, await self._store.settle(steps), strict=True):
            if outcome.failed or isinstance(outcome.answer, Refusal):
                raise RuntimeError(f"the sample could not be entered: {step.cause}, {outcome.answer}")

    def _at(self, days: int, at: time) -> datetime:
        """Return an instant so many days from today, at a time of day there."""
        day = self._store.now().astimezone(ZoneInfo(self._timezone)).date() + timedelta(days=days)
        return datetime.combine(day, at, ZoneInfo(self._timezone))

    async def _remember(self) -> None:
        """Enter the lessons of the weeks before, and how each member answered them."""
        weeks = len(sample.PAST)
        for number, (title, body) in enumerate(sample.PAST):
            lesson = Lesson(
                id=LessonId(self._id("lesson", title)), owner=self._top, kind=Kind.LESSON, title=title, body=body
            )
            await self._held(lesson, number, self._at(-7 * (weeks - number), _LESSON_TIME))

    async def _held(self, lesson: Lesson, number: int, due: datetime) -> None:
        rule = Schedule(
            id=ScheduleId(self._id("schedule", lesson.title)),
            owner=self._top,
            audience=self._top,
            lessons=(lesson.id,),
            recurrence=Recurrence.ONCE,
            start=due.date(),
            at=_LESSON_TIME,
            timezone=self._timezone,
            window=_WINDOW,
            late=timedelta(hours=12),
        )
        id = materialise(rule)[0].id  # noqa: A001

        async def plan(_: Reading) -> Any:
            return schedule_lessons(rule, author=self._organiser, now=due - timedelta(hours=1))

        async def hold(unit: Reading) -> Any:
            entry = await schedules.entry(unit, id)
            assert entry is not None
            seats = await audiences.seats(unit, self._top)
            stages = await audiences.stages(unit, self._top)
            opened = open_occurrence(entry.occurrence, seats=seats, stages=stages, parts=1, now=due)
            assert opened is not None
            answers = _answers(id, [seat.member for seat in seats], number, due, self._id)
            closed = OccurrenceClosed(occurrence=id, at=due + _WINDOW)
            return Decision(facts=(*opened.facts, *answers, closed))

        written = _once(lessons.write_lesson(lesson, author=self._organiser))
        await self._take_of(f" {lesson.title}", lesson=written, plan=plan, hold=hold)

    async def _teach(self) -> None:
        """Plan what is to be learned in the branch whose people work in shifts."""
        tree = await self._store.read(organisations.tree)
        place = next(node for node in tree if node.name == sample.BRANCHES[-1].name)
        people = await self._store.read(lambda unit: members.roster(unit, [place.id]))
        teaching = Teaching(
            take=self._take, at=self._at, identify=self._id, organiser=self._organiser, timezone=self._timezone
        )
        await teaching.plan(place, list(people))

    async def _moderate(self, people: Sequence[Member]) -> None:
        """Let somebody have been warned ten days ago who has no duty, with what was said and a note beside it."""
        cause, by, at = Cause(self._id("case")), self._organiser, self._at(-10, time(21, 40))

        async def decide(unit: Reading) -> Any:
            for user in (one.user for one in people if one.user is not None):
                frame = await sanctions.frame(unit, user, self._branch, by=by, me=by)
                if not frame.exempt:
                    break
            number = await stored_cases.next_number(unit)
            case = cases.open_case(user, self._branch, number=number, by=by, cause=cause, now=at)
            assert not isinstance(case, Refusal)
            kept = cases.keep_words(case, sample.SAID, held=0, by=by, cause=cause, now=at)
            noted = cases.add_note(case, sample.NOTED, by=by, cause=cause, now=at)
            wanted = Want(step=Rung.WARNING, reason=Reason.FLOOD, lasts=USUAL[Rung.WARNING])
            one = prepare(case, wanted, frame, cause=cause, now=at)
            for answer in (kept, noted, one):
                if isinstance(answer, Refusal):
                    return answer
            assert isinstance(kept, Decision)
            assert isinstance(noted, Decision)
            assert isinstance(one, Sanction)
            facts = (cases.CaseOpened(case=case), *kept.facts, *noted.facts, *impose(one, now=at).facts)
            return Decision(facts=facts)

        await self._take(case=decide)

    async def _ask(self) -> None:
        id = PollId(self._id("poll"))  # noqa: A001
        poll = Poll(
            id=id,
            organisation=self._branch,
            room=self._room,
            sheet=Sheet(question=sample.POLL[0], answers=number_answers(id, sample.POLL[1:])),
            closes_at=self._at(3, time(18)),
        )

        async def decide(unit: Reading) -> Any:
            return polls.open_poll(poll, author=self._organiser, now=unit.now)

        await self._take(poll=decide)

    async def _draft_survey(self) -> None:
        survey = Survey(
            id=SurveyId(self._id("survey")),
            organisation=self._branch,
            title=sample.SURVEY_TITLE,
            questions=read_questions(sample.SURVEY),
            by="q1",
            closes_at=self._at(7, time(18)),
            timezone=self._timezone,
        )

        async def decide(unit: Reading) -> Any:
            return surveys.draft(survey, author=self._organiser, now=unit.now)

        await self._take(survey=decide)

    async def _draft_ballot(self, people: dict[str, Member]) -> None:
        """Draft a secret vote of which nobody holds a share: the tellers' keys are made anew before it is used."""
        id = BallotId(self._id("ballot"))  # noqa: A001
        keys = hold_ceremony(id, needed=2, among=len(sample.TELLERS))
        standing = _candidates(people)
        tellers = tuple(
            Teller(
                index=index,
                member=people[name].id,
                role=TellerRole.MONITOR if index == 1 else TellerRole.COUNTER,
                share_key=keys.share_keys[index],
            )
            for index, name in enumerate(sample.TELLERS, start=1)
        )
        election = Election(
            candidates=tuple(one.id for one in standing),
            seats=2,
            pack=RECOMMENDATION,
            contested=False,
            eligible=frozenset(),
        )
        ballot = Ballot(
            id=id,
            organisation=self._branch,
            title=sample.BALLOT_TITLE,
            election=election,
            candidates=standing,
            tellers=tellers,
            needed=2,
            key=keys.key,
            closes_at=self._at(5, time(18)),
            timezone=self._timezone,
        )

        async def decide(unit: Reading) -> Any:
            return ballots.draft(ballot, author=self._organiser, now=unit.now)

        await self._take(ballot=decide)

    async def _prepare_election(self, people: dict[str, Member]) -> None:
        standing = _candidates(people)
        paper = PaperElection(
            id=PaperElectionId(self._id("election")),
            organisation=self._branch,
            title=sample.ELECTION_TITLE,
            election=Election(
                candidates=tuple(one.id for one in standing), seats=len(standing) - 1, eligible=frozenset()
            ),
            candidates=standing,
            held_on=self._at(14, time()).date(),
            consent=sample.ELECTION_CONSENT,
        )
        roll = [
            Elector(member=one.id, may_vote=not barred, reason=(one.status or one.category) if barred else "")
            for one in people.values()
            for barred in [bool(why_not(one, on=paper.held_on))]
        ]
        names = {one.id: one.name for one in people.values()}
        today = self._at(0, time()).date()
        prepared = _once(paper_elections.prepare(paper, known=None, author=self._organiser))
        await self._take(election=prepared, roll=_once(paper_elections.fix(paper, roll, names=names, today=today)))

    async def _call_for_models(self) -> None:
        one = Selection(
            id=SelectionId(self._id("selection")),
            organisation=self._branch,
            title=sample.SELECTION_TITLE,
            places=2,
            nominate_until=self._at(10, time(18)),
            timezone=self._timezone,
        )

        async def decide(unit: Reading) -> Any:
            rooms = await model_members.branch_rooms(unit, one.organisation)
            return call(one, author=self._organiser, rooms=rooms, now=unit.now)

        await self._take(selection=decide)


def _once(decided: Any) -> Deciding:
    async def decide(_: Reading) -> Any:
        return decided

    return decide


def _candidates(people: dict[str, Member]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(id=f"c{place}", member=people[name].id, name=name, introduction=people[name].post)
        for place, name in enumerate(sample.CANDIDATES, start=1)
    )


def _answers(
    occurrence: OccurrenceId, seated: Sequence[Any], number: int, due: datetime, identify: Callable[..., str]
) -> list[Answered]:
    """Return how everyone answered: most of them, some hours later, the silent ones another time others."""
    given = []
    for place, member in enumerate(seated):
        turn = (place * 7 + number * 3) % 10
        if turn >= 8:
            continue
        after = State.EXCUSED if turn == 7 else State.LATE if turn == 6 and number % 2 else State.DONE
        answered = Answered(
            occurrence=occurrence,
            member=member,
            before=State.OPEN,
            after=after,
            at=due + timedelta(minutes=7 * (place + 1)),
            cause=Cause(identify("answer", occurrence, member)),
        )
        given.append(replace(answered, reason=sample.LEAVE) if after is State.EXCUSED else answered)
    return given
