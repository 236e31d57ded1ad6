"""Second factors, recovery codes, passwords, and what passkeys are asked to sign; of secrets only what must be kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, false, or_, select

from content.credentials import (
    ChallengeMade,
    ChallengeMet,
    CredentialsReset,
    Factor,
    FactorAdded,
    FactorRemoved,
    FactorUsed,
    Kind,
    PasswordChosen,
    RecoveryCode,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from content.identifiers import FactorId, UserId
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

second_factors = Table(
    "second_factors",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("name", String(40), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    Column("credential", String(1400), unique=True),
    Column("sign_count", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("until", Instant),
    Column("used_at", Instant),
)

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("hash", String(255), nullable=False),
    Column("chosen_at", Instant, nullable=False),
)

challenges = Table(
    "challenges",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("bound_to", String(64), nullable=False),
    Column("until", Instant, nullable=False),
)


_SECRET = ("second_factors", "secret")


def _factor(unit: Reading, row: AnyRow) -> Factor:
    return Factor(
        id=FactorId(row.id),
        user=UserId(row.user_id),
        kind=Kind(row.kind),
        name=row.name,
        secret=unit.vault.open(row.secret, *_SECRET, row.id) if row.is_sealed else bytes(row.secret),
        made_at=row.made_at,
        credential=row.credential,
        sign_count=row.sign_count,
        last_step=row.last_step,
        used_at=row.used_at,
    )


async def factors_of(unit: Reading, user: UserId) -> tuple[Factor, ...]:
    """Return the second factors of a person, the oldest first."""
    query = select(second_factors).where(second_factors.c.user_id == user)
    rows = await unit.rows(query.order_by(second_factors.c.made_at, second_factors.c.id))
    return tuple(_factor(unit, row) for row in rows)


async def by_credential(unit: Reading, credential: str) -> Factor | None:
    """Return the passkey of this name."""
    row = await unit.first(select(second_factors).where(second_factors.c.credential == credential))
    return _factor(unit, row) if row else None


async def codes_of(unit: Reading, user: UserId) -> tuple[RecoveryCode, ...]:
    """Return the recovery codes of a person, used ones too."""
    query = select(recovery_codes).where(recovery_codes.c.user_id == user).order_by(recovery_codes.c.place)
    return tuple(
        RecoveryCode(
            place=row.place,
            salt=bytes(row.salt),
            hash=bytes(row.hash),
            until=row.until,
            used=row.used_at is not None,
        )
        for row in await unit.rows(query)
    )


async def is_enrolled(unit: Reading, user: UserId, *, demanded: bool) -> bool:
    """Tell whether a person has anything to prove themselves with beside a link.

    A code that another person made for them counts even when its time is over, and where a second factor is demanded
    when it was used too, until there is one: a link alone lets nobody past it.
    """
    if await has_factor(unit, user):
        return True
    codes = select(recovery_codes.c.user_id).where(recovery_codes.c.user_id == user).limit(1)
    return await unit.first(codes if demanded else codes.where(recovery_codes.c.used_at.is_(None))) is not None


async def has_factor(unit: Reading, user: UserId) -> bool:
    """Tell whether a person has a second factor."""
    return await unit.first(select(second_factors.c.id).where(second_factors.c.user_id == user).limit(1)) is not None


async def password_of(unit: Reading, user: UserId) -> str | None:
    """Return the hash of a person's password."""
    hashed: str | None = await unit.value(select(passwords.c.hash).where(passwords.c.user_id == user))
    return hashed


async def is_waiting(unit: Reading, hash: str, bound_to: str) -> bool:  # noqa: A002
    """Tell whether a challenge of a session or a visit is still to be answered."""
    query = select(challenges.c.hash).where(
        challenges.c.hash == hash, challenges.c.bound_to == bound_to, challenges.c.until > unit.now
    )
    return await unit.first(query) is not None


async def write_added(unit: Writing, fact: FactorAdded) -> None:
    """Keep a second factor."""
    one = fact.factor
    sealed = unit.vault.name is not None
    values = {
        "id": one.id,
        "user_id": one.user,
        "kind": one.kind,
        "name": one.name,
        "secret": unit.vault.seal(one.secret, *_SECRET, one.id) if sealed else one.secret,
        "is_sealed": sealed,
        "credential": one.credential,
        "sign_count": one.sign_count,
        "last_step": one.last_step,
        "made_at": one.made_at,
        "used_at": one.used_at,
    }
    await unit.add(second_factors, values)


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal every secret under another master key; return how many there are."""
    rows = await unit.rows(select(second_factors).where(second_factors.c.is_sealed.is_(True)))
    for row in rows:
        sealed = new.seal(_factor(unit, row).secret, *_SECRET, row.id)
        await unit.execute(second_factors.update().where(second_factors.c.id == row.id).values(secret=sealed))
    return len(rows)


async def seal_clear(unit: Writing) -> None:
    """Seal secrets that lie in the clear, as they do from before there was a key."""
    for row in await unit.rows(select(second_factors).where(second_factors.c.is_sealed.is_(False))):
        sealed = unit.vault.seal(bytes(row.secret), *_SECRET, row.id)
        change = second_factors.update().where(second_factors.c.id == row.id)
        await unit.execute(change.values(secret=sealed, is_sealed=True))


async def write_removed(unit: Writing, fact: FactorRemoved) -> None:
    """Forget a second factor; with the last one recovery codes and password go too, which are nothing without it."""
    own = (second_factors.c.user_id == fact.user, second_factors.c.id == fact.id)
    await unit.execute(second_factors.delete().where(*own))
    if not await has_factor(unit, fact.user):
        for table in (recovery_codes, passwords):
            await unit.execute(table.delete().where(table.c.user_id == fact.user))


async def write_used(unit: Writing, fact: FactorUsed) -> None:
    """Remember that a second factor was used."""
    change = second_factors.update().where(second_factors.c.id == fact.id)
    await unit.execute(change.values(used_at=fact.at, last_step=fact.step, sign_count=fact.sign_count))


async def write_codes(unit: Writing, fact: RecoveryCodesMade) -> None:
    """Keep recovery codes in the place of older ones."""
    await unit.execute(recovery_codes.delete().where(recovery_codes.c.user_id == fact.user))
    same = {"user_id": fact.user, "salt": fact.salt, "made_at": fact.at, "until": fact.until, "used_at": None}
    await unit.add(recovery_codes, [same | {"place": place, "hash": one} for place, one in enumerate(fact.hashes)])


async def write_code_used(unit: Writing, fact: RecoveryCodeUsed) -> None:
    """Use a recovery code up; one with which a person begins anew stands until they have a second factor."""
    own = (recovery_codes.c.user_id == fact.user, recovery_codes.c.place == fact.place)
    await unit.execute(recovery_codes.update().where(*own).values(used_at=fact.at))


async def write_password(unit: Writing, fact: PasswordChosen) -> None:
    """Keep the hash of a password in the place of an older one."""
    await unit.put(passwords, {"user_id": fact.user, "hash": fact.hash, "chosen_at": fact.at}, key=["user_id"])


async def write_reset(unit: Writing, fact: CredentialsReset) -> None:
    """Forget everything that a person proved themselves with."""
    for table in (second_factors, recovery_codes, passwords):
        await unit.execute(table.delete().where(table.c.user_id == fact.user))


async def write_challenge(unit: Writing, fact: ChallengeMade) -> None:
    """Keep a challenge; an older one of the same session or visit counts no more."""
    await unit.execute(
        challenges.delete().where(or_(challenges.c.bound_to == fact.bound_to, challenges.c.hash == fact.hash))
    )
    await unit.add(challenges, {"hash": fact.hash, "bound_to": fact.bound_to, "until": fact.until})


async def write_met(unit: Writing, fact: ChallengeMet) -> None:
    """Forget a challenge that was answered."""
    await unit.execute(challenges.delete().where(challenges.c.hash == fact.hash))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Forget challenges that nobody answered in time."""
    await unit.execute(challenges.delete().where(challenges.c.until <= at))
