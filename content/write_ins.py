"""Names that were written freely on papers of a secret ballot, and whom the tellers take each to mean.

A text may show whose hand wrote it. So the papers that hold one are read only in memory; the tellers see every text
once, in the order of the texts, without its number and without the paper it stood on, and before there is any result.
What they take it to mean stands in its place when the box is counted, and the text goes once the count is certified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from content.ballot_papers import LONGEST_NAME, read_paper, write_paper
from content.ballots import Ballot, may_be_opened, not_now, refuse_changed
from content.ballots import keep_count as keep_any_count
from content.decision import Decision, Fact, Refusal, refused
from content.discreet import repr_without
from content.elections import NOBODY, Election, Result, is_valid
from content.identifiers import BallotId, MemberId
from content.questions import plain
from content.rule_packs import Rule
from content.tellers import agreed, teller_of


class Written(Struct, frozen=True, kw_only=True):
    """A text that was written in, whom a teller takes it to mean, and which other teller agrees."""

    text: str
    meant: str | None = None
    by: int | None = None
    agreed: int | None = None

    def __repr__(self) -> str:
        return repr_without(self, "text")


class Ruling(Struct, frozen=True, kw_only=True):
    """How many different texts were taken to mean somebody, by which rule, and by which tellers."""

    meant: str
    rule: Rule
    texts: int
    by: tuple[int, ...]


class WriteInsFound(Fact, frozen=True, kw_only=True):
    """The box was opened in memory, and holds these texts; nothing is counted before all of them are decided."""

    ballot: BallotId
    texts: tuple[str, ...]

    def __repr__(self) -> str:
        return repr_without(self, "texts")


class WriteInsDecided(Fact, frozen=True, kw_only=True):
    """A teller says of texts whom they mean; one of which another has said the same is decided by both."""

    ballot: BallotId
    written: tuple[Written, ...]

    def __repr__(self) -> str:
        return repr_without(self, "written")


class WriteInsRuled(Fact, frozen=True, kw_only=True):
    """The box was counted with these decisions; they are kept with the count, without a text."""

    ballot: BallotId
    rulings: tuple[Ruling, ...]


def as_written(text: str) -> str:
    """Return a name that was written in as a reader sees it, without what is not seen."""
    return " ".join(plain(text).split())


def put_in(
    election: Election, papers: Iterable[bytes], meant: Mapping[str, str]
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Return papers with who is meant in the place of each text, and the texts of which nobody has said it yet.

    A paper that is void anyway is left out with its texts: nobody needs to read them. Whoever is meant twice on one
    paper, or stands on it already, makes it void when it is counted.
    """
    done: list[bytes] = []
    waiting: set[str] = set()
    for one in papers:
        paper = read_paper(one)
        if paper is None or not paper.write_ins:
            done.append(one)
            continue
        texts = tuple(as_written(text) for text in paper.write_ins)
        if not all(1 <= len(text) <= LONGEST_NAME for text in texts) or not is_valid(
            election, replace(paper, write_ins=texts)
        ):
            done.append(b"")
            continue
        waiting.update(text for text in texts if text not in meant)
        taken = [meant.get(text, NOBODY) for text in texts]
        named = [one for one in taken if one != NOBODY]
        done.append(write_paper(replace(paper, write_ins=(*named, *([NOBODY] if len(named) < len(taken) else ())))))
    return tuple(done), tuple(sorted(waiting))


def find(ballot: Ballot, texts: Sequence[str], known: Sequence[Written]) -> Decision | Refusal:
    """Keep the texts that were found in a box, for the tellers to decide; what was decided of one stays."""
    refusal = _not_opened(ballot)
    if refusal is not None:
        return refusal
    new = set(texts) - {one.text for one in known}
    every = tuple(sorted({*new, *(one.text for one in known)}))
    return Decision(facts=(WriteInsFound(ballot=ballot.id, texts=every),)) if new else Decision()


def decide(
    ballot: Ballot, member: MemberId | None, known: Sequence[Written], said: Mapping[str, str]
) -> Decision | Refusal:
    """Take what a teller says that texts mean: someone on the roll, someone who stands anyway, or nobody.

    It stands once another teller has said the same; until then, and where they differ, the later word waits for one.
    What two have said is undone by no third, only by one of the two who changes their own word.
    """
    teller = teller_of(ballot, member)
    if teller is None:
        return refused("ballot.not_a_teller")
    refusal = _not_opened(ballot)
    if refusal is not None:
        return refusal
    choices = {NOBODY, *ballot.election.candidates, *(ballot.election.eligible or ())}
    changed = []
    for one in known:
        meant = said.get(one.text)
        if meant is None or meant not in choices:
            continue
        if one.meant == meant:
            if one.by != teller.index and one.agreed is None:
                changed.append(replace(one, agreed=teller.index))
        elif one.agreed is None or teller.index in (one.by, one.agreed):
            changed.append(Written(text=one.text, meant=meant, by=teller.index))
    if not changed:
        return refused("ballot.nothing_decided")
    return Decision(facts=(WriteInsDecided(ballot=ballot.id, written=tuple(changed)),))


def _not_opened(ballot: Ballot) -> Refusal | None:
    if not may_be_opened(ballot):
        return not_now(ballot)
    if len(agreed(ballot)) < ballot.needed:
        return refused("ballot.not_agreed", least=ballot.needed)
    return refuse_changed(ballot)


def decided(known: Iterable[Written]) -> dict[str, str]:
    """Return whom the texts mean of which two tellers have said the same."""
    return {one.text: one.meant for one in known if one.meant is not None and one.agreed is not None}


def keep_count(
    ballot: Ballot, result: Result, opened_hash: str, known: Sequence[Written], meant: Mapping[str, str]
) -> Decision | Refusal:
    """Keep what came out of a box; ``meant`` is what it was counted by, which must be what is decided."""
    if decided(known) != dict(meant):
        return refused("ballot.decided_otherwise")
    counted = keep_any_count(ballot, result, opened_hash)
    if isinstance(counted, Refusal) or not known:
        return counted
    return replace(counted, facts=(*counted.facts, WriteInsRuled(ballot=ballot.id, rulings=rulings(ballot, known))))


def rulings(ballot: Ballot, known: Iterable[Written]) -> tuple[Ruling, ...]:
    """Return what stays of the decisions: for each who was meant the rule, and never a text."""
    standing = [one for one in known if one.meant is not None and one.agreed is not None]
    number = Counter(one.meant for one in standing)
    return tuple(
        Ruling(
            meant=meant,
            rule=_rule(ballot, meant),
            texts=number[meant],
            by=tuple(sorted({who for one in standing if one.meant == meant for who in (one.by, one.agreed) if who})),
        )
        for meant in sorted({one.meant for one in standing if one.meant is not None})
    )


def _rule(ballot: Ballot, meant: str) -> Rule:
    if meant == NOBODY:
        return Rule.WRITTEN_NOBODY
    return Rule.WRITTEN_STANDING if meant in ballot.election.candidates else Rule.WRITTEN_PERSON
