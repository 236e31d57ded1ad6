"""The papers of an election, to print and to file: the ballot, the sheet for counting, the certificate, the record.

Each is a document, which becomes a Word file or a page from which the browser prints or saves a PDF.

They are written in Chinese whatever language the console speaks, for that is how they are filed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from console.appraisal_papers import counting_sheet, grades_counted, grading_paper
from console.word import Block, Document, Grid, Heading, Paragraph
from content.ballots import Elector
from content.ballots import State as Sealed
from content.counts import brief, describe
from content.decision import Words, words
from content.election_advice import off_term
from content.elections import Count, Result, Votes
from content.electronic_votes import ElectronicVote, became
from content.identifiers import MemberId
from content.paper_counts import attendance, grades_in
from content.paper_elections import Entry, Office, PaperElection, State
from content.rule_packs import Purpose
from content.speech import Reader, Speech
from content.strokes import by_strokes
from content.terms import Term

CHINESE = Reader(language="zh_CN")

MISSING = "（待补充）"
"""What stands where nobody has said anything yet."""


class Known(Struct, frozen=True, kw_only=True):
    """All that a paper may say; ``votes`` are the electronic ones, ``term`` is the one that ends with it."""

    paper: PaperElection
    organisation: str
    roll: tuple[Elector, ...]
    names: Mapping[MemberId, str]
    result: Result | None
    votes: tuple[ElectronicVote, ...] = ()
    term: Term | None = None


class _Sheet:
    """One paper as it is written, from its title down."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._blocks: list[Block] = []

    def heading(self, text: str) -> None:
        self._blocks.append(Heading(text=text))

    def say(self, text: str) -> None:
        self._blocks.append(Paragraph(text=text))

    def sign(self, text: str) -> None:
        self._blocks.append(Paragraph(text=text, right=True))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self._blocks.append(Grid(header=tuple(header), rows=tuple(map(tuple, rows))))

    def add(self, block: Block) -> None:
        self._blocks.append(block)

    def done(self) -> Document:
        return Document(title=self._title, blocks=tuple(self._blocks))


Write = Callable[[Known, Speech], Document | None]

READY: Mapping[State, frozenset[str]] = {
    State.DRAFT: frozenset({"ballot"}),
    State.FIXED: frozenset({"ballot", "counting", "record"}),
    State.COUNTING: frozenset({"ballot", "counting", "record"}),
    **{
        state: frozenset({"certificate", "record"})
        for state in (State.COUNTED, State.CERTIFIED, State.REPORTED, State.APPROVED)
    },
    State.VOID: frozenset({"record"}),
}
"""Which papers there are at which stage."""

OF_GRADES = frozenset({"ballot", "counting", "record"})
"""Which of them there are of an appraisal, whose summary is a sheet of its own."""


def ballot(known: Known, speech: Speech) -> Document:
    """Write the ballot as voters get it: names in their order, no number and no mark, and how to fill it in."""
    say, paper = _saying(speech), known.paper
    if paper.election.questions:
        return grading_paper([one.name for one in paper.candidates], speech)
    sheet = _Sheet(say("paper.sheet_ballot", title=paper.title))
    rows = [[one.name, "", *([] if _motion(paper) else [""])] for one in paper.candidates]
    header = [say("paper.candidate"), say("paper.mark")]
    if not _motion(paper):
        header.append(say("paper.other_person"))
        rows += [["", "", ""] for _ in range(paper.election.seats)]
    sheet.table(header, rows)
    sheet.say(say("paper.how_to_motion" if _motion(paper) else "paper.how_to", seats=paper.election.seats))
    sheet.sign(known.organisation)
    sheet.sign(say("paper.seal"))
    return sheet.done()


def counting(known: Known, speech: Speech) -> Document:
    """Write the sheet on which tellers tally by hand."""
    say, paper = _saying(speech), known.paper
    if paper.election.questions:
        return counting_sheet(paper.title, [one.name for one in paper.candidates], speech)
    sheet = _Sheet(say("paper.sheet_counting", title=paper.title))
    sheet.say(say("paper.figures_by_hand"))
    header = [say(f"paper.{name}") for name in ("candidate", "yes", "no", "abstained")]
    rows = [[one.name, "", "", ""] for one in paper.candidates]
    rows += [["", "", "", ""] for _ in range(paper.election.seats)]
    sheet.table(header, rows)
    sheet.say(say("paper.tally_help"))
    sheet.sign(say("paper.signed_by_hand"))
    return sheet.done()


def certificate(known: Known, speech: Speech) -> Document | None:
    """Write 选举结果报告单: the figures, each candidate's votes, and the rule behind each number."""
    sheet = _Sheet(_saying(speech)("paper.sheet_certificate", title=known.paper.title))
    return sheet.done() if _certify(sheet, known, speech) else None


def record(known: Known, speech: Speech) -> Document:
    """Write everything that is on record of an election, in the order in which it came about."""
    say, paper = _saying(speech), known.paper
    sheet = _Sheet(say("paper.sheet_record", title=paper.title))
    sheet.heading(say("paper.part_before"))
    sheet.say(say("paper.held", organisation=known.organisation, day=_day(paper.held_on)))
    if paper.election.questions:
        sheet.say(say("appraisals.graded_were", n=len(paper.candidates)))
    else:
        sheet.say(say("paper.consent_was", letter=paper.consent or MISSING))
        for line in _off_term(known, say):
            sheet.say(line)
        sheet.say(say("paper.seats_were", n=paper.election.seats, candidates=len(paper.candidates)))
        for one in paper.candidates:
            sheet.say(f"{one.name}：{one.introduction or MISSING}")
    sheet.heading(say("paper.part_roll"))
    may = [one for one in known.roll if one.may_vote]
    sheet.say(say("paper.due", expected=len(may), everyone=len(known.roll)))
    rows = [
        [str(place), known.names.get(one.member, MISSING), _right(one, say)]
        for place, one in enumerate(
            sorted(known.roll, key=lambda one: by_strokes(known.names.get(one.member, ""))), start=1
        )
    ]
    sheet.table([say("paper.number"), say("paper.name"), say("paper.right")], rows)
    sheet.heading(say("paper.part_meeting"))
    sheet.say(say("paper.came", present=_or(paper.present), issued=_or(paper.issued)))
    if not paper.election.questions:
        sheet.say(say("paper.chaired", name=known.names.get(paper.chair, MISSING) if paper.chair else MISSING))
    sheet.say(_charged(known, say))
    if paper.opinions is not None:
        sheet.say(say("paper.opinions_were", n=paper.opinions))
    sheet.heading(say("paper.part_result"))
    for line in _votes(known, speech):
        sheet.say(line)
    if not _certify(sheet, known, speech):
        sheet.say(MISSING)
        for entry in paper.entries if paper.state is State.VOID else ():
            _entered(sheet, known, entry, speech)
    for line in _left_empty(known, say):
        sheet.say(line)
    sheet.heading(say("paper.part_after"))
    sheet.say(say("paper.certified", day=_day(paper.certified_on)))
    sheet.say(say("paper.reported", day=_day(paper.reported_on), letter=paper.report or MISSING))
    sheet.say(say("paper.approved", day=_day(paper.approved_on), letter=paper.approval or MISSING))
    if paper.state is State.VOID:
        sheet.say(say("paper.was_void", why=paper.why_void))
    return sheet.done()


HALF_A_PAGE, ONE_PAGE = 8, 24
"""How many lines of a ballot fit on half a page, and on one."""


def lines_of(paper: PaperElection) -> int:
    """Return how many lines the ballot has: one for each who stands, and for each who may be written in."""
    others = 0 if paper.election.questions or _motion(paper) else paper.election.seats
    return len(paper.candidates) + others


SHEETS: Mapping[str, Write] = {"ballot": ballot, "counting": counting, "certificate": certificate, "record": record}


def _certify(sheet: _Sheet, known: Known, speech: Speech) -> bool:
    say, paper, result = _saying(speech), known.paper, known.result
    if result is None or not paper.entries:
        return False
    counted = paper.entries[-1].counted
    figures = attendance(paper, counted)
    # In tenths of a percent and whole numbers, as everything that is reckoned here.
    tenths = figures.present * 1000 // figures.expected
    sheet.table(
        [say(f"paper.{name}") for name in ("expected", "present", "share", "issued", "returned", "valid", "void")],
        [
            [
                str(figures.expected),
                str(figures.present),
                f"{tenths // 10}.{tenths % 10}%",
                str(figures.issued),
                str(figures.returned),
                str(counted.count.valid),
                str(counted.count.void),
            ]
        ],
    )
    if paper.election.questions:
        sheet.add(_graded(paper, counted.count, speech))
    else:
        columns = [say(f"paper.{name}") for name in ("candidate", "yes", "no", "abstained", "other_votes", "elected")]
        sheet.table(columns, _lines(known, result, say))
    for said in _electronic(known, say):
        sheet.say(said)
    for line in describe(paper.title, paper.election.pack, figures, result, paper.names, paper.election.questions):
        sheet.say(speech.say(line, CHINESE))
    sheet.sign(_charged(known, say))
    sheet.sign(_day(paper.certified_on))
    return True


def _off_term(known: Known, say: Callable[..., str]) -> Iterator[str]:
    """Say when the term ends, and by which letter the election is held on another day (R03)."""
    paper, which = known.paper, off_term(known.paper, known.term)
    if known.term is not None and which is not None:
        yield say(f"paper.off_term_{which}", day=_day(known.term.ends_on), letter=paper.off_term or MISSING)
    elif paper.off_term:
        yield say("paper.off_term_was", letter=paper.off_term)


def _left_empty(known: Known, say: Callable[..., str]) -> Iterator[str]:
    """Say by whose decision seats stay empty (R20)."""
    one, result = known.paper.left_empty, known.result
    if one is not None and result is not None:
        key, fewer = f"paper.left_empty_{one.by}", result.unfilled or 0
        yield say(key, n=fewer, day=_day(one.on), letter=one.reference, agreed=one.agreed or 0)


def _electronic(known: Known, say: Callable[..., str]) -> Iterator[str]:
    """Say that the papers were sealed in browsers, by whose consent, and by which hashes that can be looked into."""
    for one in known.votes:
        if one.counted:
            yield say(f"electronic.was_{one.way}", letter=one.reference, day=_day(one.dated))
            yield say("certificate.manifest", hash=one.ballot.manifest_hash or MISSING)
            yield say("electronic.was_sealed", hash=one.ballot.set_hash or MISSING)
            yield say("certificate.opened", hash=one.opened_hash or MISSING)


def _votes(known: Known, speech: Speech) -> Iterator[str]:
    """Say what became of each electronic vote; figures that were counted and do not stand are on record too."""
    say, paper = _saying(speech), known.paper
    for one in known.votes:
        key, closes, dated = f"electronic.vote_{one.way}", _day(one.closes_on), _day(one.dated)
        held = say(key, place=one.place, day=closes, letter=one.reference, dated=dated)
        ended = say("electronic.vote_ended", day=_day(one.ended_on)) if one.ended_on is not None else ""
        yield held + ended + speech.say(became(one), CHINESE)
        if one.ballot.closed_early:
            yield say("certificate.closed_early", reason=one.ballot.closed_early)
        if one.ballot.set_hash is not None and not one.counted:
            yield say("electronic.was_sealed", hash=one.ballot.set_hash)
        if one.figures is not None and one.ballot.state is Sealed.VOID:
            yield say("electronic.vote_figures")
            figures = one.ballot.attendance
            names = {str(one): name for one, name in known.names.items()} | dict(paper.names)
            told = brief(paper.title, names, one.figures, expected=figures.expected, returned=figures.returned)
            yield from (speech.say(line, CHINESE) for line in list(told)[1:])


def _graded(paper: PaperElection, found: Count, speech: Speech) -> Grid:
    return grades_counted([(one.name, grades_in(found, one.id)) for one in paper.candidates], found.valid, speech)


def _entered(sheet: _Sheet, known: Known, entry: Entry, speech: Speech) -> None:
    """Add a count that came to nothing: it was made, and it stays on record."""
    say, found = _saying(speech), entry.counted.count
    sheet.say(say("paper.count_of", place=entry.place, name=known.names.get(entry.member, MISSING)))
    if known.paper.election.questions:
        sheet.add(_graded(known.paper, found, speech))
        return
    columns = [say(f"paper.{name}") for name in ("candidate", "yes", "no", "abstained")]
    rows = [
        [one.name, str(votes.yes), str(votes.no), str(votes.abstained)]
        for one in known.paper.candidates
        for votes in (found.tally[one.id],)
    ]
    sheet.table(columns, [*rows, *([name, str(number), "", ""] for name, number in sorted(found.write_ins.items()))])


def _lines(known: Known, result: Result, say: Callable[..., str]) -> Iterator[list[str]]:
    for one in sorted(known.paper.candidates, key=lambda one: by_strokes(one.name)):
        votes = (result.tally or {}).get(one.id, Votes(yes=0, no=0, abstained=0))
        counted = [str(votes.yes), str(votes.no), str(votes.abstained)] if result.tally else [MISSING] * 3
        yield [one.name, *counted, "", _elected(one.id, result, known.paper, say)]
    for name, number in sorted(result.write_ins.items(), key=lambda one: by_strokes(one[0])):
        yield [name, "", "", "", str(number), _elected(name, result, known.paper, say)]


def _elected(id: str, result: Result, paper: PaperElection, say: Callable[..., str]) -> str:  # noqa: A002
    if _motion(paper):
        return say(f"count.outcome_{result.outcome.lower()}")
    return say("paper.yes_elected") if id in result.elected else say("paper.tied") if id in result.tied else ""


def _charged(known: Known, say: Callable[..., str]) -> str:
    def named(office: Office) -> str:
        return "、".join(known.names.get(one.member, MISSING) for one in known.paper.officers if one.office is office)

    monitors, counters = named(Office.MONITOR), named(Office.COUNTER)
    return say("paper.officers_were", monitors=monitors or MISSING, counters=counters or MISSING)


def _right(one: Elector, say: Callable[..., str]) -> str:
    if one.may_vote:
        return say("paper.may_vote")
    return say("paper.excused", letter=one.approval) if one.approval else say("paper.may_not", reason=one.reason)


def _motion(paper: PaperElection) -> bool:
    return paper.election.pack.purpose is Purpose.MOTION


def _saying(speech: Speech) -> Callable[..., str]:
    def say(key: str, **parameters: str | int | tuple[Words, ...]) -> str:
        return speech.say(words(key, **parameters), CHINESE)

    return say


def _day(day: object) -> str:
    from datetime import date

    return f"{day.year}年{day.month}月{day.day}日" if isinstance(day, date) else MISSING


def _or(number: int | None) -> str:
    return MISSING if number is None else str(number)
