"""Duties, proposals, credentials and tries as rows, on both engines."""

from __future__ import annotations

from datetime import timedelta

from content.approvals import KEPT, LASTS, Act, Proposal, ProposalDecided, Proposed, State
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
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from content.identifiers import FactorId, OrganisationId, ProposalId, UserId
from content.organisations import Duty, DutyGranted, Role
from content.sessions import Level, Session, SessionRenewed, SignedIn, SignedOut, SignedOutElsewhere
from content.throttling import KEPT as TRIES_KEPT
from content.throttling import Tried, Tries, TriesForgotten
from storage import approvals, credentials, duties, organisations, sessions, throttling
from storage.retention import Swept
from tests.small_branch import EAST, NOON, ROOF, SECRETARY, WEST, ZHANG, SmallBranch, account

WHO, OTHER = account(ZHANG), UserId("@other:test")
SESSION = Session(
    id_hash="a" * 64,
    user=WHO,
    csrf="csrf",
    made_at=NOON,
    seen_at=NOON,
    family="f" * 64,
    level=Level.FIRST,
    client="Firefox · Linux",
    duties="d" * 64,
)


def factor(id: str, **more: object) -> Factor:
    values = {"user": WHO, "kind": Kind.TOTP, "name": "手机", "secret": b"\x00secret", "made_at": NOON} | more
    return Factor(id=FactorId(id), **values)  # type: ignore[arg-type]


async def test_who_holds_what_is_found_within_ones_own_places(branch: SmallBranch) -> None:
    granted = Duty(user=WHO, organisation=EAST, role=Role.GROUP_LEADER)
    await branch.store.settle(notes=[DutyGranted(duty=granted, by=SECRETARY, at=NOON)])
    (held,) = await branch.store.read(lambda unit: duties.held_within(unit, [EAST]))
    assert (held.duty, held.name, held.since, held.by) == (granted, "张明", NOON, SECRETARY)
    assert await branch.store.read(lambda unit: duties.held_within(unit, [WEST])) == ()
    over = await branch.store.read(lambda unit: organisations.duties_over(unit, EAST))
    assert {duty.user for duty in over} == {WHO, SECRETARY}
    found = await branch.store.read(lambda unit: duties.accounts_by_name(unit, "张明", [ROOF]))
    assert found == (WHO,)
    assert await branch.store.read(lambda unit: duties.accounts_by_name(unit, "张明", [WEST])) == ()
    assert await branch.store.read(lambda unit: duties.names_of(unit, [WHO, OTHER])) == {WHO: "张明"}


async def test_a_proposal_waits_is_decided_and_is_forgotten(branch: SmallBranch) -> None:
    def proposal(id: str, at: OrganisationId) -> Proposal:
        return Proposal(
            id=ProposalId(id), act=Act.GRANT_DUTY, organisation=at, subject=WHO, detail="secretary", by=OTHER, at=NOON
        )

    one, far = proposal("one", EAST), proposal("far", WEST)
    await branch.store.settle(notes=[Proposed(proposal=one), Proposed(proposal=far)])
    read = branch.store.read
    assert await read(lambda unit: approvals.waiting(unit, [EAST])) == (one,)
    assert await read(lambda unit: approvals.proposal(unit, far.id, [EAST])) is None
    branch.clock.now = NOON + LASTS
    assert await read(lambda unit: approvals.waiting(unit, [ROOF])) == ()
    assert await read(lambda unit: approvals.past(unit, [EAST], limit=5)) == (one,)
    branch.clock.now = NOON
    decided = ProposalDecided(id=one.id, state=State.DECLINED, by=SECRETARY, at=NOON)
    await branch.store.settle(notes=[decided])
    (past,) = await read(lambda unit: approvals.past(unit, [ROOF], limit=5))
    assert (past.state, past.decided_by, past.decided_at) == (State.DECLINED, SECRETARY, NOON)
    await branch.store.settle(notes=[Swept(at=NOON + KEPT + timedelta(days=1))])
    assert await read(lambda unit: approvals.past(unit, [ROOF], limit=5)) == ()


async def test_credentials_are_kept_used_and_forgotten(branch: SmallBranch) -> None:
    read = branch.store.read
    passkey = factor("key", kind=Kind.PASSKEY, credential="ab", sign_count=3)
    codes = RecoveryCodesMade(user=WHO, salt=b"salt", hashes=(b"\x00one", b"two"), at=NOON)
    password = PasswordChosen(user=WHO, hash="$argon2id$", at=NOON)
    await branch.store.settle(notes=[FactorAdded(factor=factor("app")), FactorAdded(factor=passkey), codes, password])
    assert {one.id for one in await read(lambda unit: credentials.factors_of(unit, WHO))} == {"app", "key"}
    assert await read(lambda unit: credentials.by_credential(unit, "ab")) == passkey
    used = [FactorUsed(id=FactorId("app"), at=NOON, step=9), RecoveryCodeUsed(user=WHO, place=1, at=NOON)]
    await branch.store.settle(notes=used)
    app = next(one for one in await read(lambda unit: credentials.factors_of(unit, WHO)) if one.id == "app")
    assert (app.last_step, app.used_at, app.secret) == (9, NOON, b"\x00secret")
    assert [one.used for one in await read(lambda unit: credentials.codes_of(unit, WHO))] == [False, True]
    await branch.store.settle(notes=[FactorRemoved(user=WHO, id=FactorId("app"))])
    assert await read(lambda unit: credentials.password_of(unit, WHO)) == "$argon2id$"
    await branch.store.settle(notes=[FactorRemoved(user=WHO, id=FactorId("key"))])
    assert await read(lambda unit: credentials.password_of(unit, WHO)) is None
    assert not await read(lambda unit: credentials.is_enrolled(unit, WHO, demanded=True))


async def test_a_code_to_begin_anew_bars_the_way_until_there_is_a_second_factor(branch: SmallBranch) -> None:
    """S14."""
    read, until = branch.store.read, NOON + timedelta(minutes=15)
    begin = RecoveryCodesMade(user=WHO, salt=b"salt", hashes=(b"one",), at=NOON, until=until)
    added = FactorAdded(factor=factor("app"))
    await branch.store.settle(notes=[added, SignedIn(token_hash=None, session=SESSION)])
    await branch.store.settle(notes=[CredentialsReset(user=WHO), begin])
    assert await read(lambda unit: sessions.sessions_of(unit, WHO)) == ()
    assert not await read(lambda unit: credentials.has_factor(unit, WHO))
    branch.clock.now = until + timedelta(hours=1)
    enrolled = [read(lambda unit, d=d: credentials.is_enrolled(unit, WHO, demanded=d)) for d in (True, False)]
    assert [await one for one in enrolled] == [True, True]
    await branch.store.settle(notes=[RecoveryCodeUsed(user=WHO, place=0, at=NOON)])
    enrolled = [read(lambda unit, d=d: credentials.is_enrolled(unit, WHO, demanded=d)) for d in (True, False)]
    assert [await one for one in enrolled] == [True, False]


async def test_a_challenge_is_for_one_place_one_answer_and_some_minutes(branch: SmallBranch) -> None:
    made = ChallengeMade(hash="c" * 64, bound_to="here", until=NOON + timedelta(minutes=5))
    await branch.store.settle(notes=[made])

    async def waits(bound_to: str) -> bool:
        return await branch.store.read(lambda unit: credentials.is_waiting(unit, "c" * 64, bound_to))

    assert await waits("here")
    assert not await waits("there")
    branch.clock.forward(minutes=5)
    assert not await waits("here")
    branch.clock.now = NOON
    await branch.store.settle(notes=[ChallengeMet(hash="c" * 64)])
    assert not await waits("here")


async def test_a_session_goes_on_under_a_new_id_and_ends_by_its_family(branch: SmallBranch) -> None:
    """S1, S3, S7."""
    read, again = branch.store.read, "b" * 64
    await branch.store.settle(notes=[SignedIn(token_hash=None, session=SESSION)])
    assert await read(lambda unit: sessions.session(unit, SESSION.id_hash)) == SESSION
    renewed = Session(**{name: getattr(SESSION, name) for name in SESSION.__slots__} | {"id_hash": again})
    await branch.store.settle(notes=[SessionRenewed(id_hash=SESSION.id_hash, session=renewed)])
    assert await read(lambda unit: sessions.session(unit, SESSION.id_hash)) is None
    assert await read(lambda unit: sessions.session(unit, again)) == renewed
    await branch.store.settle(notes=[SignedOutElsewhere(user=WHO, but=SESSION.family)])
    assert await read(lambda unit: sessions.session(unit, again)) == renewed
    await branch.store.settle(notes=[SignedOut(family=SESSION.family)])
    assert await read(lambda unit: sessions.sessions_of(unit, WHO)) == ()


async def test_tries_are_counted_and_forgotten(branch: SmallBranch) -> None:
    """S11."""
    read = branch.store.read
    await branch.store.settle(notes=[Tried(keys=("a", "b"), at=NOON), Tried(keys=("a",), at=NOON)])
    assert await read(lambda unit: throttling.tries_of(unit, "a")) == Tries(number=2, last=NOON)
    late = NOON + TRIES_KEPT
    await branch.store.settle(notes=[Tried(keys=("a",), at=late)])
    assert await read(lambda unit: throttling.tries_of(unit, "a")) == Tries(number=1, last=late)
    await branch.store.settle(notes=[TriesForgotten(key="a"), Swept(at=late + timedelta(seconds=1))])
    assert await read(lambda unit: throttling.tries_of(unit, "a")) == Tries()
    assert await read(lambda unit: throttling.tries_of(unit, "b")) == Tries()
