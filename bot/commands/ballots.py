"""投票 where a secret ballot is open: the private link again, and never a choice in chat."""

from __future__ import annotations

from bot.commands.asking import Asking
from content.ballot_links import invite, invited, lasts_until
from content.decision import Decision, Fact, Refusal, Tell, words
from content.members import Member
from storage import ballots


async def send_links(asking: Asking, member: Member) -> Decision | None:
    """Send a member the links to the ballots that are open to them; ``None`` where there is none.

    Whatever was chosen in words is neither counted nor kept, and the answer does not repeat it.
    """
    found = await ballots.open_to(asking.unit, member.id)
    if not found:
        return None
    facts: tuple[Fact, ...] = ()
    effects: list[Tell] = []
    for one in found:
        secret, now = asking.settings.secret, asking.unit.now
        origin, until = asking.settings.console, lasts_until(one, now)
        link = invited(member.id, asking.sender, origin=origin, token=secret(), noise=secret(), until=until)
        answer = invite(one, (link,), now=now, asked=True)
        if isinstance(answer, Refusal):
            continue
        facts += answer.facts
        effects += [effect for effect in answer.effects if isinstance(effect, Tell)]
    if asking.argument:
        effects.insert(0, Tell(user=asking.sender, words=words("ballot.not_in_chat")))
    return Decision(facts=facts, effects=tuple(effects))
