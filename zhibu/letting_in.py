"""Lets a person in again who has lost what they prove themselves with, where nobody else could: from the machine."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from content.trouble import Exit, Trouble
from zhibu.config import load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs

if TYPE_CHECKING:
    from content.identifiers import UserId
    from storage.store import Store

CHARACTERS = 28
"""A hundred and forty bits."""


@click.command("let-in", epilog=EPILOG)
@click.argument("user", metavar="@USER:SERVER")
@CONFIG
def let_in(user: str, file: Path) -> None:
    """Take away what USER signs in with, and give a link and a code to begin anew; for when nobody else can."""
    front = Front()
    front.run(_let_in(front, file, user))


async def _let_in(front: Front, file: Path, user: str) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from content.identifiers import UserId
    from zhibu.founding import sign_in_link
    from zhibu.master_key import open_desk

    store = await open_desk(config)
    try:
        code = await begin_anew(store, UserId(user))
        link = await sign_in_link(store, UserId(user), config.console_address)
    finally:
        await store.close()
    click.echo(front.say("let_in.done", user=user, link=link, code=code))
    return int(Exit.DONE)


async def begin_anew(store: Store, user: UserId) -> str:
    """Take a person's credentials away and return the code with which they begin anew.

    Raises Trouble for somebody without a duty.
    """
    from console.passwords import SALT_BYTES, hash_code, make_code
    from content.credentials import plain_code, reset
    from content.identifiers import Cause
    from storage import organisations
    from storage.store import Answer, Step
    from storage.unit import Reading

    code, salt = make_code(CHARACTERS), secrets.token_bytes(SALT_BYTES)
    hashed = hash_code(plain_code(code), salt)

    async def decide(unit: Reading) -> Answer:
        held = [(duty, True) for duty in await organisations.duties_of(unit, user)]
        return reset(user, held, by=None, salt=salt, hashed=hashed, now=unit.now)

    (outcome,) = await store.settle([Step(cause=Cause(f"let-in:{secrets.token_urlsafe(18)}"), decide=decide)])
    if outcome.answer is None:
        raise Trouble(Exit.DATA, "let_in.no_duty", user=user)
    return code
