"""The bot's device is vouched for by its own keys from the first login, and whatever does not fit is noticed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import vodozemac

from bot.matrix.faults import Fault, Kind
from bot.matrix.trust import canonical

if TYPE_CHECKING:
    from bot.matrix.homeserver import Homeserver
    from tests.bot.matrix.conftest import Bots, People

pytestmark = pytest.mark.synapse


async def shown(people: People, user_id: str) -> dict[str, Any]:
    """Ask for a user's keys, as any client does."""
    member = await people.plain()
    answer: dict[str, Any] = await member.ask("POST", "/v3/keys/query", {"device_keys": {user_id: []}})
    return answer


def verifies(thing: dict[str, Any], user_id: str, public: str) -> bool:
    """Check a signature with the cryptography alone."""
    signature = thing["signatures"][user_id][f"ed25519:{public}"]
    key = vodozemac.Ed25519PublicKey.from_base64(public)
    key.verify_signature(canonical(thing), vodozemac.Ed25519Signature.from_base64(signature))
    return True


async def test_any_client_can_follow_the_chain_from_the_master_key_to_the_device(
    bot: Homeserver, people: People
) -> None:
    """N49."""
    assert bot.trusted
    keys = await shown(people, bot.user_id)
    master, signing = keys["master_keys"][bot.user_id], keys["self_signing_keys"][bot.user_id]
    device = keys["device_keys"][bot.user_id][bot.device_id]
    [master_public], [signing_public] = master["keys"].values(), signing["keys"].values()
    assert verifies(signing, bot.user_id, master_public)
    assert verifies(device, bot.user_id, signing_public)
    assert device["keys"][f"curve25519:{bot.device_id}"] == bot._device.curve25519


async def test_a_restart_keeps_the_identity(bots: Bots, people: People) -> None:
    bot = await bots.start()
    before = (await shown(people, bot.user_id))["master_keys"]
    bot = await bots.restart(bot)
    assert bot.trusted
    assert (await shown(people, bot.user_id))["master_keys"] == before


async def test_without_its_signing_keys_the_bot_knows_that_it_is_not_vouched_for(bots: Bots) -> None:
    """X23."""
    bot = await bots.start()
    await bot.close()
    localpart = bot.user_id[1:].partition(":")[0]
    shutil.rmtree(bots.folder / localpart / "signing")
    again = await bots.start(localpart=localpart)
    assert not again.trusted


async def test_a_store_of_another_device_is_noticed_at_the_start(bots: Bots) -> None:
    """F57, F58."""
    one = await bots.start()
    await one.close()
    folder = bots.folder / one.user_id[1:].partition(":")[0]
    (folder / "crypto.db").unlink()
    (folder / "crypto.db").touch()  # an empty store makes new keys under the old device's name
    with pytest.raises(Fault) as fault:
        await bots.restart(one)
    assert fault.value.kind in {Kind.IDENTITY, Kind.REFUSED}
    assert fault.value.permanent
