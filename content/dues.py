"""Party dues (党费): what a month comes to, which months are due and paid, and what follows from months without a yuan.

Sums are whole fen everywhere. A base is an income: it is reckoned with and never kept. Nothing here changes anybody's
standing, whatever is unpaid, and nothing says what it would mean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Discreet, Fact, Refusal, Tell, refused, words
from content.franchise import FULL, PROBATIONARY
from content.identifiers import AssessmentId, Cause, DuesQuestionId, MemberId, OrganisationId, UserId, derive
from content.members import Member

LONGEST_TEXT = 200
LONGEST_WAY = 300
LATEST_BACK = 6
"""Months back within which dues are normally made up (DUE-11); beyond that one is told so."""

MOST_WAITING = 3
"""So many questions of one person may wait for who handles dues."""

NUDGE, NOTE = 3, 5
"""After so many months without a payment the member is reminded, or who handles dues is asked to see them (DUE-17)."""

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_SUM = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2})?")
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_FEN = Decimal("0.01")


class Category(StrEnum):
    """By what somebody's dues are reckoned (中组发〔2008〕3号); who is paid by the year goes by what came that month.

    A self-employed member goes by the monthly mean of the last quarter. ``FLAT`` is a sum that those above have named.
    """

    EMPLOYED = "employed"
    RETIRED = "retired"
    STUDENT = "student"
    FLAT = "flat"


_EMPLOYED = ((3_000, "0.005"), (5_000, "0.01"), (10_000, "0.015"), (None, "0.02"))
_RETIRED = ((5_000, "0.005"), (None, "0.01"))
RATES: Mapping[Category, tuple[tuple[int | None, str], ...]] = {
    Category.EMPLOYED: _EMPLOYED,
    Category.RETIRED: _RETIRED,
}
"""Up to which base, in yuan, the whole of it is due at which rate: DUE-1 to DUE-6."""

STUDENT_FEN = 20
"""DUE-7."""


class Kind(StrEnum):
    """How a month's dues were fixed: by the table, or less or nothing on a decision that is named."""

    FULL = "full"
    REDUCED = "reduced"
    EXEMPT = "exempt"


class State(StrEnum):
    """How a month of one member stands."""

    UNKNOWN = "unknown"
    EXEMPT = "exempt"
    DUE = "due"
    PART = "part"
    PAID = "paid"


class Assessment(Struct, frozen=True, kw_only=True):
    """What somebody owes for each month from one on, in fen; ``note`` is the reason for a change, or the basis."""

    id: AssessmentId
    member: MemberId
    organisation: OrganisationId
    kind: Kind
    category: Category
    fen: int
    since: str
    note: str
    by: UserId
    at: datetime


class Month(Struct, frozen=True, kw_only=True):
    """One month of one member: what is due and what was paid for it, in fen."""

    month: str
    state: State
    due: int = 0
    paid: int = 0
    reduced: bool = False

    @property
    def owed(self) -> int:
        """Return what is still to be paid."""
        return max(0, self.due - self.paid)

    @property
    def over(self) -> int:
        """Return what was paid beyond what is due, which nobody knows while nothing is fixed."""
        return 0 if self.state is State.UNKNOWN else max(0, self.paid - self.due)


class DuesAssessed(Fact, frozen=True, kw_only=True):
    """What a member owes from a month on was fixed."""

    member: MemberId
    assessment: Assessment


class Reminder(StrEnum):
    """What was said of a run of months without a payment: to the member, or to who handles dues.

    Where nobody else than the member handles them, those above are told that somebody has to, and nothing more.
    """

    NUDGE = "nudge"
    NOTE = "note"
    NOBODY = "nobody"


class DuesReminded(Fact, frozen=True, kw_only=True):
    """Somebody was spoken to of months that are unpaid; ``last`` is the newest of them."""

    member: MemberId
    reminder: Reminder
    last: str
    at: datetime


class DuesWaySet(Fact, frozen=True, kw_only=True):
    """A branch said in words how dues are paid; an empty text says nothing."""

    organisation: OrganisationId
    text: str
    by: UserId
    at: datetime


class Question(Struct, frozen=True, kw_only=True):
    """What a member says is wrong about their dues, until who handles them has answered."""

    id: DuesQuestionId
    member: MemberId
    organisation: OrganisationId
    user: UserId
    text: str
    asked_at: datetime


class DuesQuestioned(Discreet, frozen=True, kw_only=True):
    """A member said that something about their dues is wrong."""

    member: MemberId
    question: Question


class DuesQuestionSettled(Fact, frozen=True, kw_only=True):
    """Who handles dues has answered; of the question nothing is kept."""

    id: DuesQuestionId
    organisation: OrganisationId
    by: UserId


def read_sum(text: str, *, field: str) -> int | Refusal:
    """Read a sum of money as people type it, in yuan with at most two decimals; return fen, never nought."""
    plain = unicodedata.normalize("NFKC", text).translate({0x2212: "-"}).strip()
    plain = plain.removesuffix("元").removeprefix("¥").strip()
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if not plain:
        return refused("dues.no_sum", field=field)
    if plain.startswith("-") and _SUM.fullmatch(plain[1:]):
        return refused("dues.negative_sum", field=field)
    if not _SUM.fullmatch(plain):
        return refused("dues.not_a_sum", field=field)
    fen = int(Decimal(plain).scaleb(2))
    return fen if fen else refused("dues.zero_sum", field=field)


def reckon(category: Category, base: str) -> int | Refusal:
    """Return the dues of a month in fen, from a base as it was typed: the whole of it at one rate, rounded half up."""
    if category is Category.STUDENT:
        return STUDENT_FEN
    fen = read_sum(base, field="base")
    if isinstance(fen, Refusal) or category is Category.FLAT:
        return fen
    yuan = Decimal(fen).scaleb(-2)
    rate = next(rate for most, rate in RATES[category] if most is None or yuan <= most)
    return int((yuan * Decimal(rate)).quantize(_FEN, ROUND_HALF_UP).scaleb(2))


def rate_of(category: Category, fen: int) -> str | None:
    """Return at which rate of the table a month's dues were reckoned; it follows from them, so it is kept nowhere."""
    below = Decimal(0)
    for most, rate in RATES.get(category, ()):
        highest = None if most is None else Decimal(most) * Decimal(rate)
        if fen > int(((below + _FEN) * Decimal(rate)).scaleb(2)) - 1 and (highest is None or fen <= highest * 100):
            return f"{(Decimal(rate) * 100).normalize():f}%"
        below = Decimal(most or 0)
    return None


def written(fen: int) -> str:
    """Return a sum in yuan with two decimals."""
    return f"{Decimal(fen).scaleb(-2):.2f}"


def is_month(text: str) -> bool:
    """Tell whether a text names a month, as 2026-07."""
    return _MONTH.fullmatch(text) is not None


def month_of(day: date) -> str:
    """Return the month of a day."""
    return f"{day.year:04}-{day.month:02}"


def count_of(month: str) -> int:
    """Return a month as a number, so that the next one is the next number."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def month_at(count: int) -> str:
    """Return the month of a number."""
    return f"{count // 12:04}-{count % 12 + 1:02}"


def span(first: str, last: str) -> tuple[str, ...]:
    """Return the months from one to another, both among them."""
    return tuple(month_at(one) for one in range(count_of(first), count_of(last) + 1))


def is_payer(member: Member) -> bool:
    """Tell whether somebody pays dues: a member of the Party, in probation too."""
    return member.category in (FULL, PROBATIONARY)


def first_month(member: Member) -> str | None:
    """Return the first month of a member's dues: that in which the meeting took them in (DUE-15)."""
    return member.joined[:7] if is_month(member.joined[:7]) else None


def holds(assessments: Sequence[Assessment], month: str) -> Assessment | None:
    """Return what holds for a month, of what was fixed in the order in which it was entered: the last one for it."""
    return next((one for one in reversed(assessments) if one.since <= month), None)


def stretches(assessments: Sequence[Assessment]) -> Mapping[AssessmentId, tuple[str, str | None]]:
    """Return from which month to which each of these holds, ``None`` while it goes on, in the order of :func:`holds`.

    One that was entered later holds from its month on, whatever had been fixed for then. One of which nothing is left
    is not among them.
    """
    found: dict[AssessmentId, tuple[str, str | None]] = {}
    after: str | None = None
    for one in reversed(assessments):
        if after is None or one.since < after:
            found[one.id] = (one.since, None if after is None else month_at(count_of(after) - 1))
            after = one.since
    return found


def months(
    member: Member, assessments: Sequence[Assessment], paid: Mapping[str, int], *, first: str, last: str
) -> tuple[Month, ...]:
    """Return how the months of a member stand.

    Those before the first and after they left are not among them, but for one that something was paid for all the same.
    """
    begun, left = first_month(member), month_of(member.left.date()) if member.left is not None else None
    found = []
    for month in span(first, last):
        held, sum_paid = holds(assessments, month), paid.get(month, 0)
        outside = (begun is not None and month < begun) or (left is not None and month > left)
        if (outside or not is_payer(member)) and not sum_paid:
            continue
        if outside:
            found.append(Month(month=month, state=State.PAID, paid=sum_paid))
        elif held is None:
            found.append(Month(month=month, state=State.UNKNOWN, paid=sum_paid))
        elif held.kind is Kind.EXEMPT:
            found.append(Month(month=month, state=State.EXEMPT, paid=sum_paid))
        else:
            state = State.PAID if sum_paid >= held.fen else State.PART if sum_paid > 0 else State.DUE
            reduced = held.kind is Kind.REDUCED
            found.append(Month(month=month, state=state, due=held.fen, paid=sum_paid, reduced=reduced))
    return tuple(found)


def arrears(standing: Sequence[Month], today: date) -> tuple[str, ...]:
    """Return the months that are over and for which nothing was paid, back from the newest to one that was paid.

    Exempt months are passed over. What was paid in part is no month without a payment (DUE-17).
    """
    run: list[str] = []
    for one in reversed([one for one in standing if one.month < month_of(today)]):
        if one.state is State.DUE:
            run.append(one.month)
        elif one.state is not State.EXEMPT:
            break
    return tuple(reversed(run))


def paid_until(standing: Sequence[Month]) -> str | None:
    """Return the last month of those that are paid without a gap from the first on; exempt ones leave none."""
    found = None
    for one in standing:
        if one.state in (State.DUE, State.PART):
            break
        found = one.month if one.state is State.PAID else found
    return found


def since_fixed(run: Sequence[str], assessments: Sequence[Assessment], zone: tzinfo) -> tuple[str, ...]:
    """Return those months of a run that ended after it was fixed that something is due for them.

    Nobody is spoken to of months of which they could not know when these passed.
    """
    fixed = [one for one in assessments if one.kind is not Kind.EXEMPT]
    return tuple(
        month
        for month in run
        if any(one.since <= month and month_of(one.at.astimezone(zone).date()) <= month for one in fixed)
    )


def reminder_for(run: Sequence[str], told: Mapping[Reminder, str], *, is_handled: bool) -> Reminder | None:
    """Return what is to be said of a run of unpaid months; ``told`` is up to which month it was said before.

    A run goes on for as long as any month of which was spoken is unpaid: then it is not said again. ``is_handled`` is
    whether somebody else than the member handles dues there: where nobody does, the note waits until somebody will.
    """
    spoken = {one for one, last in told.items() if run and run[0] <= last}
    if len(run) == NUDGE:
        due = Reminder.NUDGE
    elif len(run) == NOTE or (len(run) > NOTE and Reminder.NOBODY in spoken and is_handled):
        due = Reminder.NOTE if is_handled else Reminder.NOBODY
    else:
        return None
    return due if due not in spoken else None


def remind(
    member: Member,
    run: Sequence[str],
    reminder: Reminder,
    others: Collection[UserId],
    *,
    way: str,
    place: str,
    now: datetime,
) -> Decision:
    """Say so once and in private: to the member with how to pay, or to who handles dues, whose visit helps more.

    ``others`` are who handles them, without the member; where nobody does, who does so above, and whom no name is told.
    """
    fact = DuesReminded(member=member.id, reminder=reminder, last=run[-1], at=now)
    if reminder is Reminder.NUDGE:
        if member.user is None:
            return Decision(facts=(fact,))
        told = words("dues.nudge_way", way=way) if way else words("dues.nudge")
        return Decision(facts=(fact,), effects=(Tell(user=member.user, words=told, unasked=True),))
    noted = reminder is Reminder.NOTE
    said = words("dues.note_told", name=member.name) if noted else words("dues.note_unhandled", place=place)
    return Decision(facts=(fact,), effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(others)))


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody wants to fix for a member."""

    kind: Kind
    category: Category
    base: str
    since: str
    note: str


def assess(
    member: Member,
    branch: OrganisationId,
    wanted: Wanted,
    before: Sequence[Assessment],
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Fix a member's monthly dues; ``before`` is what was fixed for them already, in the order of its entry.

    A change within a year asks for a reason, so does one that takes the place of what was fixed for later months, and
    less or nothing asks for its basis (DUE-12).
    """
    note = " ".join(wanted.note.split())
    if not is_payer(member):
        return refused("dues.no_member", field="category", name=member.name)
    if member.left is not None:
        return refused("dues.has_left", field="since", name=member.name)
    if not is_month(wanted.since):
        return refused("dues.no_month", field="since")
    if count_of(wanted.since) > count_of(month_of(today)) + 12:
        return refused("dues.far_month", field="since")
    if len(note) > LONGEST_TEXT:
        return refused("dues.long_text", field="note", most=LONGEST_TEXT)
    if wanted.kind is not Kind.FULL and not note:
        return refused("dues.no_basis", field="note")
    held, last = holds(before, wanted.since), max((since for since, _ in stretches(before).values()), default="")
    if held is not None and not note and held.since[:4] == wanted.since[:4]:
        return refused("dues.no_reason", field="note", year=held.since[:4])
    if last >= wanted.since and not note:
        return refused("dues.takes_place", field="note", month=last)
    fen = _fixed(wanted)
    if isinstance(fen, Refusal):
        return fen
    one = Assessment(
        id=AssessmentId(derive(cause, "dues", member.id)),
        member=member.id,
        organisation=branch,
        kind=wanted.kind,
        category=wanted.category,
        fen=fen,
        since=wanted.since,
        note=note,
        by=by,
        at=now,
    )
    return Decision(facts=(DuesAssessed(member=member.id, assessment=one),))


def _fixed(wanted: Wanted) -> int | Refusal:
    if wanted.kind is Kind.EXEMPT:
        return 0
    # What is less than the table has was decided as a sum, and is typed as one.
    category = Category.FLAT if wanted.kind is Kind.REDUCED else wanted.category
    fen = reckon(category, wanted.base)
    return refused("dues.zero_sum", field="base") if fen == 0 else fen


def set_way(organisation: OrganisationId, text: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Say in words how dues are paid in a branch."""
    text = " ".join(text.split())
    if len(text) > LONGEST_WAY:
        return refused("dues.long_text", field="way", most=LONGEST_WAY)
    return Decision(facts=(DuesWaySet(organisation=organisation, text=text, by=by, at=now),))


def question(
    member: Member,
    branch: OrganisationId,
    user: UserId,
    text: str,
    handlers: Iterable[UserId],
    *,
    waiting: int,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Bring before who handles dues that something about a member's is wrong; they are told that one waits, no more."""
    text = " ".join(text.split())
    if len(text) > LONGEST_TEXT:
        return refused("dues.long_text", most=LONGEST_TEXT)
    if waiting >= MOST_WAITING:
        return refused("dues.many_questions", most=MOST_WAITING)
    one = Question(
        id=DuesQuestionId(derive(cause, "dues question")),
        member=member.id,
        organisation=branch,
        user=user,
        text=text,
        asked_at=now,
    )
    told = tuple(Tell(user=who, words=words("dues.asked_you"), unasked=True) for who in sorted(set(handlers) - {user}))
    mine = Tell(user=user, words=words("dues.question_kept"))
    return Decision(facts=(DuesQuestioned(member=member.id, question=one),), effects=(mine, *told))


def settle_question(one: Question, answer: str, *, by: UserId) -> Decision | Refusal:
    """Answer in private what a member said is wrong; the words are not kept."""
    answer = " ".join(answer.split())
    if not answer:
        return refused("dues.no_answer", field=f"answer-{one.id}")
    if len(answer) > LONGEST_TEXT:
        return refused("dues.long_text", field=f"answer-{one.id}", most=LONGEST_TEXT)
    fact = DuesQuestionSettled(id=one.id, organisation=one.organisation, by=by)
    return Decision(facts=(fact,), effects=(Tell(user=one.user, words=words("dues.answered", answer=answer)),))
