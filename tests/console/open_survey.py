"""A survey with names that is open at the console, and a link to its page for one who is asked."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from content.ballot_links import LASTS, hash_secret
from content.forms import read_questions
from content.identifiers import MemberId, SurveyId, UserId
from content.inquiries import make_inquiry
from content.members import Member, MemberEnrolled
from content.survey_links import SurveyLinkAsked
from content.surveys import ABOUT, QuestionAsked, Replied, Survey, SurveyDrafted, SurveyOpened
from storage.surveys import survey_answers
from tests.console.console_house import House

ID = SurveyId("named")
WHO, USER = MemberId("s0"), UserId("@s0:example.org")
QUESTIONS = read_questions("部门\n- 甲\n- 乙\n\n# 常用\n- 一\n- 二\n- 三\n\n% 满意吗\n\n建议")
CODE = "123456"


def open_survey(house: House) -> None:
    """Ask six people, the first of whom has answered the first question in chat and is being asked the second."""
    node = house.seeded.organisations["three"]
    people = [MemberId(f"s{number}") for number in range(6)]
    enrolled = [
        MemberEnrolled(member=Member(id=id, organisation=node, name=f"问卷{id}", user=UserId(f"@{id}:example.org")))
        for id in people
    ]
    one = Survey(
        id=ID,
        organisation=node,
        title="意见征求",
        questions=QUESTIONS,
        closes_at=house.store.now() + timedelta(days=2),
        timezone="Asia/Shanghai",
    )
    made = make_inquiry(USER, f"{ABOUT}{ID}", now=house.store.now())
    begun = (SurveyDrafted(survey=one, author=UserId("@a:test")), SurveyOpened(survey=ID, people=tuple(people)))
    chat = (
        Replied(survey=ID, member=WHO, question="q1", said=("2",)),
        QuestionAsked(user=made.user, about=made.about, at=made.at, until=made.until),
    )
    house.run(house.store.settle(notes=[*enrolled, *begun, *chat]))


def link_to(house: House, token: str = "token", member: MemberId = WHO) -> str:
    """Give somebody a link to the page, and return its path."""
    asked = SurveyLinkAsked(
        token_hash=hash_secret(token),
        code_hash=hash_secret(f"{token}{CODE}"),
        survey=ID,
        member=member,
        expires_at=house.store.now() + LASTS,
    )
    house.run(house.store.settle(notes=[asked]))
    return f"/survey/enter/{token}"


def kept(house: House, member: MemberId = WHO) -> dict[str, list[str]]:
    """Return what is kept of a person's answers."""
    query = select(survey_answers).where(survey_answers.c.member_id == member)
    return {row.question: row.said for row in house.run(house.store.read(lambda unit: unit.rows(query)))}
