"""Forms of an appraisal (民主测评) and of a survey: what they ask, as papers of a secret ballot answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from content.decision import Refusal, refused
from content.elections import Election
from content.questions import Question, Sort
from content.rule_packs import APPRAISAL, SURVEY

FORMS = (APPRAISAL, SURVEY)
"""The packs by which papers that answer questions are counted."""
MOST_QUESTIONS = 30
MOST_OPTIONS = 12
LONGEST_QUESTION = 200
LONGEST_OPTION = 80
FEWEST_OPTIONS = 2
STEPS = ("1", "2", "3", "4", "5")
"""The steps of a scale."""


class Grade(StrEnum):
    """The four grades of 民主评议, by the number of their option on a paper."""

    EXCELLENT = "1"
    QUALIFIED = "2"
    BASIC = "3"
    UNQUALIFIED = "4"


def grading(papers: Iterable[str]) -> Election:
    """Return the form on which each of these is given one of the four grades, or none."""
    names = tuple(papers)
    return Election(
        candidates=names,
        seats=max(1, len(names)),
        pack=APPRAISAL,
        contested=False,
        eligible=frozenset(),
        questions=tuple(Question(id=one, sort=Sort.SINGLE, text="", options=tuple(Grade)) for one in names),
    )


def asking(questions: Sequence[Question], by: str = "") -> Election:
    """Return the form of a survey, whose answers are broken down by those to one of its questions, or by none."""
    return Election(
        candidates=(),
        seats=1,
        pack=SURVEY,
        contested=False,
        eligible=frozenset(),
        questions=tuple(questions),
        by=by,
    )


def trouble_with(election: Election) -> Refusal | None:
    """Tell why a form cannot be meant."""
    if election.pack is APPRAISAL:
        return None if election.candidates else refused("survey.nobody", field="candidates")
    return refuse_questions(election.questions, election.by)


def refuse_questions(questions: Sequence[Question], by: str) -> Refusal | None:
    """Tell why questions cannot be asked."""
    if not 1 <= len(questions) <= MOST_QUESTIONS:
        return refused("survey.number_of_questions", field="questions", most=MOST_QUESTIONS)
    for number, one in enumerate(questions, start=1):
        if not 1 <= len(one.text) <= LONGEST_QUESTION:
            return refused("survey.bad_question", field="questions", number=number, most=LONGEST_QUESTION)
        if one.sort is Sort.OPEN:
            continue
        if not FEWEST_OPTIONS <= len(one.options) <= MOST_OPTIONS:
            return refused("survey.number_of_options", field="questions", number=number, most=MOST_OPTIONS)
        if len({"".join(option.split()) for option in one.options}) < len(one.options):
            return refused("survey.option_twice", field="questions", number=number)
        if not all(1 <= len(option) <= LONGEST_OPTION for option in one.options):
            return refused("survey.bad_option", field="questions", number=number, most=LONGEST_OPTION)
    if by and next((one.sort for one in questions if one.id == by), None) is not Sort.SINGLE:
        return refused("survey.bad_groups", field="by")
    return None


def read_questions(text: str) -> tuple[Question, ...]:
    """Return the questions that a text holds: a paragraph each, with its options on lines of their own.

    ``#`` before a question lets several options be chosen, ``%`` asks for a step of a scale, and a question without
    options is answered in one's own words. An option may begin with ``-``.
    """
    found: list[Question] = []
    paragraphs = [[line.strip() for line in part.split("\n") if line.strip()] for part in text.split("\n\n")]
    for lines in (part for part in paragraphs if part):
        sign, words = lines[0][0], lines[0][1:].strip()
        sorts = {"#": Sort.MULTIPLE, "＃": Sort.MULTIPLE, "%": Sort.SCALE, "％": Sort.SCALE}
        options = tuple(line.removeprefix("-").strip() for line in lines[1:])
        sort = sorts.get(sign) or (Sort.SINGLE if options else Sort.OPEN)
        if sort is Sort.SCALE and not options:
            options = STEPS
        found.append(
            Question(
                id=f"q{len(found) + 1}",
                sort=sort,
                text=words if sign in sorts else lines[0],
                options=options,
            )
        )
    return tuple(found)


def write_questions(questions: Iterable[Question]) -> str:
    """Return questions as the text that they are written as."""
    signs = {Sort.MULTIPLE: "# ", Sort.SCALE: "% "}
    return "\n\n".join(
        "\n".join([f"{signs.get(one.sort, '')}{one.text}", *(f"- {option}" for option in one.options)])
        for one in questions
    )
