"""What stands of the key under which phones, notes and second factors are sealed."""

from __future__ import annotations

from content.trouble import Exit, Trouble
from storage.sealing import key_name
from storage.store import Store
from storage.vault import Vault
from zhibu.doctor.findings import Finding, Known, Noun, fault, ok
from zhibu.master_key import master_file, read_master


async def look_at_vault(known: Known) -> list[Finding]:
    """See that there is a key, and that it is the one under which the database is sealed."""
    if not known.current:
        return []
    config = known.config
    store = await Store.open(config.database, exclusive=False)
    try:
        name = await store.read(key_name)
    finally:
        await store.close()
    if name is None:
        return [ok(Noun.VAULT, "doctor.vault_not_begun")]
    if Vault(read_master(config)).name != name:
        return [fault(Noun.VAULT, Trouble(Exit.CONFIG, "database.sealed_under_other_key"))]
    return [ok(Noun.VAULT, "doctor.vault", file=str(master_file(config)))]
