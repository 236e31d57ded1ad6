"""Reads the last week of a room and looks at it as its guards do; what was read is let go at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.guarding import complains, lookout_rules, said
from bot.matrix.events import Event, Unreadable
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from content.cases import is_exempt
from content.guarding import Post
from content.guards import Place
from content.identifiers import OrganisationId, RehearsalId, UserId
from content.rehearsals import MOST_READ, SPAN, Outcome, RehearsalRead, look
from storage import organisations, outbox_queries, rehearsals
from storage.outbox import Claimed
from storage.store import Store
from storage.unit import Reading


class Rehearsing:
    """May be done again without a second effect: what is shown is the newest look."""

    def __init__(self, store: Store, homeserver: Homeserver, *, console: str) -> None:
        self._store = store
        self._homeserver = homeserver
        self._me = UserId(homeserver.user_id)
        self._console = console

    async def do(self, row: Claimed) -> None:
        """Do what a row asks for; what nobody waits for any more is let go. Raises Fault."""
        id = RehearsalId(row.matter or "")  # noqa: A001
        asked = await self._store.read(lambda unit: rehearsals.rehearsal(unit, id))
        if asked is None or asked.outcome is not None:
            return
        since = self._store.now() - SPAN
        try:
            heard, whole = await self._homeserver.lately(asked.room, since, MOST_READ)
        except Fault as fault:
            if fault.kind not in (Kind.MISSING, Kind.REFUSED):
                raise
            closed = RehearsalRead(id=id, outcome=Outcome.CLOSED, looked=0, unread=0, struck=0, hits=())
            await self._store.settle(notes=[closed])
            return
        events = [one for one in heard if isinstance(one, Event) and not complains(one)]
        posts = [post for one in events if (post := said(one, one.sent_at, self._me)) is not None]
        place = Place(organisation=asked.organisation, room=asked.room)
        rules = await self._store.read(lambda unit: lookout_rules(unit, place, me=self._me, console=self._console))
        exempt = await self._store.read(lambda unit: _exempt(unit, posts, asked.organisation, self._me))
        targets = [post.replied for post in posts if post.replied is not None]
        ours = await self._store.read(lambda unit: outbox_queries.ours(unit, asked.room, targets))
        unread = sum(1 for one in heard if isinstance(one, Unreadable))
        await self._store.settle(notes=[look(id, posts, rules, exempt=exempt, ours=ours, whole=whole, unread=unread)])


async def _exempt(unit: Reading, posts: Sequence[Post], at: OrganisationId, me: UserId) -> Collection[UserId]:
    people = {post.user for post in posts}
    return {
        user for user in people if is_exempt(user, me=me, duties=await organisations.duties_reaching(unit, user, [at]))
    }
