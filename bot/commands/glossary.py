"""百科 词, 什么是 词: what a term means, with source and date, in private wherever it was asked, and what is near."""

from __future__ import annotations

from bot.commands.asking import Asking
from content import glossary as rules
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.glossary import Entry
from storage import glossary as stored

MOST_NAMED = 30
"""How many terms are named to who asks for none."""


async def look_up(asking: Asking) -> Decision | Refusal | None:
    """Say what the nearest entry says, and how the next ones are called."""
    if asking.member is None:
        return None
    organisation, question = asking.member.organisation, asking.argument.rstrip("?").strip()
    if not rules.searchable(question):
        terms = await stored.terms(asking.unit, organisation)
        if not terms:
            return refused("glossary.empty_chat")
        return _tell(asking, words("glossary.terms", n=len(terms), terms=" · ".join(terms[:MOST_NAMED])))
    near = rules.nearest(question, await stored.candidates(asking.unit, organisation, question))
    if near.meant is None and not near.others:
        return refused("glossary.nothing_near", asked=question)
    named = " · ".join(one.term for one in near.others)
    if near.meant is None:
        first, others = near.others[0], near.others[1:]
        rest = " · ".join(one.term for one in others)
        below = (words("glossary.also_near", terms=rest),) if rest else ()
        return _tell(asking, words("glossary.nearest_is", asked=question), *_shown(first), *below)
    return _tell(asking, *_shown(near.meant), *((words("glossary.also_near", terms=named),) if named else ()))


def _tell(asking: Asking, *lines: Words) -> Decision:
    return Decision(effects=(Tell(user=asking.sender, words=words("glossary.message", lines=lines)),))


def _shown(entry: Entry) -> tuple[Words, ...]:
    said = words("glossary.entry", term=entry.term, text=entry.text)
    return (said, words("glossary.source", source=entry.source, dated=entry.dated.isoformat()))
