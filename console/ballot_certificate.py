"""The certificate of a secret ballot, to file: its figures, everyone's votes, and the rule behind every number.

It is written in Chinese, as it is filed. The same ballot gives the same bytes, whenever and wherever it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from console.word import Block, Grid, Paragraph, write_docx
from content.ballots import Ballot, TellerRole
from content.counts import describe
from content.decision import Words, words
from content.elections import NOBODY, Result, Votes
from content.identifiers import MemberId
from content.rule_packs import Purpose, said
from content.speech import Reader, Speech
from content.strokes import by_strokes
from content.write_ins import Ruling

CHINESE = Reader(language="zh_CN")
MISSING = "（待补充）"


class Certified(Struct, frozen=True, kw_only=True):
    """All that the certificate says; ``names`` are those who stand or may be written in, as they are called now."""

    ballot: Ballot
    organisation: str
    result: Result
    names: dict[str, str]
    tellers: Mapping[MemberId, str]
    opened_hash: str
    receipts: int
    rulings: tuple[Ruling, ...] = ()


def write_certificate(known: Certified, speech: Speech) -> bytes:
    """Write 选举结果报告单 of a secret ballot."""
    ballot, result, figures = known.ballot, known.result, known.ballot.attendance

    def say(key: str, **parameters: str | int | tuple[Words, ...]) -> str:
        return speech.say(words(key, **parameters), CHINESE)

    # In tenths of a percent and whole numbers, as everything that is reckoned here.
    tenths = figures.present * 1000 // figures.expected
    numbers = (figures.expected, figures.present, f"{tenths // 10}.{tenths % 10}%", figures.issued, figures.returned)
    totals = ("expected", "present", "share", "issued", "returned", "valid", "void")
    columns = ("candidate", "yes", "no", "abstained", "other_votes", "elected")
    blocks: list[Block] = [
        Grid(
            header=tuple(say(f"paper.{name}") for name in totals),
            rows=(tuple(str(one) for one in (*numbers, result.valid, result.void)),),
        ),
        Grid(header=tuple(say(f"paper.{name}") for name in columns), rows=tuple(_rows(known, say))),
    ]
    lines = describe(ballot.title, ballot.election.pack, figures, result, known.names)
    blocks += [Paragraph(text=speech.say(line, CHINESE)) for line in lines]
    if ballot.election.pack.purpose is Purpose.REFERENCE:
        blocks.append(Paragraph(text=say("selection.reference")))
    if ballot.closed_early:
        blocks.append(Paragraph(text=say("certificate.closed_early", reason=ballot.closed_early)))
    blocks += [
        *(Paragraph(text=line) for line in _ruled(known, say)),
        Paragraph(text=say("certificate.manifest", hash=ballot.manifest_hash or MISSING)),
        Paragraph(text=say("certificate.set", n=known.receipts, hash=ballot.set_hash or MISSING)),
        Paragraph(text=say("certificate.opened", hash=known.opened_hash or MISSING)),
        Paragraph(text=_charged(known, say), right=True),
        Paragraph(text=known.organisation, right=True),
    ]
    if ballot.decided_on is not None:
        day = ballot.decided_on
        blocks.append(Paragraph(text=f"{day.year}年{day.month}月{day.day}日", right=True))
    return write_docx(say("certificate.title", title=ballot.title), blocks)


def _rows(known: Certified, say: Callable[..., str]) -> Iterator[tuple[str, ...]]:
    result = known.result
    for one in sorted(known.ballot.candidates, key=lambda one: (by_strokes(one.name), one.id)):
        votes = (result.tally or {}).get(one.id, Votes(yes=0, no=0, abstained=0))
        yield one.name, str(votes.yes), str(votes.no), str(votes.abstained), "", _elected(one.id, result, say)
    others = known.names | {NOBODY: say("ballots.nobody_meant")}
    called = [(others.get(one, MISSING), one, number) for one, number in result.write_ins.items()]
    for name, entry, number in sorted(called, key=lambda one: (by_strokes(one[0]), one[1])):
        yield name, "", "", "", str(number), _elected(entry, result, say)


def _ruled(known: Certified, say: Callable[..., str]) -> Iterator[str]:
    """Say of each who was written in by how many texts, by whose word, and by which rule."""
    others = known.names | {NOBODY: say("ballots.nobody_meant")}
    for one in known.rulings:
        called, by = others.get(one.meant, MISSING), "、".join(map(str, one.by))
        yield say("ballots.ruled_line", name=called, n=one.texts, by=by, rule=(said(one.rule),))


def _elected(id: str, result: Result, say: Callable[..., str]) -> str:  # noqa: A002
    return say("paper.yes_elected") if id in result.elected else say("paper.tied") if id in result.tied else ""


def _charged(known: Certified, say: Callable[..., str]) -> str:
    def named(role: TellerRole) -> str:
        return "、".join(known.tellers.get(one.member, MISSING) for one in known.ballot.tellers if one.role is role)

    monitors, counters = named(TellerRole.MONITOR), named(TellerRole.COUNTER)
    return say("paper.officers_were", monitors=monitors or MISSING, counters=counters or MISSING)
