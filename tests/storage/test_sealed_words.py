"""What lets somebody in stands in the database sealed only, until it was sent and after, in every byte of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from content.decision import Secret, Words, words
from content.identifiers import RoomId
from storage.outbox import Kind, outbox
from storage.phrases import load_words, save_words
from storage.store import Store
from storage.unit import Writing
from storage.vault import Unreadable, Vault
from tests.faults.canaries import Canary, leaks
from tests.small_branch import SECRETARY, TOKEN, HandClock, SmallBranch, message

WITH_SECRETARY = RoomId("!with-secretary:test")
KEY, OTHER = bytes(range(32)), bytes(32)
LINK = f"https://console.test/sign-in/{TOKEN}"


@pytest_asyncio.fixture
async def branch(sqlite_address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch with a master key, on a file that can be looked into."""
    store = await Store.open(sqlite_address, clock, master=KEY)
    small = SmallBranch(store, clock)
    await small.found()
    yield small
    await store.close()


async def test_a_sign_in_link_is_in_no_byte_of_any_file_before_and_after_it_was_sent(
    branch: SmallBranch, tmp_path: Path
) -> None:
    """The database, its write-ahead log and what lies beside them; what is looked for is found where it was written."""
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    token = [Canary(name="link", word=TOKEN)]
    assert leaks(tmp_path, token) == []
    assert leaks(tmp_path, [Canary(name="words", word="console.link")]) != []
    (claimed,) = await branch.claim()
    assert claimed.words is not None
    assert claimed.words.parameters["link"] == LINK
    assert leaks(tmp_path, token) == []
    await branch.mark_sent(claimed)
    assert leaks(tmp_path, token) == []


async def test_another_process_with_the_same_key_sends_what_was_decided_here(
    branch: SmallBranch, sqlite_address: str, clock: HandClock
) -> None:
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    await branch.store.close()
    branch.store = await Store.open(sqlite_address, clock, master=KEY)
    (claimed,) = await branch.claim()
    assert claimed.words is not None
    assert str(claimed.words.parameters["link"]) == LINK


async def test_under_another_key_a_row_is_claimed_without_words_and_holds_nothing_up(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    branch.store._vault = Vault(OTHER)
    (claimed,) = await branch.claim()
    assert claimed.words is None


async def test_a_link_that_is_put_into_the_row_of_somebody_else_does_not_go_to_them(branch: SmallBranch) -> None:
    """S55: whoever can write to the database has a link sent to nobody but whom it was made for."""
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    moved = outbox.update().where(outbox.c.kind == Kind.TELL).values(user_id="@thief:test", lane="user:@thief:test")

    async def move(unit: Writing) -> None:
        await unit.execute(moved)

    await branch.store._write(move, news=False)
    (claimed,) = await branch.claim()
    assert (claimed.user, claimed.words) == ("@thief:test", None)


def test_without_the_key_words_are_read_with_nothing_in_the_place_of_the_secret() -> None:
    said = words("console.link", link=Secret(LINK), minutes=15, lines=(words("inner", code=Secret(TOKEN)),))
    vault = Vault(KEY)
    saved = save_words(said, vault)
    assert TOKEN not in json.dumps(saved)
    assert load_words(saved, vault) == said
    (inner,) = _lines(load_words(saved))
    assert (load_words(saved).parameters["link"], inner.parameters["code"]) == ("", "")


def _lines(said: Words) -> tuple[Words, ...]:
    lines = said.parameters["lines"]
    assert isinstance(lines, tuple)
    return lines


@pytest.mark.parametrize("sealed", ["", "!", "AAAA", LINK])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(Unreadable):
        Vault(KEY).open_secret(sealed)


def test_two_seals_of_one_text_have_nothing_in_common_and_a_changed_one_does_not_open() -> None:
    vault = Vault(KEY)
    one, two = vault.seal_secret(Secret(LINK)), vault.seal_secret(Secret(LINK))
    assert one != two
    assert vault.open_secret(one) == LINK
    with pytest.raises(Unreadable):
        vault.open_secret(one[:-8] + two[-8:])


def test_a_secret_is_not_shown_by_a_trace_of_what_holds_it() -> None:
    held = words("console.link", link=Secret(LINK))
    try:
        raise ValueError(held)
    except ValueError:
        assert TOKEN not in traceback.format_exc()
    assert f"{held.parameters['link']}" == LINK
