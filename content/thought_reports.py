"""Thought reports (思想汇报): said in private in one message or several, read by their reviewer, and answered.

No length is asked for: one character is a report. What is being written is seen by nobody but its author.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Secret, Tell, refused, words
from content.identifiers import Cause, EventId, MemberId, OrganisationId, ThoughtReportId, UserId, derive
from content.inquiries import InquiryEnded, make_inquiry
from content.members import Member

ABOUT = "thought_report"
"""What an inquiry is about while what a person says belongs to their report."""
WITHDRAWN_WITHIN = timedelta(hours=24)
KEPT = timedelta(days=365)
"""How long the words of a report and of the reply are kept; the day on which it came stays for the register."""
DAYS_KEPT = timedelta(days=3 * 365)
UNFINISHED_KEPT = timedelta(days=30)
"""How long one that nobody goes on with is kept."""
LONGEST = 20_000
MOST_PARTS = 100
LONGEST_REPLY = 500

_FINISHED = re.compile(
    r"(?:(?:^|(?<=[\s。.!！?？…,，;；]))完|(?:^|(?<=[\n。.!！?？…,，;；])[^\S\n]*)end)[\s。.!！]*$", re.IGNORECASE
)


class Part(Struct, frozen=True, kw_only=True):
    """One message of a report."""

    event: EventId
    letters: int
    at: datetime


class ThoughtReport(Struct, frozen=True, kw_only=True):
    """A report without its words; one that was not handed in is being written."""

    id: ThoughtReportId
    member: MemberId
    user: UserId
    begun_at: datetime
    parts: tuple[Part, ...] = ()
    handed_in_at: datetime | None = None
    replied_at: datetime | None = None

    @property
    def letters(self) -> int:
        """Return how many characters it has by now."""
        return sum(one.letters for one in self.parts)

    def has(self, event: EventId) -> bool:
        """Tell whether a message is part of it."""
        return any(one.event == event for one in self.parts)


class Readers(Struct, frozen=True, kw_only=True):
    """Who is told when a report comes, and where they open it; ``contact`` names who keeps contact, if they may."""

    told: tuple[UserId, ...]
    contact: str = ""
    address: str = ""


class ThoughtReportBegun(Fact, frozen=True, kw_only=True):
    """Somebody has begun to say a report."""

    report: ThoughtReport


class ThoughtPartSaid(Fact, frozen=True, kw_only=True):
    """A message is part of a report."""

    report: ThoughtReportId
    member: MemberId
    event: EventId
    text: str
    at: datetime


class ThoughtPartChanged(Fact, frozen=True, kw_only=True):
    """A message of a report that is being written was edited."""

    report: ThoughtReportId
    member: MemberId
    event: EventId
    text: str


class ThoughtPartRemoved(Fact, frozen=True, kw_only=True):
    """A message of a report that is being written was taken back."""

    report: ThoughtReportId
    event: EventId


class ThoughtReportDropped(Fact, frozen=True, kw_only=True):
    """Somebody no longer wants to hand in what they had begun; nothing of it is kept."""

    report: ThoughtReportId


class ThoughtReportHandedIn(Fact, frozen=True, kw_only=True):
    """A report came to its end."""

    report: ThoughtReportId
    member: MemberId
    organisation: OrganisationId
    at: datetime


class ThoughtReportWithdrawn(Fact, frozen=True, kw_only=True):
    """Somebody took a report back; nothing of it is kept."""

    report: ThoughtReportId
    member: MemberId
    organisation: OrganisationId


class ThoughtReportAnswered(Fact, frozen=True, kw_only=True):
    """The reviewer of a report has replied."""

    report: ThoughtReportId
    member: MemberId
    organisation: OrganisationId
    text: str
    by: UserId
    at: datetime


def without_end(text: str) -> tuple[str, bool]:
    """Return a message without the 完 at its end, and whether there was one; 写完 and "in the end" are no such end."""
    found = _FINISHED.search(text)
    return (text[: found.start()], True) if found is not None else (text, False)


def say(
    member: Member,
    user: UserId,
    known: ThoughtReport | None,
    text: str,
    event: EventId,
    *,
    opening: bool,
    readers: Readers,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Take a message as part of a report, and the report as handed in where 完 stands at its end.

    ``opening`` is for a message that asks to begin, or to go on; all others are taken without a word.
    """
    text, finished = without_end(text)
    text = text.strip()
    report = known or ThoughtReport(
        id=ThoughtReportId(derive(cause, "thought report")), member=member.id, user=user, begun_at=now
    )
    number, letters = len(report.parts) + bool(text), report.letters + len(text)
    if letters > LONGEST:
        key = "thought_report.too_long" if report.parts else "thought_report.long_start"
        return refused(key, most=LONGEST, n=report.letters)
    if text and number > MOST_PARTS:
        return refused("thought_report.too_many", most=MOST_PARTS)
    facts: list[Fact] = [] if known is not None else [ThoughtReportBegun(report=report)]
    if text:
        facts.append(ThoughtPartSaid(report=report.id, member=report.member, event=event, text=text, at=now))
    if finished:
        return _handed_in(report, member, user, number, letters, facts, readers=readers, now=now)
    facts.append(make_inquiry(user, ABOUT, now=now))
    if not opening:
        return Decision(facts=tuple(facts))
    key = "thought_report.go_on" if known is not None and known.parts else "thought_report.begun"
    said = words("thought_report.noted" if text and key == "thought_report.begun" else key, n=report.letters)
    return Decision(facts=tuple(facts), effects=(Tell(user=user, words=said),))


def hand_in(
    report: ThoughtReport, member: Member, user: UserId, *, readers: Readers, now: datetime
) -> Decision | Refusal:
    """Bring a report to its end; ``user`` is who says so, by whatever account it was begun."""
    return _handed_in(report, member, user, len(report.parts), report.letters, [], readers=readers, now=now)


def _handed_in(
    report: ThoughtReport,
    member: Member,
    user: UserId,
    number: int,
    letters: int,
    facts: list[Fact],
    *,
    readers: Readers,
    now: datetime,
) -> Decision | Refusal:
    if not number:
        return refused("thought_report.empty")
    handed = ThoughtReportHandedIn(report=report.id, member=member.id, organisation=member.organisation, at=now)
    if readers.contact:
        said = words("thought_report.handed_in_contact", n=number, letters=letters, contact=readers.contact)
    else:
        said = words("thought_report.handed_in", n=number, letters=letters)
    came = words("thought_report.came", name=member.name, address=readers.address)
    told = (Tell(user=one, words=came, unasked=True) for one in readers.told)
    return Decision(facts=(*facts, handed, _ended(user)), effects=(Tell(user=user, words=said), *told))


def drop(report: ThoughtReport, user: UserId) -> Decision:
    """Keep nothing of a report that was begun."""
    told = Tell(user=user, words=words("thought_report.dropped"))
    return Decision(facts=(ThoughtReportDropped(report=report.id), _ended(user)), effects=(told,))


def change(report: ThoughtReport, event: EventId, text: str, *, now: datetime) -> Decision | Refusal | None:
    """Take what a message of a report was changed to; after the end nothing changes any more, and that is said.

    An edit asks for nothing: a 完 that it adds hands nothing in, and that is said too.
    """
    if not report.has(event):
        return None
    if report.handed_in_at is not None:
        return refused(_over(report.handed_in_at, now), hours=_HOURS)
    text, finished = without_end(text)
    text = text.strip()
    if not text:
        return Decision(facts=(ThoughtPartRemoved(report=report.id, event=event),))
    others = sum(one.letters for one in report.parts if one.event != event)
    if others + len(text) > LONGEST:
        return refused("thought_report.edit_too_long", most=LONGEST)
    fact = ThoughtPartChanged(report=report.id, member=report.member, event=event, text=text)
    said = Tell(user=report.user, words=words("thought_report.end_alone"))
    return Decision(facts=(fact,), effects=(said,) if finished else ())


def remove(report: ThoughtReport, event: EventId, *, now: datetime) -> Decision | None:
    """Leave a message out of a report because its author took it back; after the end nothing changes any more."""
    if not report.has(event):
        return None
    if report.handed_in_at is not None:
        said = words(_over(report.handed_in_at, now), hours=_HOURS)
        return Decision(effects=(Tell(user=report.user, words=said),))
    return Decision(facts=(ThoughtPartRemoved(report=report.id, event=event),))


_HOURS = int(WITHDRAWN_WITHIN.total_seconds()) // 3600


def _over(handed_in: datetime, now: datetime) -> str:
    """Return what is said of a change after the end: how to take the report back, while it can be."""
    return "thought_report.too_late" if now - handed_in > WITHDRAWN_WITHIN else "thought_report.as_handed_in"


def take_back_last(report: ThoughtReport, user: UserId) -> Decision:
    """Leave the last message out of a report that is being written."""
    last = report.parts[-1]
    told = Tell(user=user, words=words("thought_report.last_removed", n=len(report.parts) - 1))
    return Decision(facts=(ThoughtPartRemoved(report=report.id, event=last.event),), effects=(told,))


def withdraw(report: ThoughtReport, member: Member, user: UserId, *, now: datetime) -> Decision | Refusal:
    """Forget a report that its author takes back within a day."""
    if report.handed_in_at is None or now - report.handed_in_at > WITHDRAWN_WITHIN:
        return refused("thought_report.too_late", hours=_HOURS)
    fact = ThoughtReportWithdrawn(report=report.id, member=member.id, organisation=member.organisation)
    return Decision(facts=(fact,), effects=(Tell(user=user, words=words("thought_report.withdrawn")),))


def may_open(user: UserId, *, member: Member, reviewer: UserId | None, reads: bool) -> bool:
    """Tell whether somebody may open a member's reports: who keeps contact with them, and who reads them all there.

    ``reads`` tells of the right at the member's place. Nobody opens their own here; they have them in 我的数据.
    """
    return member.user != user and (reads or user == reviewer)


def answer(report: ThoughtReport, member: Member, text: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Reply to a report once; its author reads it in private."""
    text = text.strip()
    if report.handed_in_at is None or report.replied_at is not None:
        return refused("thought_report.answered_already")
    if not text:
        return refused("thought_report.no_reply", field="reply")
    if len(text) > LONGEST_REPLY:
        return refused("thought_report.reply_too_long", field="reply", most=LONGEST_REPLY)
    if member.user is None:
        return refused("thought_report.nobody_to_tell", field="reply", name=member.name)
    said = words("thought_report.replied", on=report.handed_in_at, reply=Secret(text))
    fact = ThoughtReportAnswered(
        report=report.id, member=member.id, organisation=member.organisation, text=text, by=by, at=now
    )
    return Decision(facts=(fact,), effects=(Tell(user=member.user, words=said, unasked=True),))


def _ended(user: UserId) -> InquiryEnded:
    return InquiryEnded(user=user, about=ABOUT)


CONFIDENTIAL = ("秘密", "机密", "絕密", "绝密", "機密", "内部", "內部")


def refuse_file(user: UserId, name: str, *, known: Collection[str] = CONFIDENTIAL) -> Decision:
    """Say that a report is taken in words only; of a file whose name says so, also that it has no place in a chat."""
    key = "thought_report.confidential" if any(word in name for word in known) else "thought_report.words_only"
    return Decision(effects=(Tell(user=user, words=words(key)),))
