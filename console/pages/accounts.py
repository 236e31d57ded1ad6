"""Which Matrix account is whose: bound by hand after a look at it in full, and let go of again."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.fresh import fresh
from console.people import branches, changes_of, refuse_letting_go, visible
from console.undoing import undo_edit
from content import accounts as rules
from content.confusables import parts, warnings
from content.decision import Refusal, Words
from content.identifiers import OrganisationId, RoomId, UserId
from content.members import Member
from content.organisations import Right
from storage import members, sync, upkeep
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("accounts", __name__)


class Seen(Struct, frozen=True, kw_only=True):
    """What is known of an account that is to be bound."""

    member: Member
    holder: Member | None
    bot: UserId | None
    warnings: tuple[Words, ...]
    rooms: tuple[RoomId, ...]
    candidates: tuple[rules.Candidate, ...]


async def _look(unit: Reading, id: str, user: UserId, roots: tuple[OrganisationId, ...]) -> Seen | None:  # noqa: A002
    member = await visible(unit, id, roots)
    if member is None:
        return None
    bot = await sync.account(unit)
    own = parts(bot) if bot is not None else None
    rooms = await upkeep.rooms_for(unit, member)
    found = await upkeep.of_nobody(unit, rooms) if not user and member.user is None else ()
    return Seen(
        member=member,
        holder=await members.by_user(unit, user),
        bot=bot,
        warnings=warnings(user, known=await members.accounts(unit), home=own.server if own else ""),
        rooms=rooms,
        candidates=rules.candidates(member, found),
    )


@pages.route("/members/<id>/account", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def bind(id: str) -> Answer:  # noqa: A002
    """Bind an account by hand: it is typed in full, looked at, and only then bound."""
    at = here()
    user = UserId(request.form.get("user", "").strip()[:300])
    seen = ask(lambda unit: _look(unit, id, user, at.roots))
    if seen is None:
        abort(404)
    if request.method == "GET":
        return _page(seen, user, None)
    refusal = rules.may_bind(seen.member, user, holder=seen.holder, bot=seen.bot)
    if refusal is not None:
        return _page(seen, user, refusal)
    by_form, sure = cause(), "sure" in request.form
    if "yes" not in request.form:
        return _page(seen, user, None, look=True)

    async def decide(unit: Reading) -> Decided:
        found = await _look(unit, id, user, at.roots)
        if found is None:
            return None
        return rules.bind_by_hand(
            found.member,
            user,
            holder=found.holder,
            bot=found.bot,
            warnings=found.warnings,
            confirmed=sure,
            rooms=found.rooms,
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
        )

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _page(seen, user, outcome.refusal, look=True)
    return onward(outcome, to=link("members.show_one", id=id), done="account_bound", back=undo_edit)


def _page(seen: Seen, user: str, refusal: Refusal | None, *, look: bool = False) -> Answer:
    page = render_template(
        "accounts/bind.html",
        member=seen.member,
        user=user,
        given=parts(user),
        look=look,
        warnings=seen.warnings if look else (),
        rooms=len(seen.rooms),
        candidates=seen.candidates,
        refusals=[refusal] if refusal else [],
        by_field={refusal.field: refusal} if refusal and refusal.field else {},
    )
    return page, 422 if refusal else 200


@pages.post("/members/<id>/account/unbind")
@requires(Right.IMPORT_ROSTER)
@fresh
def unbind(id: str) -> Answer:  # noqa: A002
    """Let go of a member's account."""
    at, by_form = here(), cause()

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        answer = rules.unbind(member, places=await branches(unit), cause=by_form, by=at.user, now=unit.now)
        return await refuse_letting_go(unit, changes_of(answer), by=at.user) or answer

    return onward(
        settle(decide, actor=at.user), to=link("members.show_one", id=id), done="account_unbound", back=undo_edit
    )
