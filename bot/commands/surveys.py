"""问卷, 跳过, 退出: surveys in private, one question at a time or by a link to a page; anonymous ones only there."""

from __future__ import annotations

from bot.commands import ballots
from bot.commands.amounts import vote_numbers
from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise
from content import surveys as rules
from content.ballot_links import invited, lasts_until
from content.decision import Decision, Refusal, refused
from content.identifiers import SurveyId
from content.questions import plain
from content.survey_links import PAGE, send_page
from content.surveys import Standing, State, Survey
from storage import surveys as stored

SKIP = ("跳过", "skip")
QUIT = ("退出", "quit", "exit")


async def survey(asking: Asking) -> Decision | Refusal | None:
    """问卷: ask the first question that is still open, or send a link: 问卷 网页, and to an anonymous survey."""
    if asking.place is not Place.PRIVATE or asking.member is None:
        return None
    found = await stored.open_to(asking.unit, asking.member.id)
    waiting = [one for one, standing in found if standing is not Standing.FINISHED]
    if asking.argument and found:
        return _page(asking, waiting[0] if waiting else found[0][0])
    if waiting:
        return await _go_on(asking, waiting[0])
    links = await ballots.send_links(asking, asking.member)
    if links is not None:
        return links
    if not found:
        return refused("survey.nothing_open")
    return rules.only_say(refused("survey.answered", title=found[0][0].title), user=asking.sender)


def _page(asking: Asking, one: Survey) -> Decision | Refusal:
    """Send the link to the page of a survey; to who has answered everything too: it may be changed until the end."""
    assert asking.member is not None
    secret, until = asking.settings.secret, lasts_until(one, asking.unit.now)
    link = invited(
        asking.member.id,
        asking.sender,
        origin=asking.settings.console,
        token=secret(),
        noise=secret(),
        until=until,
        to=PAGE,
    )
    return send_page(one, link, now=asking.unit.now)


async def _go_on(asking: Asking, one: Survey) -> Decision | None:
    assert asking.member is not None
    done = await stored.answered(asking.unit, one.id, asking.member.id)
    return rules.ask_next(one, done, user=asking.sender, now=asking.unit.now)


async def answer(asking: Asking, id: SurveyId) -> Decision | None:  # noqa: A002
    """Take what somebody says who is being asked the questions of a survey; nothing once it is over or cancelled."""
    if asking.member is None:
        return None
    one = await stored.survey(asking.unit, id)
    standing = await stored.standing(asking.unit, id, asking.member.id)
    if one is None or one.state is not State.OPEN or standing not in (Standing.ASKED, Standing.LEFT):
        return None
    said = normalise(asking.text).casefold()
    if said in QUIT:
        return rules.leave(one, asking.member.id, user=asking.sender)
    done = await stored.answered(asking.unit, id, asking.member.id)
    return rules.reply(
        one,
        asking.member.id,
        done,
        "" if said in SKIP else plain(asking.text),
        tuple(number.rstrip("号") for number in vote_numbers(asking.text) or ()),
        user=asking.sender,
        now=asking.unit.now,
    )
