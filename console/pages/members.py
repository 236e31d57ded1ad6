"""The roster: who stands in it, and one-time codes for accounts."""

from __future__ import annotations

import hashlib
import secrets

from flask import Blueprint, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, now, settle
from console.tree import places
from content.identifiers import MemberId
from content.members import CODE_LASTS, Member, issue_code
from content.organisations import Right
from storage import members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("members", __name__)

PAGE_SIZE = 50
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and letters that cannot be taken for each other."""

CODE_LENGTH = 10


@pages.get("/members")
@requires(Right.READ_MEMBERS)
def show() -> str:
    """Show the roster by name, a page at a time."""
    name = request.args.get("q", "").strip()[:80]
    after = (request.args.get("after", "")[:120], request.args.get("after_id", "")[:32])
    roots = here().roots
    found = ask(
        lambda unit: members.roster(unit, roots, name=name, after=after if after[1] else None, limit=PAGE_SIZE + 1)
    )
    total, bound = ask(lambda unit: members.count(unit, roots))
    return render_template(
        "members/show.html",
        members=found[:PAGE_SIZE],
        more=found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None,
        total=total,
        bound=bound,
        wanted=name,
        first_page=not after[1],
        places=places(here().nodes),
        may_import=here().may(Right.IMPORT_ROSTER),
        departed=ask(lambda unit: members.departed(unit, roots)) if not name and not after[1] else (),
    )


@pages.post("/members/<id>/code")
@requires(Right.IMPORT_ROSTER)
def make_code(id: str) -> Answer:  # noqa: A002
    """Make a one-time code for a member; it is shown now and never again."""
    roots = here().roots
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    known: list[Member] = []

    async def decide(unit: Reading) -> Decided:
        member = await members.member(unit, MemberId(id))
        if member is None or member.organisation not in {node.id for node in await organisations.tree(unit, roots)}:
            return None
        known.append(member)
        return issue_code(member, code_hash=hashlib.sha256(code.encode()).hexdigest(), now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("members.show"), done="code_made")
    return render_template("members/code.html", code=grouped(code), member=known[0], until=now() + CODE_LASTS)


def grouped(code: str) -> str:
    """Return a code in two groups, as it is easier to read out; the hyphen is no part of it."""
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"
