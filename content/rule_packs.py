"""The rules by which votes are counted, as data: which share of whom makes a quorum, and what elects."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from content.decision import Words, words
from content.majorities import ANY, FOUR_FIFTHS, HALF, MORE_THAN_FOUR_FIFTHS, MORE_THAN_HALF, ONE_FIFTH, Threshold


class Rule(StrEnum):
    """A rule that stands behind a number; ``elections.rule_…`` says it, with its document and article."""

    MARGIN = "margin"
    QUORUM = "quorum"
    QUORUM_1990 = "quorum_1990"
    QUORUM_COMMITTEE = "quorum_committee"
    QUORUM_MOTION = "quorum_motion"
    QUORUM_ADMISSION = "quorum_admission"
    QUORUM_RECOMMENDATION = "quorum_recommendation"
    ELECTORS = "electors"
    RETURNED = "returned"
    RECONCILED = "reconciled"
    BALLOT = "ballot"
    MARKS = "marks"
    WRITE_INS = "write_ins"
    WRITTEN_PERSON = "written_person"
    WRITTEN_STANDING = "written_standing"
    WRITTEN_NOBODY = "written_nobody"
    MAJORITY = "majority"
    MAJORITY_1990 = "majority_1990"
    MAJORITY_MOTION = "majority_motion"
    MAJORITY_ADMISSION = "majority_admission"
    PRESELECTION = "preselection"
    PRESELECTION_1990 = "preselection_1990"
    RUNOFF = "runoff"
    SEATS = "seats"
    TOO_FEW = "too_few"
    REFERENCE = "reference"
    GRADES = "grades"
    EXCELLENT = "excellent"
    SURVEY = "survey"
    ANSWERS = "answers"


class Base(StrEnum):
    """Of whom a majority is reckoned: those due to attend (应到会), or those who are there (实到会)."""

    EXPECTED = "expected"
    PRESENT = "present"


class Purpose(StrEnum):
    """What a vote decides: who gets the seats, whether a motion passes, or nothing, as its figures are a reference."""

    SEATS = "seats"
    MOTION = "motion"
    REFERENCE = "reference"


class RulePack(Struct, frozen=True, kw_only=True):
    """How one kind of vote is counted.

    ``checked`` says whether a person has compared the pack with the official text (已核对); until then results carry
    that it was not. A changed rule is a new ``version``; results name both. ``least_cell`` is the
    smallest number that is told.
    """

    id: str
    version: int
    purpose: Purpose
    quorum: Threshold
    quorum_rule: Rule
    base: Base
    majority: Threshold
    majority_rule: Rule
    preselection_rule: Rule
    margin: Threshold | None = None
    checked: bool = False
    least_cell: int = 0


ELECTION_2020 = RulePack(
    id="2020",
    version=1,
    purpose=Purpose.SEATS,
    quorum=FOUR_FIFTHS,
    quorum_rule=Rule.QUORUM,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.MAJORITY,
    preselection_rule=Rule.PRESELECTION,
    margin=ONE_FIFTH,
)
ELECTION_1990 = RulePack(
    id="legacy-1990",
    version=1,
    purpose=Purpose.SEATS,
    quorum=MORE_THAN_FOUR_FIFTHS,
    quorum_rule=Rule.QUORUM_1990,
    base=Base.PRESENT,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.MAJORITY_1990,
    preselection_rule=Rule.PRESELECTION_1990,
    margin=ONE_FIFTH,
)
COMMITTEE = RulePack(
    id="committee",
    version=1,
    purpose=Purpose.SEATS,
    quorum=FOUR_FIFTHS,
    quorum_rule=Rule.QUORUM_COMMITTEE,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.MAJORITY,
    preselection_rule=Rule.PRESELECTION,
)
MOTION = RulePack(
    id="motion",
    version=1,
    purpose=Purpose.MOTION,
    quorum=HALF,
    quorum_rule=Rule.QUORUM_MOTION,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.MAJORITY_MOTION,
    preselection_rule=Rule.PRESELECTION,
)
ADMISSION = RulePack(
    id="admission",
    version=1,
    purpose=Purpose.MOTION,
    quorum=MORE_THAN_HALF,
    quorum_rule=Rule.QUORUM_ADMISSION,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.MAJORITY_ADMISSION,
    preselection_rule=Rule.PRESELECTION,
)
RECOMMENDATION = RulePack(
    id="recommendation",
    version=1,
    purpose=Purpose.REFERENCE,
    quorum=HALF,
    quorum_rule=Rule.QUORUM_RECOMMENDATION,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.REFERENCE,
    preselection_rule=Rule.REFERENCE,
)
APPRAISAL = RulePack(
    id="appraisal",
    version=1,
    purpose=Purpose.REFERENCE,
    quorum=HALF,
    quorum_rule=Rule.QUORUM_RECOMMENDATION,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.GRADES,
    preselection_rule=Rule.GRADES,
)
SURVEY = RulePack(
    id="survey",
    version=1,
    purpose=Purpose.REFERENCE,
    quorum=ANY,
    quorum_rule=Rule.SURVEY,
    base=Base.EXPECTED,
    majority=MORE_THAN_HALF,
    majority_rule=Rule.SURVEY,
    preselection_rule=Rule.SURVEY,
    least_cell=5,
)

PACKS: Mapping[str, RulePack] = {
    pack.id: pack
    for pack in (ELECTION_2020, ELECTION_1990, COMMITTEE, MOTION, ADMISSION, RECOMMENDATION, APPRAISAL, SURVEY)
}


def quorum_needs(expected: int) -> Mapping[str, int]:
    """Return how many must be present by the rules of 2020 and by those of 1990, to show both where they differ."""
    return {pack.id: pack.quorum.least(expected) for pack in (ELECTION_2020, ELECTION_1990)}


def said(rule: Rule) -> Words:
    """Return a rule in words, with the document and the article where it stands."""
    return words(f"elections.rule_{rule}")
