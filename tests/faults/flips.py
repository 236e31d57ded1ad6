"""Backups of which a bit was turned or an end cut off: none is restored, and nothing of the try is left."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

from content.speech import LANGUAGES, Reader
from content.trouble import Trouble
from tests.faults.campaign import Tally
from tests.zhibu.test_backups import backed_up, install
from zhibu.catalogue import load_speech
from zhibu.restores import restore

REFUSALS = ("backup.damaged", "backup.wrong_key")


async def damaged_backups(founded: Path, folder: Path, runs: int, seed: int) -> Tally:
    """Damage a sealed backup in so many ways of the seed, and try to restore each; every eighth is cut off."""
    config = install(folder / "here", "sqlite:///zhibu.db")
    await asyncio.to_thread(shutil.copyfile, founded, folder / "here" / "zhibu.db")
    made = await backed_up(config)
    whole, key = await asyncio.to_thread(made.file.read_bytes), config.path("backup.key")
    chance, tally, speech = random.Random(seed), Tally(), load_speech()
    place, file = folder / "place", folder / "damaged.backup"
    for number in range(runs):
        at = chance.randrange(len(whole))
        bit = chance.randrange(8)
        turned = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        await asyncio.to_thread(file.write_bytes, whole[:at] if number % 8 == 7 else turned)
        tally.tried += 1
        how = f"byte {at}, bit {bit}"
        try:
            await restore(file, key, place, None)
            tally.failures.append(f"{how}: restored")
        except Trouble as trouble:
            said = [speech.say(trouble.words, Reader(language=one)) for one in LANGUAGES]
            if trouble.words.key not in REFUSALS or not all(file.name in one for one in said):
                tally.failures.append(f"{how}: {said}")
        left = sorted(path.name for path in folder.iterdir() if path.name not in ("here", file.name))
        if left:
            tally.failures.append(f"{how}: left {left}")
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    await asyncio.to_thread(file.write_bytes, whole)
    put = await restore(file, key, place, None)
    if put.manifest.held.tables != made.manifest.held.tables:
        tally.failures.append("what was whole was not restored as it was")
    return tally
