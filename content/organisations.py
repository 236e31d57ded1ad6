"""The tree of organisations: what a node is, and what a person may do from where they stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Fact
from content.identifiers import OrganisationId, UserId


class Kind(StrEnum):
    """What a node of the tree is; a branch has a room of its own and its members are counted there."""

    PARTY_COMMITTEE = "party_committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    GROUP = "group"


class Role(StrEnum):
    """What a person is trusted with, granted at a node and valid for everything below it."""

    OPERATOR = "operator"
    SECRETARY = "secretary"
    ORGANISING_MEMBER = "organising_member"
    PUBLICITY_MEMBER = "publicity_member"
    DISCIPLINE_MEMBER = "discipline_member"
    GROUP_LEADER = "group_leader"
    REVIEWER = "reviewer"
    MODERATOR = "moderator"
    TELLER = "teller"
    VIEWER = "viewer"


class Right(StrEnum):
    """What may be done; every console page and every privileged command names one."""

    READ = "read"
    READ_MEMBERS = "read_members"
    WRITE_LESSONS = "write_lessons"
    SCHEDULE = "schedule"
    RECORD = "record"
    IMPORT_ROSTER = "import_roster"
    MANAGE_OUTBOX = "manage_outbox"
    MANAGE_ROOMS = "manage_rooms"
    ARRANGE = "arrange"
    OPERATE = "operate"
    GRANT_DUTIES = "grant_duties"
    REVIEW = "review"
    MODERATE = "moderate"
    COUNT_BALLOTS = "count_ballots"
    HELP_LEARNERS = "help_learners"
    HANDLE_DUES = "handle_dues"
    HANDLE_HELP = "handle_help"
    HAND_OUT_HELP = "hand_out_help"


_EVERYTHING = frozenset(Right)
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OPERATOR: frozenset({Right.READ, Right.MANAGE_OUTBOX, Right.MANAGE_ROOMS, Right.OPERATE}),
    Role.SECRETARY: _EVERYTHING,
    Role.ORGANISING_MEMBER: _EVERYTHING
    - {
        Right.OPERATE,
        Right.GRANT_DUTIES,
        Right.REVIEW,
        Right.MODERATE,
        Right.COUNT_BALLOTS,
        Right.HELP_LEARNERS,
        Right.HAND_OUT_HELP,
    },
    Role.PUBLICITY_MEMBER: frozenset({Right.READ, Right.WRITE_LESSONS, Right.SCHEDULE, Right.MANAGE_OUTBOX}),
    Role.DISCIPLINE_MEMBER: frozenset({Right.READ, Right.READ_MEMBERS, Right.MODERATE, Right.HANDLE_HELP}),
    Role.GROUP_LEADER: frozenset({Right.READ, Right.READ_MEMBERS, Right.SCHEDULE, Right.RECORD}),
    Role.REVIEWER: frozenset({Right.READ, Right.REVIEW}),
    Role.MODERATOR: frozenset({Right.READ, Right.MODERATE}),
    Role.TELLER: frozenset({Right.READ, Right.COUNT_BALLOTS}),
    Role.VIEWER: frozenset({Right.READ}),
}
"""What each role may do, at its node and below; docs/access.md says it in words, and a test compares the two."""

LEADING = frozenset(Role) - {Role.REVIEWER, Role.TELLER, Role.VIEWER}
"""The roles whose people lead a node: they sit in its staff rooms and moderate what is said in the others."""


class Organisation(Struct, frozen=True, kw_only=True):
    """One node of the tree; ``timezone`` is an IANA name, ``language`` is ``zh_CN`` or ``en``."""

    id: OrganisationId
    parent: OrganisationId | None
    kind: Kind
    name: str
    timezone: str = "Asia/Shanghai"
    language: str = "zh_CN"
    closed: datetime | None = None
    """Since when it is no longer in use; its history stays."""
    founded: date | None = None
    """Its first day, where somebody has said so: nothing is asked of the time before it."""


class Duty(Struct, frozen=True, kw_only=True):
    """A role that a person holds at a node of the tree."""

    user: UserId
    organisation: OrganisationId
    role: Role


class OrganisationFounded(Fact, frozen=True, kw_only=True):
    """A node was added to the tree, under its parent."""

    organisation: Organisation


class DutyGranted(Fact, frozen=True, kw_only=True):
    """A person was given a role at a node; ``by`` and ``at`` are not known of those who founded it."""

    duty: Duty
    by: UserId | None = None
    at: datetime | None = None


class DutyEnded(Fact, frozen=True, kw_only=True):
    """A person holds a role at a node no longer."""

    duty: Duty


def roots(duties: tuple[Duty, ...], right: Right) -> tuple[OrganisationId, ...]:
    """Return the nodes at which these duties carry the right; it holds for everything below them."""
    return tuple(sorted({duty.organisation for duty in duties if right in RIGHTS[duty.role]}))


def rights_of(duties: Iterable[Duty], user: UserId) -> frozenset[Right]:
    """Return what a person may do at a node, by the duties that anyone holds there or above it."""
    return frozenset[Right]().union(*(RIGHTS[duty.role] for duty in duties if duty.user == user))
