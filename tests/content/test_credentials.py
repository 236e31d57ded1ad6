"""Codes as RFC 6238 has them, recovery codes, passwords that all would guess, and how often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from content.credentials import (
    CredentialsReset,
    Factor,
    FactorUsed,
    Kind,
    RecoveryCode,
    RecoveryCodeUsed,
    add_factor,
    code_at,
    demands_second,
    plain_code,
    refuse_password,
    remove_factor,
    reset,
    step_of,
    use_code,
    use_recovery_code,
)
from content.decision import Decision, Refusal, Tell
from content.identifiers import FactorId, OrganisationId, UserId
from content.organisations import Duty, Role
from content.throttling import FREE, LONGEST_WAIT, MOST_OF_ALL, MOST_OF_AN_ADDRESS, Tries, wait_until

NOW = datetime(2026, 11, 24, 1, 0, 10, tzinfo=UTC)
WHO, OTHER = UserId("@wang:test"), UserId("@li:test")
SECRET = b"12345678901234567890"
"""The secret of the RFC's examples."""

APP = Factor(id=FactorId("app"), user=WHO, kind=Kind.TOTP, name="手机", secret=SECRET, made_at=NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // 30) == code


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_in_its_own_half_minute_and_beside_it(steps: int, taken: bool) -> None:
    """S12."""
    code = code_at(SECRET, int(NOW.timestamp()) // 30 + steps)
    assert (use_code([APP], code, now=NOW) is not None) == taken


def test_a_code_counts_once_and_none_before_it_after() -> None:
    """S12."""
    present = int(NOW.timestamp()) // 30
    used = use_code([APP], code_at(SECRET, present), now=NOW)
    assert used == Decision(facts=(FactorUsed(id=APP.id, at=NOW, step=present),))
    later = replace(APP, last_step=present)
    for step in (present - 1, present):
        assert use_code([later], code_at(SECRET, step), now=NOW) is None
    assert step_of(SECRET, code_at(SECRET, present + 1), after=present, now=NOW) == present + 1


def test_a_passkey_gives_no_codes() -> None:
    passkey = replace(APP, kind=Kind.PASSKEY)
    assert use_code([passkey], code_at(SECRET, int(NOW.timestamp()) // 30), now=NOW) is None


@pytest.mark.parametrize("odd", ["", "12345", "abcdef", "１２３４５６", "0" * 400, "汉字"])
def test_what_is_no_code_is_taken_for_none(odd: str) -> None:
    assert use_code([APP], plain_code(odd), now=NOW) is None


def test_a_recovery_code_counts_once_and_the_person_is_told_how_many_are_left() -> None:
    codes = [RecoveryCode(place=place, salt=b"s", hash=bytes([place]) * 16) for place in range(3)]
    used = use_recovery_code(codes, bytes([1]) * 16, user=WHO, now=NOW)
    assert used is not None
    assert used.facts == (RecoveryCodeUsed(user=WHO, place=1, at=NOW),)
    (told,) = used.effects
    assert isinstance(told, Tell)
    assert told.words.parameters == {"n": 2}
    spent = [replace(one, used=one.place == 1) for one in codes]
    assert use_recovery_code(spent, bytes([1]) * 16, user=WHO, now=NOW) is None
    assert use_recovery_code(codes, b"x" * 16, user=WHO, now=NOW) is None


def test_a_code_to_begin_anew_ends_with_its_time() -> None:
    """S14."""
    code = RecoveryCode(place=0, salt=b"s", hash=b"h" * 16, until=NOW + timedelta(minutes=15))
    assert use_recovery_code([code], b"h" * 16, user=WHO, now=NOW) is not None
    assert use_recovery_code([code], b"h" * 16, user=WHO, now=NOW + timedelta(minutes=15)) is None


def test_the_last_factor_stays_where_one_is_demanded() -> None:
    answer = remove_factor(APP.id, [APP], user=WHO, demanded=True)
    assert isinstance(answer, Refusal)
    assert isinstance(remove_factor(APP.id, [APP], user=WHO, demanded=False), Decision)
    second = replace(APP, id=FactorId("second"))
    assert isinstance(remove_factor(APP.id, [APP, second], user=WHO, demanded=True), Decision)
    assert remove_factor(FactorId("other"), [APP], user=WHO, demanded=False) is None


def test_a_passkey_is_added_once_and_the_person_is_told() -> None:
    passkey = replace(APP, kind=Kind.PASSKEY, credential="ab")
    added = add_factor(passkey, [APP])
    assert isinstance(added, Decision)
    assert [tell.user for tell in added.effects if isinstance(tell, Tell)] == [WHO]
    assert isinstance(add_factor(replace(passkey, id=FactorId("again")), [APP, passkey]), Refusal)


@pytest.mark.parametrize("role", Role)
def test_whoever_may_do_more_than_look_needs_a_second_factor(role: Role) -> None:
    duty = Duty(user=WHO, organisation=OrganisationId("top"), role=role)
    assert demands_second([duty]) == (role is not Role.VIEWER)


def test_another_person_with_the_right_over_all_duties_resets_and_both_are_told() -> None:
    """S14."""
    duty = Duty(user=WHO, organisation=OrganisationId("top"), role=Role.SECRETARY)
    answer = reset(WHO, [(duty, True)], by=OTHER, salt=b"s", hashed=b"h", now=NOW)
    assert isinstance(answer, Decision)
    assert answer.facts[0] == CredentialsReset(user=WHO)
    assert [tell.user for tell in answer.effects if isinstance(tell, Tell)] == [WHO, OTHER]
    for by, held in ((WHO, [(duty, True)]), (OTHER, [(duty, True), (duty, False)])):
        assert isinstance(reset(WHO, held, by=by, salt=b"s", hashed=b"h", now=NOW), Refusal)
    assert reset(WHO, [], by=OTHER, salt=b"s", hashed=b"h", now=NOW) is None


CONTEXT = {"检修党总支", "党支部", "zhibu", "wang", "王丽"}


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "short"),
        ("elevenchars", "short"),
        ("x" * 1025, "long"),
        ("汉" * 342, "long"),
        ("aaaaaaaaaaaaaaaa", "guessable"),
        ("abababababababab", "guessable"),
        ("zhibu2026zhibu2026", "guessable"),
        ("检修党总支2026党支部王丽", "guessable"),
        ("Wang-Zhibu-2026!", "guessable"),
        ("correct horse battery", None),
        ("twelve chars", None),
        ("每天早上六点半跑三公里", "short"),
        ("每天早上六点半出门跑三公里", None),
        ("83719402856173", None),
        (" leading and trailing ", None),
        ("zhibu 的密码是一句长长的话", None),
        ("x1" + "y2z3" * 200, None),
    ],
)
def test_passwords_are_refused_for_length_and_for_what_all_would_guess_and_for_no_pattern(
    password: str, why: str | None
) -> None:
    """S9, S10."""
    refusal = refuse_password(password, CONTEXT)
    assert (refusal.words.key if refusal else None) == (f"credentials.{why}" if why else None)


def wait(number: int, *, address: int = 0, everybody: int = 0, since: timedelta = timedelta(0)) -> timedelta | None:
    tries = Tries(number=number, last=NOW - since)
    until = wait_until(tries, address=address, everybody=everybody, now=NOW)
    return None if until is None else until - NOW


def test_an_account_waits_twice_as_long_with_each_try_and_never_for_good() -> None:
    """S11."""
    assert wait(FREE - 1) is None
    waits = [wait(number) for number in range(FREE, FREE + 40)]
    assert all(one is not None and one > timedelta(0) for one in waits)
    assert all(later == min(2 * earlier, LONGEST_WAIT) for earlier, later in pairwise(filter(None, waits)))
    assert waits[-1] == LONGEST_WAIT
    assert wait(FREE + 40, since=LONGEST_WAIT) is None


def test_an_address_and_all_together_wait_for_the_next_minute() -> None:
    """S11."""
    assert wait(0, address=MOST_OF_AN_ADDRESS - 1, everybody=MOST_OF_ALL - 1) is None
    assert wait(0, address=MOST_OF_AN_ADDRESS) == wait(0, everybody=MOST_OF_ALL) == timedelta(seconds=50)
