"""Makes rooms and keeps them: their state, their places in spaces, and who is asked in, shown out and there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.matrix import border
from bot.matrix.connection import Connection, event_id_of
from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import path

HIDES = ("redact_events", "org.matrix.msc4293.redact_events")
"""What a ban says that hides everything its person wrote there, for homeservers and apps that know MSC4293."""


class Rooms(Connection):
    """What is done to rooms as such."""

    async def set_state(self, room_id: str, event_type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        """Set a piece of state and return the event id; the same content again changes nothing."""
        where = path("/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key)
        answer = await self._wire.ask("PUT", where, dict(content))
        if event_type == "m.room.encryption":
            self._device.enter(room_id, encrypted=True)
        return event_id_of(answer)

    async def create_room(
        self,
        *,
        alias: str | None = None,
        name: str | None = None,
        topic: str | None = None,
        encrypted: bool = True,
        invite: Iterable[str] = (),
        space: bool = False,
        is_direct: bool = False,
        power_levels: Mapping[str, Any] | None = None,
        parent: str | None = None,
        history: str = "shared",
        version: str = "12",
    ) -> str:
        """Make an invite-only room that does not federate, or find the one this alias already names; return its id.

        ``alias`` is the part before the server name: doing it again with the same alias continues what was begun. An
        alias that somebody else took first leads to a new room without one, never into theirs.
        ``parent`` is the space that the room names as its own; ``hang`` lists it there. A room without an alias is
        new each time.
        """
        body = self._room_body(name, topic, encrypted and not space, space, is_direct, power_levels, parent, history)
        invited = sorted(set(invite) - {self.user_id})
        body |= {"room_version": version, "invite": invited}
        room_id = None
        if alias is not None:
            try:
                room_id = await self._create(body | {"room_alias_name": alias})
            except Fault as fault:
                if fault.errcode != "M_ROOM_IN_USE":
                    raise
                room_id = await self._continue_room(alias, invited, encrypted and not space, alone=is_direct)
        if room_id is None:
            room_id = await self._create(body)
        if room_id is None:
            raise Fault(Kind.GARBLED, status=200, detail="no room_id")
        await self._learn_encryption(room_id)
        return room_id

    async def hang(self, space: str, room_id: str, order: str, *, names_it: bool = False) -> None:
        """List a room in a space, at the place that ``order`` gives it; where we may, let the room name the space too.

        ``names_it`` is a room that does so already. Doing it again changes nothing.
        """
        listed = {"via": [self._server], "order": order, "suggested": True}
        await self.set_state(space, "m.space.child", listed, room_id)
        if names_it:
            return
        try:
            await self.set_state(room_id, "m.space.parent", {"via": [self._server], "canonical": True}, space)
        except Fault as fault:
            # The space's own list is what clients go by; a room that we do not govern need not agree.
            if fault.errcode != "M_FORBIDDEN":
                raise

    async def resolve(self, alias: str) -> str | None:
        """Return the room that an alias (the part before the server name) stands for; None when it is free."""
        try:
            where = path("/v3/directory/room/{}", f"#{alias}:{self._server}")
            return border.text_or_none((await self._wire.ask("GET", where)).get("room_id"))
        except Fault as fault:
            if fault.kind is Kind.MISSING:
                return None
            raise

    async def invite(self, room_id: str, user_id: str) -> None:
        """Invite a person; one who is in the room or invited already is left in peace."""
        try:
            await self._wire.ask("POST", path("/v3/rooms/{}/invite", room_id), {"user_id": user_id})
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN" or await self._membership(room_id, user_id) not in ("join", "invite"):
                raise

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        """Show a person out, or take their invitation back; they read the reason."""
        where = path("/v3/rooms/{}/kick", room_id)
        await self._wire.ask("POST", where, {"user_id": user_id, "reason": reason})

    async def ban(self, room_id: str, user_id: str, reason: str, *, redact: bool = False) -> None:
        """Show a person out and keep them out; they read the reason.

        With ``redact`` a homeserver that knows MSC4293 hides by this one event everything that they wrote there.
        """
        where = path("/v3/rooms/{}/ban", room_id)
        hides = dict.fromkeys(HIDES, True) if redact else {}
        await self._wire.ask("POST", where, {"user_id": user_id, "reason": reason, **hides})

    async def unban(self, room_id: str, user_id: str) -> None:
        """Let a person be asked in again."""
        await self._wire.ask("POST", path("/v3/rooms/{}/unban", room_id), {"user_id": user_id})

    async def join(self, room_id: str) -> None:
        """Enter a room that we are invited to."""
        await self._wire.ask("POST", path("/v3/rooms/{}/join", room_id), {})
        await self._learn_encryption(room_id)

    async def enter(self, address: str) -> str:
        """Enter a room that lets anybody in, by its id or its alias, and return its id."""
        answer = await self._wire.ask("POST", path("/v3/join/{}", address), {})
        room_id = border.text_or_none(answer.get("room_id"))
        if room_id is None:
            raise Fault(Kind.GARBLED, status=200, detail="no room_id")
        return room_id

    async def leave(self, room_id: str) -> None:
        """Leave a room, or decline its invitation."""
        await self._wire.ask("POST", path("/v3/rooms/{}/leave", room_id), {})
        self.forget(room_id)

    async def members(self, room_id: str) -> dict[str, str | None]:
        """Return who is in a room: user id and display name."""
        answer = await self._wire.ask("GET", path("/v3/rooms/{}/joined_members", room_id))
        joined = answer.get("joined")
        if not isinstance(joined, dict):
            raise Fault(Kind.GARBLED, status=200)
        return {user: border.text_or_none(border.mapping(shown).get("display_name")) for user, shown in joined.items()}

    async def set_display_name(self, name: str) -> None:
        """Set the name that members see."""
        where = path("/v3/profile/{}/displayname", self.user_id)
        await self._wire.ask("PUT", where, {"displayname": name})

    async def _membership(self, room_id: str, user_id: str) -> str | None:
        return border.text_or_none((await self.state_event(room_id, "m.room.member", user_id)).get("membership"))

    async def _create(self, body: dict[str, Any]) -> str | None:
        return border.text_or_none((await self._wire.ask("POST", path("/v3/createRoom"), body)).get("room_id"))

    async def _continue_room(self, alias: str, invited: list[str], encrypted: bool, *, alone: bool) -> str | None:
        """Return the room of an alias if it is the one that we began, ``None`` for what others put in its place."""
        room_id = await self.resolve(alias)
        if room_id is None:
            return None
        try:
            state = await self.state(room_id)
        except Fault as fault:
            if fault.doubtful or fault.kind is Kind.LIMITED:
                raise
            return None
        there = {
            event.state_key
            for event in state
            if event.type == "m.room.member" and event.content.get("membership") in ("join", "invite", "ban")
        }
        ours = any(event.type == "m.room.create" and event.sender == self.user_id for event in state)
        sealed = any(event.type == "m.room.encryption" for event in state)
        crowded = alone and not there <= {self.user_id, *invited}
        if not ours or (encrypted and not sealed) or crowded:
            return None
        for user_id in invited:
            if user_id not in there:
                await self.invite(room_id, user_id)
        return room_id

    def _room_body(
        self,
        name: str | None,
        topic: str | None,
        encrypted: bool,
        space: bool,
        is_direct: bool,
        power_levels: Mapping[str, Any] | None,
        parent: str | None,
        history: str,
    ) -> dict[str, Any]:
        state = [
            _initial("m.room.history_visibility", {"history_visibility": history}),
            _initial("m.room.guest_access", {"guest_access": "forbidden"}),
        ]
        if encrypted:
            state.append(_initial("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
        if parent is not None:
            state.append(_initial("m.space.parent", {"via": [self._server], "canonical": True}, parent))
        body: dict[str, Any] = {
            # The trusted preset would make every invited person a creator, whom nobody can ever demote.
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": is_direct,
            "creation_content": {"m.federate": False} | ({"type": "m.space"} if space else {}),
            "initial_state": state,
        }
        if power_levels is not None:
            users = {user: level for user, level in power_levels.get("users", {}).items() if user != self.user_id}
            body["power_level_content_override"] = dict(power_levels) | {"users": users}
        return body | ({"name": name} if name else {}) | ({"topic": topic} if topic else {})


def _initial(event_type: str, content: dict[str, Any], state_key: str = "") -> dict[str, Any]:
    return {"type": event_type, "state_key": state_key, "content": content}
