"""暗语: a few words of one's own under every private link, so that a false bot is known by their lack.

Whoever copies the bot's name and picture does not know them.
"""

from __future__ import annotations

from content.decision import Decision, Fact, Refusal, Secret, Tell, refused, words
from content.identifiers import UserId

SHORTEST = 2
LONGEST = 30
GONE = frozenset(("删除", "取消", "不要", "不要了", "刪除", "off", "delete", "none"))
"""Said in the place of words, these end it."""


class WatchwordChosen(Fact, frozen=True, kw_only=True):
    """A person chose the words by which they know the bot."""

    user: UserId
    text: Secret


class WatchwordDropped(Fact, frozen=True, kw_only=True):
    """A person wants no such words any more."""

    user: UserId


def choose(user: UserId, typed: str) -> Decision | Refusal:
    """Keep the words, in the place of those before."""
    if not SHORTEST <= len(typed) <= LONGEST:
        return refused("watchword.wrong_length", least=SHORTEST, most=LONGEST)
    chosen = Secret(typed)
    told = Tell(user=user, words=words("watchword.kept", text=chosen))
    return Decision(facts=(WatchwordChosen(user=user, text=chosen),), effects=(told,))


def drop(user: UserId) -> Decision:
    """Forget the words."""
    told = Tell(user=user, words=words("watchword.dropped"))
    return Decision(facts=(WatchwordDropped(user=user),), effects=(told,))


def show(user: UserId, known: Secret | None) -> Decision:
    """Say which words they are, or how to choose some."""
    said = words("watchword.none", most=LONGEST) if known is None else words("watchword.is", text=known)
    return Decision(effects=(Tell(user=user, words=said),))
