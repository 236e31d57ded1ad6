"""What whoever operates the program is told in private when something is lastingly wrong that they can mend."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.backups import STALE
from content.decision import Decision, Tell, Words, words
from content.identifiers import Cause, UserId
from content.safe_mode import Reason

LOW_BYTES = 200 * 1024 * 1024
"""With less room than this on a disk somebody should make some."""

PATIENCE = timedelta(minutes=10)
"""How long a state must last before it is told: a disk that was full for a moment, or a start, is no alarm."""

LATELY = timedelta(days=1)
"""What happened longer ago is no news."""

SMALL_STEP = timedelta(minutes=1)
"""By less than this a clock is set without anybody having to see to it."""


class Alarm(StrEnum):
    """What is told of."""

    BACKUP_FAILED = "backup_failed"
    BACKUP_OVERDUE = "backup_overdue"
    DISK_LOW = "disk_low"
    GAP_GIVEN_UP = "gap_given_up"
    HELD_UP = "held_up"
    CLOCK_SET = "clock_set"


LASTING = frozenset({Alarm.BACKUP_OVERDUE, Alarm.DISK_LOW})
"""Those that are states; the others have happened."""


class Seen(Struct, frozen=True, kw_only=True):
    """What was seen at one moment. ``last_backup`` is ``None`` where no daily backup is wanted.

    ``free`` are the bytes where there is the least room, ``gaps`` when stretches were given up that nobody has put
    aside, ``set_at`` when the wall clock was last set, ``held_up_by`` what kept the bot from beginning until now.
    """

    last_backup: datetime | None = None
    backup_failed: datetime | None = None
    free: int | None = None
    gaps: tuple[datetime, ...] = ()
    set_at: datetime | None = None
    set_by: timedelta = timedelta()
    held_up_by: Reason | None = None


def alarms(seen: Seen, *, console: str, now: datetime) -> dict[Alarm, Words]:
    """Return what is wrong, each with what is said of it."""
    found: dict[Alarm, Words] = {}
    if seen.backup_failed is not None:
        found[Alarm.BACKUP_FAILED] = words("alarms.backup_failed", at=seen.backup_failed)
    elif seen.last_backup is not None and now - seen.last_backup > STALE:
        hours = int((now - seen.last_backup).total_seconds()) // 3600
        found[Alarm.BACKUP_OVERDUE] = words("alarms.backup_overdue", n=hours)
    if seen.free is not None and seen.free < LOW_BYTES:
        found[Alarm.DISK_LOW] = words("alarms.disk_low", n=seen.free // (1024 * 1024))
    if recent := [at for at in seen.gaps if now - at < LATELY]:
        found[Alarm.GAP_GIVEN_UP] = words("alarms.gap_given_up", n=len(recent), address=f"{console}/unheard")
    if seen.set_at is not None and now - seen.set_at < LATELY and abs(seen.set_by) >= SMALL_STEP:
        key = "alarms.clock_set_back" if seen.set_by < timedelta(0) else "alarms.clock_set_forward"
        minutes = int(abs(seen.set_by).total_seconds()) // 60
        found[Alarm.CLOCK_SET] = words(key, at=seen.set_at, n=minutes)
    if seen.held_up_by is not None and seen.held_up_by is not Reason.WAITING:
        found[Alarm.HELD_UP] = words("alarms.held_up", why=(words(f"safe_mode.why_{seen.held_up_by}"),))
    return found


def cause_of(alarm: Alarm, today: date) -> Cause:
    """Return what makes an alarm be told once on a day, however often what it tells of comes and goes."""
    return Cause(f"alarm:{alarm}:{today.isoformat()}")


def tell_operators(said: Words, operators: Iterable[UserId], *, console: str) -> Decision | None:
    """Tell whoever operates the program, where anybody does."""
    whole = words("alarms.told", what=(said,), address=f"{console}/system")
    effects = tuple(Tell(user=user, words=whole, unasked=True, urgent=True) for user in operators)
    return Decision(effects=effects) if effects else None
