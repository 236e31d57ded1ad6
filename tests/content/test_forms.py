"""Forms of appraisals and surveys: how questions are written, what cannot be asked, and what a paper may answer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content import appraisals, ballots, surveys
from content.appraisals import Appraised
from content.ballot_papers import opened_lines, read_paper, sealed_length, write_paper
from content.ballots import Ballot, Candidate, State, manifest
from content.decision import Decision, Refusal, words
from content.election_cases import Unusable, read_election, show_election
from content.elections import Attendance, Outcome, Pile, evaluate
from content.elections import Ballot as Paper
from content.forms import Grade, asking, grading, read_questions, refuse_questions, write_questions
from content.identifiers import BallotId, MemberId, OrganisationId, SurveyId, UserId
from content.questions import LONGEST_TEXT, Sort, longest_answers, publish
from content.speech import Reader
from content.surveys import Survey
from tests.sealed_ballots import ballot
from tests.small_branch import NOON
from zhibu.catalogue import load_speech

TEXT = "您在哪里上班\n- 白班\n- 倒班\n\n# 常用什么\n看通知\n学习\n\n% 满意吗\n\n您的建议"
QUESTIONS = read_questions(TEXT)
FORM = asking(QUESTIONS, "q1")


def test_a_text_is_read_as_questions_and_written_as_it_was_read() -> None:
    assert [one.sort for one in QUESTIONS] == [Sort.SINGLE, Sort.MULTIPLE, Sort.SCALE, Sort.OPEN]
    assert QUESTIONS[0].options == ("白班", "倒班")
    assert QUESTIONS[2].options == ("1", "2", "3", "4", "5")
    assert read_questions(write_questions(QUESTIONS)) == QUESTIONS


@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize("name", ["study", "work"])
def test_the_questionnaires_that_ship_can_be_asked_as_they_stand(language: str, name: str) -> None:
    """Part 8: the questionnaire of the study is a template."""
    text = load_speech().say(words(f"surveys.template_{name}"), Reader(language=language))
    questions = read_questions(text)
    assert refuse_questions(questions, "") is None
    assert {one.sort for one in questions} >= {Sort.SINGLE, Sort.MULTIPLE, Sort.SCALE, Sort.OPEN}


@pytest.mark.parametrize(
    ("text", "by", "why"),
    [
        ("", "", "survey.number_of_questions"),
        ("\n\n \n", "", "survey.number_of_questions"),
        ("题\n- 甲\n- 乙\n\n" * 31, "", "survey.number_of_questions"),
        ("题\n- 甲", "", "survey.number_of_options"),
        ("题\n" + "\n".join(f"- {n}" for n in range(500)), "", "survey.number_of_options"),
        ("题\n- 甲\n- 甲", "", "survey.option_twice"),
        ("题\n- 甲 乙\n- 甲乙", "", "survey.option_twice"),
        ("题\n-\n- 甲", "", "survey.bad_option"),
        ("#\n- 甲\n- 乙", "", "survey.bad_question"),
        ("题" * 201, "", "survey.bad_question"),
        ("题\n- 甲\n- 乙", "q2", "survey.bad_groups"),
        ("题", "q1", "survey.bad_groups"),
        ("# 题\n- 甲\n- 乙", "q1", "survey.bad_groups"),
    ],
)
def test_what_cannot_be_meant_is_not_asked(text: str, by: str, why: str) -> None:
    """I090: no option or one, the same twice, five hundred, an empty title."""
    refusal = refuse_questions(read_questions(text), by)
    assert isinstance(refusal, Refusal)
    assert refusal.words.key == why


@pytest.mark.parametrize(
    ("answers", "fine"),
    [
        ({}, True),
        ({"q1": ("1",), "q2": ("1", "2"), "q3": ("5",), "q4": ("好",)}, True),
        ({"q1": ("1", "2")}, False),
        ({"q1": ("3",)}, False),
        ({"q1": ("0",)}, False),
        ({"q1": ("-1",)}, False),
        ({"q1": ("999",)}, False),
        ({"q1": ("A",)}, False),
        ({"q1": ()}, False),
        ({"q2": ("1", "1")}, False),
        ({"q9": ("1",)}, False),
        ({"q4": ("",)}, False),
        ({"q4": ("\x00\u202e",)}, True),
        ({"q4": ("好", "好")}, False),
        ({"q4": ("长" * (LONGEST_TEXT + 1),)}, False),
    ],
)
def test_a_paper_that_does_not_answer_the_questions_is_void(answers: dict[str, Any], fine: bool) -> None:
    """I028: option 0, −1, 999, A, two options of a single choice; and no word of it is kept."""
    lines = opened_lines([write_paper(Paper(answers=answers))], questions=QUESTIONS)
    assert (lines == ("null",)) is not fine
    result = evaluate(FORM, Attendance(expected=5, present=5, issued=5, returned=1), [Pile(ballot=read_paper(b"x"))])
    assert (result.valid, result.void) == (0, 1)


def test_papers_of_one_kind_are_void_in_a_vote_of_the_other() -> None:
    plain = write_paper(Paper(answers={"q1": ("1",)}))
    assert opened_lines([plain], candidates=["a"]) == ("null",)
    assert opened_lines([write_paper(Paper())], questions=QUESTIONS) == ("null",)
    assert opened_lines([write_paper(Paper(answers={}))], questions=QUESTIONS) != ("null",)


def test_the_longest_answers_fit_into_the_envelope() -> None:
    longest = write_paper(Paper(answers={name: tuple(said) for name, said in longest_answers(QUESTIONS).items()}))
    assert len(longest) < sealed_length(FORM) - 48
    assert (sealed_length(FORM) - 48) % 512 == 0


def test_a_form_is_part_of_what_is_fixed_and_read_again_as_it_was() -> None:
    """I090: options frozen at open."""
    one = ballot(election=FORM, candidates=())
    other = replace(one, election=asking(read_questions(TEXT.replace("倒班", "夜班")), "q1"))
    assert manifest(one) != manifest(other)
    assert read_election(json.loads(json.dumps(show_election(FORM)))) == FORM
    with pytest.raises(Unusable):
        read_election({**show_election(FORM), "by": "q9"})


@pytest.mark.parametrize(("members", "most"), [(9, 3), (10, 3), (20, 6), (12, 4), (8, 2), (2, 0)])
def test_a_third_of_the_members_are_excellent_at_most(members: int, most: int) -> None:
    """CAD-15, its oracles; more is a warning and no refusal."""
    assert appraisals.most_excellent(members) == most
    grades = [Grade.EXCELLENT] * (most + 1) + [None] * (members - most - 1)
    assert appraisals.too_many_excellent(grades) == 1
    assert appraisals.too_many_excellent([*grades[1:], Grade.QUALIFIED]) == 0


ONE, TWO = MemberId("one"), MemberId("two")


def appraisal(state: State) -> Ballot:
    people = (Candidate(id="c1", member=ONE, name="甲"), Candidate(id="c2", member=TWO, name="乙"))
    return ballot(election=grading(["c1", "c2"]), candidates=people, state=state)


def test_what_is_decided_waits_for_the_votes_and_own_grades_do_not() -> None:
    """CAD-14: 自评, 互评, 测评, 评定 in this order."""
    own = Appraised(ballot=BallotId("ballot"), member=ONE, own=Grade.QUALIFIED, mutual=Grade.EXCELLENT)
    final = replace(own, final=Grade.EXCELLENT)
    both = [change("own", wanted=Grade.QUALIFIED), change("mutual", wanted=Grade.EXCELLENT)]
    decided = [change("final", wanted=Grade.EXCELLENT)]
    for state in (State.FROZEN, State.OPEN, State.CLOSED, State.OPENED):
        assert appraisals.appraise(appraisal(state), both, {}, {}) == Decision(facts=(own,))
        assert isinstance(appraisals.appraise(appraisal(state), decided, {ONE: own}, {}), Refusal)
    for state in (State.CERTIFIED, State.ARCHIVED):
        assert appraisals.appraise(appraisal(state), decided, {ONE: own}, {}) == Decision(facts=(final,))
        assert appraisals.appraise(appraisal(state), decided, {ONE: final}, {}) == Decision()
    for state in (State.DRAFT, State.VOID):
        assert isinstance(appraisals.appraise(appraisal(state), both, {}, {}), Refusal)
    assert isinstance(appraisals.appraise(ballot(state=State.CERTIFIED), both, {}, {}), Refusal)


def change(part: str, *, shown: Grade | None = None, wanted: Grade | None = None) -> appraisals.Change:
    return appraisals.Change(member=ONE, part=part, shown=shown, wanted=wanted)


def test_an_outcome_that_was_told_changes_only_where_it_was_decided_anew_and_is_never_taken_away() -> None:
    known = {ONE: Appraised(ballot=BallotId("ballot"), member=ONE, final=Grade.EXCELLENT)}
    told = {ONE: Grade.EXCELLENT}
    other = [change("final", shown=Grade.EXCELLENT, wanted=Grade.QUALIFIED)]
    none = [change("final", shown=Grade.EXCELLENT)]

    def outcome(changes: list[appraisals.Change], *, anew: bool) -> str:
        found = appraisals.appraise(appraisal(State.CERTIFIED), changes, known, told, anew=anew)
        return found.words.key if isinstance(found, Refusal) else "written"

    assert outcome(other, anew=False) == "appraisal.told_already"
    assert outcome(other, anew=True) == "written"
    assert [outcome(none, anew=anew) for anew in (False, True)] == ["appraisal.told_stays"] * 2
    assert outcome([change("own", wanted=Grade.QUALIFIED)], anew=False) == "written"


def test_each_is_told_their_own_outcome_once_and_nobody_that_of_another() -> None:
    one = appraisal(State.CERTIFIED)
    known = {
        ONE: Appraised(ballot=one.id, member=ONE, final=Grade.EXCELLENT),
        TWO: Appraised(ballot=one.id, member=TWO, own=Grade.QUALIFIED),
    }
    users = {ONE: UserId("@one:t"), TWO: UserId("@two:t")}
    votes = appraisals.votes_of(one, {"c1": {"cells": [3, 1, 1, 0]}, "c2": {"cells": [0, 5, 0, 0]}}, 6)
    assert votes == {ONE: (3, 1, 1, 0, 1), TWO: (0, 5, 0, 0, 1)}
    answer = appraisals.tell_outcomes(one, known, votes, users, {})
    assert isinstance(answer, Decision)
    assert [effect.user for effect in answer.effects] == [users[ONE]]  # type: ignore[attr-defined]
    assert answer.effects[0].words.parameters["excellent"] == 3  # type: ignore[attr-defined]
    again = appraisals.tell_outcomes(one, known, votes, users, {ONE: Grade.EXCELLENT})
    assert isinstance(again, Refusal)


def test_everyone_is_graded_so_that_tellers_may_be_graded_too() -> None:
    """R12 is about elections: in an appraisal of a whole branch nobody would be left to count."""
    one = appraisal(State.DRAFT)
    people = (*one.candidates, Candidate(id="c3", member=one.tellers[0].member, name="丙"))
    whole = replace(one, candidates=people, election=grading(["c1", "c2", "c3"]))
    assert isinstance(ballots.draft(whole, author=UserId("@z:t"), now=NOON), Decision)
    nobody = replace(one, candidates=(), election=grading([]))
    assert isinstance(ballots.draft(nobody, author=UserId("@z:t"), now=NOON), Refusal)


def test_a_survey_outcome_says_how_many_and_a_small_cell_never() -> None:
    form = asking(QUESTIONS, "q1")
    said = [{"q1": ("1",), "q3": (str(n % 5 + 1),)} for n in range(7)] + [{"q1": ("2",)}] * 3
    piles = [Pile(ballot=Paper(answers=one)) for one in said]
    result = evaluate(form, Attendance(expected=20, present=12, issued=12, returned=10), piles)
    assert result.outcome is Outcome.COUNTED
    assert result.answers is not None
    assert result.answers["q1"]["cells"] == [None, None]
    assert "3" not in json.dumps(result.answers["q1"]["cells"])


def test_of_what_is_written_only_what_a_reader_sees_is_told() -> None:
    """I001, I004, I005: NUL, signs that turn the reading round, and answers of nothing else."""
    said = ["甲\x00", "\u202e乙\r\n丙", "\u200b", " \x00 ", "丁", "戊", "己"]
    told = publish(QUESTIONS[3:], "", [{"q4": (text,)} for text in said], least=5)
    assert told["q4"]["texts"] == sorted(["甲", "乙\n丙", "丁", "戊", "己"])


SURVEY = Survey(
    id=SurveyId("s"),
    organisation=OrganisationId("east"),
    title="问卷",
    questions=QUESTIONS,
    closes_at=NOON + timedelta(days=1),
    timezone="Asia/Shanghai",
)
PEOPLE = {MemberId(f"m{n}"): UserId(f"@m{n}:t") for n in range(5)}


def test_a_survey_goes_its_steps_in_order_and_never_back() -> None:
    for state in surveys.State:
        one = replace(SURVEY, state=state)
        assert isinstance(surveys.open_survey(one, PEOPLE, now=NOON), Decision) is (state is surveys.State.DRAFT)
        late = one.closes_at
        assert isinstance(surveys.close(one, [], now=late), Decision) is (state is surveys.State.OPEN)
        running = (surveys.State.DRAFT, surveys.State.OPEN)
        assert isinstance(surveys.cancel(one), Decision) is (state in running)
    opened = replace(SURVEY, state=surveys.State.OPEN)
    assert isinstance(surveys.close(opened, [], now=NOON), Refusal), "not before its time"
    few = dict(list(PEOPLE.items())[:4])
    assert isinstance(surveys.open_survey(SURVEY, few, now=NOON), Refusal), "four would tell who said what"
