"""Every command, in order: which verb, who answers it, and whether one must be on the roster."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from bot.commands import (
    activities,
    adoption,
    answers,
    checkins,
    cleanings,
    complaints,
    console,
    corrections,
    disclosures,
    dues,
    glossary,
    help,  # noqa: A004 - the noun is the word people type
    help_cases,
    hours,
    lecture_questions,
    lessons,
    locks,
    meeting_drafts,
    members,
    model_members,
    mutes,
    pledges,
    polls,
    practice,
    record_lines,
    sanctions,
    session_choices,
    sign_ups,
    slow_mode,
    surveys,
    thought_reports,
    watchwords,
)
from bot.commands.asking import Handler
from bot.commands.vocabulary import Verb
from content.organisations import Right


def _never(_argument: str) -> bool:
    return False


def _always(_argument: str) -> bool:
    return True


def _bare(argument: str) -> bool:
    """Tell of 补学 that it asks for the list, and records nothing."""
    return not argument


def _no_choice(argument: str) -> bool:
    """Tell of 投票 that it asks a question or for the list, and chooses nothing."""
    return not argument or ";" in argument


def _begins(argument: str) -> bool:
    """Tell of 接龙 that it begins a sign-up, and is no more than one's own word."""
    return ";" in argument


class Command(Struct, frozen=True, kw_only=True):
    """One thing that can be asked for.

    ``answers`` marks the words that answer an open card, ``of_cards`` others that may be said of one by replying to it.
    ``momentary`` tells of an argument that something is wanted at that moment, and is of no use when heard hours later;
    all else counts as of when it was said. ``needs`` is the right without which a part of it is refused, ``None`` for
    what a duty adds nothing to.
    """

    verb: Verb
    handler: Handler
    needs: Right | None
    answers: bool = False
    of_cards: bool = False
    for_members: bool = True
    momentary: Callable[[str], bool] = _never


COMMANDS: tuple[Command, ...] = (
    Command(verb=Verb.HELP, handler=help.show_help, needs=None, for_members=False, momentary=_always),
    Command(verb=Verb.CHECK_IN, handler=checkins.check_in, needs=None, answers=True),
    Command(verb=Verb.LEARNED, handler=checkins.learned, needs=None, answers=True),
    Command(verb=Verb.LEAVE, handler=checkins.leave, needs=None, answers=True),
    Command(verb=Verb.CANCEL, handler=answers.cancel, needs=None, answers=True),
    Command(verb=Verb.SESSION, handler=session_choices.session, needs=None, of_cards=True),
    Command(verb=Verb.ASK, handler=lecture_questions.ask, needs=None, of_cards=True),
    Command(verb=Verb.ASK_UNNAMED, handler=lecture_questions.ask_unnamed, needs=None, of_cards=True),
    Command(verb=Verb.TAKE_QUESTION_BACK, handler=lecture_questions.take_back, needs=None),
    Command(verb=Verb.HELP_CASE, handler=help_cases.ask, needs=None),
    Command(verb=Verb.HELP_CASE_UNNAMED, handler=help_cases.ask_unnamed, needs=None, for_members=False),
    Command(verb=Verb.PROGRESS, handler=help_cases.progress, needs=None, for_members=False, momentary=_always),
    Command(verb=Verb.WITHDRAW, handler=answers.withdraw, needs=None),
    Command(verb=Verb.LESSON, handler=lessons.lesson, needs=None, momentary=_always),
    Command(verb=Verb.MAKE_UP, handler=checkins.make_up, needs=None, momentary=_bare),
    Command(
        verb=Verb.VOTE, handler=polls.vote, needs=Right.SCHEDULE, answers=True, for_members=False, momentary=_no_choice
    ),
    Command(verb=Verb.ABSTAIN, handler=polls.abstain, needs=None, answers=True),
    Command(
        verb=Verb.SIGN_UP,
        handler=sign_ups.sign_up,
        needs=Right.SCHEDULE,
        answers=True,
        for_members=False,
        momentary=_begins,
    ),
    Command(verb=Verb.ACTIVITY, handler=activities.activity, needs=None),
    Command(verb=Verb.PLEDGES, handler=pledges.show, needs=None, momentary=_always),
    Command(verb=Verb.ASK_PLEDGE, handler=pledges.ask, needs=None),
    Command(verb=Verb.ANSWER_PLEDGE, handler=pledges.answer, needs=None),
    Command(verb=Verb.PLEDGE_PROGRESS, handler=pledges.progress, needs=None),
    Command(verb=Verb.SIGN_OFF, handler=sign_ups.sign_off, needs=None, answers=True),
    Command(verb=Verb.SURVEY, handler=surveys.survey, needs=None, momentary=_always),
    Command(verb=Verb.PRACTISE, handler=practice.practise, needs=None, momentary=_always),
    Command(verb=Verb.MISTAKES, handler=practice.mistakes, needs=None, momentary=_always),
    Command(verb=Verb.LOOK_UP, handler=glossary.look_up, needs=None, momentary=_always),
    Command(verb=Verb.MINE, handler=members.mine, needs=None, momentary=_always),
    Command(verb=Verb.HOURS, handler=hours.hours, needs=None, momentary=_always),
    Command(verb=Verb.DUES, handler=dues.mine, needs=None, momentary=_always),
    Command(verb=Verb.DUES_LIST, handler=dues.entries, needs=None, momentary=_always),
    Command(verb=Verb.DUES_WRONG, handler=dues.wrong, needs=None),
    Command(verb=Verb.DATA, handler=disclosures.my_data, needs=None, for_members=False, momentary=_always),
    Command(verb=Verb.CORRECT, handler=corrections.correct, needs=None, of_cards=True),
    Command(verb=Verb.THOUGHTS, handler=thought_reports.begin, needs=None),
    Command(verb=Verb.THAT_IS_ALL, handler=thought_reports.hand_in, needs=None),
    Command(verb=Verb.RESOLVE, handler=record_lines.resolve, needs=Right.RECORD, of_cards=True, for_members=False),
    Command(verb=Verb.ASSIGN, handler=record_lines.assign, needs=Right.RECORD, of_cards=True, for_members=False),
    Command(verb=Verb.SPEAK, handler=record_lines.speak, needs=None, of_cards=True),
    Command(verb=Verb.PLAN, handler=meeting_drafts.plan, needs=Right.SCHEDULE, for_members=False, momentary=_always),
    Command(verb=Verb.NOMINATE, handler=model_members.nominate, needs=None),
    Command(verb=Verb.NOMINATE_FOR_GROUP, handler=model_members.nominate_for_group, needs=None),
    Command(verb=Verb.AGREE, handler=model_members.agree, needs=None),
    Command(verb=Verb.DISAGREE, handler=model_members.disagree, needs=None),
    Command(verb=Verb.OBJECT, handler=model_members.object_to, needs=None),
    Command(verb=Verb.MUTE, handler=mutes.mute, needs=None, for_members=False),
    Command(verb=Verb.UNMUTE, handler=mutes.unmute, needs=None, for_members=False),
    Command(verb=Verb.WATCHWORD, handler=watchwords.watchword, needs=None, for_members=False),
    Command(verb=Verb.BIND, handler=members.bind, needs=None, for_members=False),
    Command(verb=Verb.CONSOLE, handler=console.open_console, needs=Right.READ, for_members=False, momentary=_always),
    Command(verb=Verb.ADOPT, handler=adoption.adopt, needs=Right.MANAGE_ROOMS, for_members=False, momentary=_always),
    Command(verb=Verb.WARN, handler=sanctions.warn, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.SILENCE, handler=sanctions.silence, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.SHOW_OUT, handler=sanctions.show_out, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.BAN, handler=sanctions.ban, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.LIFT, handler=sanctions.lift, needs=Right.MODERATE, for_members=False),
    Command(verb=Verb.PUT_DOWN, handler=sanctions.put_down, needs=Right.MODERATE, for_members=False),
    Command(verb=Verb.COMPLAIN, handler=complaints.complain, needs=None, for_members=False),
    Command(verb=Verb.CLEAN, handler=cleanings.clean, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.LOCK, handler=locks.lock, needs=Right.MODERATE, for_members=False, momentary=_always),
    Command(verb=Verb.UNLOCK, handler=locks.unlock, needs=Right.MODERATE, for_members=False),
    Command(
        verb=Verb.SLOW_MODE,
        handler=slow_mode.slow_mode,
        needs=Right.MODERATE,
        for_members=False,
        momentary=_always,
    ),
    Command(verb=Verb.APPEAL, handler=sanctions.appeal, needs=None, for_members=False),
)

BY_VERB = {command.verb: command for command in COMMANDS}
