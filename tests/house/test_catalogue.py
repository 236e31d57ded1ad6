"""Every sentence exists in both languages with the same gaps, every one is used, and none that is used is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from bot.matrix.faults import Kind as FaultKind
from console.dues_sheets import SHEETS as DUES_SHEETS
from console.election_papers import SHEETS
from console.keys import ACTIONS
from console.meeting_papers import ATTENDANCES
from console.meeting_papers import COLUMNS as ROLL_COLUMNS
from console.pages.audit import CAUSES, THINGS
from console.pages.away import COLUMNS as AWAY_COLUMNS
from console.pages.guide import PARTS as GUIDE
from console.pages.help_cases import COLUMNS as LEDGER_COLUMNS
from console.pages.hours import FORMS
from console.pages.surveys import TEMPLATES
from console.pledge_sheets import COLUMNS as PLEDGE_COLUMNS
from console.selection_papers import COLUMNS as SELECTION_COLUMNS
from console.selection_papers import SHEETS as SELECTION_SHEETS
from content.activities import Kind as ActivityKind
from content.activities import State as ActivityState
from content.approvals import OF_DUTIES
from content.approvals import State as Proposal
from content.away import Reason as AwayReason
from content.away import Standing as AwayStanding
from content.ballot_approvals import ACTS as BALLOT_ACTS
from content.ballots import State as BallotState
from content.ballots import TellerRole, WriteIn
from content.bank import Difficulty
from content.bank import Kind as ItemKind
from content.burden import Cap
from content.cadence import LINE_OF, Every, Label
from content.checkins import TOOK_PART, Note
from content.checkins import State as Answer
from content.cleanings import SPANS
from content.cleanings import State as CleaningState
from content.complaint_contexts import Part
from content.complaints import Origin as ComplaintOrigin
from content.complaints import State as ComplaintState
from content.corrections import Mark
from content.corrections import State as Corrected
from content.credentials import Kind as FactorKind
from content.decision import words
from content.digests import Fate
from content.digests import Sort as Digests
from content.dues import Category as DuesCategory
from content.dues import Kind as DuesKind
from content.dues import Reminder
from content.dues import State as DuesState
from content.dues_ledger import Method
from content.dues_ledger import Sort as DuesSort
from content.edits import Sort as EditSort
from content.election_advice import OffTerm
from content.elections import Kind as ElectionKind
from content.elections import Outcome
from content.electronic_elections import Way as ElectronicWay
from content.electronic_votes import STEPS
from content.forms import Grade as MemberGrade
from content.franchise import Bar
from content.greetings import Way as GreetingWay
from content.guards import BY_NAME as KNOBS
from content.guards import Guard
from content.guards import Kind as Media
from content.guards import Level as GuardLevel
from content.guards import Sort as GuardList
from content.health import WORDS
from content.help_cases import Category as HelpCategory
from content.help_cases import Sort as HelpSort
from content.help_cases import Stage as HelpStage
from content.home import BallotMatter, Beginning, PaperMatter, SelectionMatter
from content.hours import Unit
from content.lecture_questions import State as QuestionState
from content.lessons import ASKING
from content.lessons import Kind as LessonKind
from content.locks import BY_HAND, OPENED
from content.locks import LENGTHS as LOCKED_FOR
from content.locks import Part as LockPart
from content.locks import State as LockState
from content.minutes import Part as MinutesPart
from content.model_members import Outcome as ObjectionOutcome
from content.model_members import Stage, Standing
from content.moderation_counts import COLUMNS as MODERATED
from content.notices import Circle, Form
from content.notices import State as MeetingState
from content.occurrences import State as Stand
from content.organisations import Kind as Level
from content.organisations import Right, Role
from content.paper_elections import OFFERED, Decider, Office
from content.paper_elections import State as ElectionState
from content.pledge_questions import Stand as PledgeStand
from content.pledges import Party as PledgeParty
from content.pledges import Sort as PledgeSort
from content.pledges import State as PledgeState
from content.policies import Entity
from content.policies import State as PolicyState
from content.polls import State as PollState
from content.posting import Who
from content.quiet import QuietDays
from content.record_lines import Sort as LineSort
from content.recurrences import OffDays, Recurrence
from content.reviews import Stage as ReviewStage
from content.roll_calls import Mark as RollMark
from content.roll_sheets import Trouble as SheetTrouble
from content.rooms import MENDABLE, Flaw, History, Purpose
from content.roster.layouts import LAYOUTS
from content.rule_packs import Purpose as Decides
from content.rule_packs import Rule
from content.safe_mode import Reason
from content.sanctions import HURTS, LASTING, LENGTHS, Appeal, Hindrance, PlaceState
from content.sanctions import Reason as Reprimand
from content.sanctions import State as Measure
from content.sanctions import Step as Rung
from content.series import Scope
from content.sessions import Way
from content.settings import NO, SETTINGS, YES
from content.sign_up_sheets import State as SignUpState
from content.speech import LANGUAGES, Reader
from content.strikes import MEASURE
from content.surveys import Standing as SurveyStanding
from content.surveys import State as SurveyState
from content.terms import YEARS
from content.unheard import Sort
from content.upgrades import Doubt
from content.upkeep import Ability
from content.views import Account, Away
from content.workday_lists import Festival
from content.workdays import Source
from content.year import Pair
from content.year import State as Stretch
from storage.disclosures import PERSONAL
from storage.erased_people import GOES_AS, STAYS_AS
from storage.facts import WRITERS
from storage.outbox import Kind as RowKind
from storage.outbox import State as RowState
from storage.verification import Wrong
from zhibu.catalogue import FOLDER, load_speech, read_sentences
from zhibu.doctor.findings import Grade, Noun
from zhibu.export import KINDS

ROOT = Path(__file__).parents[2]
ROOMS = ("bot", "console", "content", "storage", "zhibu")
KEY = re.compile(r"[a-z_]+\.[a-z0-9_]+")
PREFIX = re.compile(r"[a-z_]+\.[a-z0-9_]*")
IN_TEMPLATE = re.compile(r"""['"]([a-z_]+\.[a-z0-9_]*)['"](\s*~)?""")
SAID_IN_TEMPLATE = re.compile(r"""\bt\(\s*['"]([^'"]+)['"](?!\s*~)""")
SAYING = {"words", "refused", "t", "Trouble", "Unusable", "NotOpened", "_answer", "_quietly", "_say"}
"""Functions whose literal arguments of the form ``noun.thing`` are keys."""

REASONS = [f"{part}_{word}" for part, words in WORDS.items() for word in words if word not in frozenset(Reason)]

VERBS = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower() for kind in WRITERS]
VERBS += ["other", "record_begun", "record_forgotten"]

ANSWERS = [state for state in ComplaintState if state is not ComplaintState.OPEN]

TOLD = (*(step for step in Rung if step is not Rung.NOTE), *(f"{step}_until" for step in LASTING))

EXPORTED = (
    *("participation", "participation_weeks", "participation_times", "participation_members", "participation_rows"),
    *(f"roster_{layout}" for layout in LAYOUTS),
    *("dues_assessments", "dues_year", "dues_month", "dues_handovers"),
    *("roster_text", "burden", "hours", "poll", "quarter", "survey", "appraisal", "selection", "attendance", "other"),
    *("year", "record", "outbox", "duties", "calendar", "branches", "participation_occurrences", "bank", "glossary"),
    *("complaints", "moderation"),
    *("cases", "locks", "cleanings", "policies", "policy", "knocks", "minutes", "roll"),
    *("lessons", "checkins", "polls", "ballots", "elections", "appraisals", "surveys", "selections", "corrections"),
    *("away", "thought_reports", "pledges", "sign_ups", "sign_up", "activities", "activity", "notice"),
    *("workdays", "shifts", "looks", "rooms", "structure", "imports", "missed", "unheard", "series", "health"),
    *(f"shell_{kind}" for kind in KINDS),
)

FAMILIES: Mapping[str, Iterable[object]] = {
    # A key put together from a prefix and an ending: the endings that are sure to come. A prefix whose endings are
    # written out where they are used has none here, and counts as used for every ending that the code holds.
    "appraisals.": (),
    "away.column_": AWAY_COLUMNS,
    "away.reason_": AwayReason,
    "away.standing_": AwayStanding,
    "appraisals.grade_": MemberGrade,
    "audit.cause_": (*CAUSES, "other", "forgotten"),
    # A fact of which nobody has written what it does is said in general.
    "audit.did_": [verb for verb in VERBS if load_speech().knows(f"audit.did_{verb}")],
    "audit.thing_": (*(kind for kind in THINGS if kind not in ("table", "year")), "other"),
    "audit.wrong_": Wrong,
    "ballots.rule_of_": ("present", "quorum_need", "returned", "valid", "tally", "write_ins", "outcome"),
    "ballots.state_": BallotState,
    "ballot.asked_": BALLOT_ACTS,
    "ballots.waits_": BALLOT_ACTS,
    "ballots.write_in_": (*WriteIn, "help"),
    "bank.column_": (),
    "bank.difficulty_": Difficulty,
    "bank.kind_": ItemKind,
    "burden.again_": Cap,
    "burden.before_": Cap,
    "burden.column_": (),
    "burden.full_": Cap,
    "burden.over_": Cap,
    "burden.perhaps_": Cap,
    "burden.unlisted_": Cap,
    "cadence.basis_": LINE_OF,
    "cadence.by_": ("this", "other"),
    "cadence.each_": Every,
    "cadence.label_": Label,
    "cadence.suggest_": [f"{much}_{how}" for much in ("nothing", "few") for how in ("one", "some")],
    "cadence.talk_": Pair,
    "cadence.within_": Every,
    "calendar.column_": (),
    "calendar.view_": ("month", "week", "list"),
    "schedule.off_days_": OffDays,
    "schedule.when_": ("now", "at", *(one for one in Recurrence if one is not Recurrence.ONCE)),
    "series.scope_": Scope,
    "appeal.": (Appeal.UPHELD, Appeal.GRANTED),
    "locks.part_": LockPart,
    **{f"locks.{stem}_": BY_HAND for stem in ("head", "help")},
    **{f"locks.{stem}_": OPENED for stem in ("do", "is_so")},
    "settings.posting_": Who,
    "slow.place_": ("done", "stuck"),
    "help_case.": (
        *("in_private", "unnamed_in_private", "unnamed_how", "unnamed_members_only"),
        *("none_such", "none_of_mine", "withdraw_which"),
    ),
    "help_case.stage_": HelpStage,
    "help_case.say_": ("closed", "referred"),
    "help_case.owner_": ("more", "gone"),
    "help_cases.category_": HelpCategory,
    "help_cases.sort_": HelpSort,
    "help_cases.column_": LEDGER_COLUMNS,
    "cleanings.span_": SPANS,
    "policies.rules_": Entity,
    "policies.state_": PolicyState,
    "cleanings.state_": CleaningState,
    "greetings.way_": GreetingWay,
    "locks.length_": LOCKED_FOR,
    "locks.place_": PlaceState,
    "locks.state_": LockState,
    "cases.length_": LENGTHS,
    "complaint.": ("lost", "about_bot", "about_oneself"),
    "complaint.answer_": ANSWERS,
    "complaints.do_": ANSWERS,
    "moderation.column_": MODERATED,
    "guards.name_": Guard,
    "guards.help_": Guard,
    "guards.why_": frozenset(Guard) - {Guard.JOINS},
    "guards.level_": GuardLevel,
    "guards.kind_": (*Media, "none"),
    "guards.acts_": {"door", *(step for step, _, _ in MEASURE.values())},
    "guards.list_": (*GuardList, "empty", "full"),
    "guards.add_": GuardList,
    "guards.answer_": (NO, YES),
    "guards.entries_help_": GuardList,
    "guards.knob_": ("level", *(name.replace(".", "_") for name in KNOBS if "." in name)),
    "guards.unable_": ("hide", "mute", "door", "unknown"),
    "complaints.origin_": ComplaintOrigin,
    "complaints.part_": [part for part in Part if part is not Part.TEXT],
    "complaints.state_": ComplaintState,
    "sanction.appeal_": Appeal,
    "sanction.confirm_": HURTS | {Rung.WARNING},
    "sanction.hindrance_": Hindrance,
    "sanction.length_": ("minutes", "hours", "days"),
    "sanction.over_": (Rung.MUTE, Rung.BAN),
    "sanction.place_": PlaceState,
    "sanction.reason_": Reprimand,
    "sanction.state_": Measure,
    "sanction.step_": Rung,
    "sanction.told_": TOLD,
    "card.title_": LessonKind,
    "card.ask_": ASKING,
    "card.closed_": ASKING,
    "card.count_": ASKING,
    "card.count_excused_": ASKING,
    "doctor.bot_": ("waiting", "sign_in_needed"),
    "doctor.grade_": Grade,
    "doctor.noun_": Noun,
    "checkin.": TOOK_PART,
    "checkin.noted_": (Note.LATE, Note.ONLINE),
    "checkin.will_": Note,
    "checkins.": (),
    "checkins.note_": Note,
    "correction.back_": Mark,
    "correction.set_": Mark,
    "correction.told_": (Corrected.SETTLED, Corrected.UNCHANGED),
    "corrections.state_": Corrected,
    "config.not_": ("str", "int", "bool"),
    "count.outcome_": [outcome.lower() for outcome in Outcome],
    "credentials.kind_": FactorKind,
    "credentials.told_": FactorKind,
    "credentials.way_": Way,
    "database.": (),
    "digest.head_": Digests,
    "digest.waiting_": ("open", "missed", "corrections", "away", "contact"),
    "digests.bars_": Digests,
    "digests.last_": (Fate.POSTED, Fate.EMPTY, Fate.REPLACED),
    "digests.no_room_": Digests,
    "digests.sort_": Digests,
    "disclosure.field_": (),
    "disclosure.held_": [held.table.name for held in PERSONAL],
    "disclosure.office_": Office,
    "disclosure.teller_": TellerRole,
    "done.": (),
    "duties.act_": OF_DUTIES,
    "duties.asked_": OF_DUTIES,
    "erasure.goes_": GOES_AS,
    "erasure.stays_": STAYS_AS,
    "duties.right_": Right,
    "duties.role_": Role,
    "duties.state_": Proposal,
    "edits.sort_": EditSort,
    "error.text_": (400, 403, 404, 405, 413, 500, 503),
    "error.title_": (400, 403, 404, 405, 413, 500, 503),
    "elections.rule_": Rule,
    "exports.what_": EXPORTED,
    "fault.": FaultKind,
    "franchise.": Bar,
    "elections.": (),
    "elections.counting_": (0, 1, 2, 3),
    "elections.decider_": Decider,
    "elections.follow_": (ElectionKind.FORMAL, ElectionKind.RUNOFF, ElectionKind.BYELECTION),
    "elections.note_": (ElectionState.CERTIFIED, ElectionState.REPORTED),
    "elections.pack_": [pack.id.replace("-", "_") for pack in OFFERED],
    "elections.reference_": (ElectionState.CERTIFIED, ElectionState.REPORTED),
    "elections.sheet_": SHEETS,
    "elections.state_": ElectionState,
    "electronic.enough_": ElectronicWay,
    "electronic.limit_": ("law", "present", "sealed", "numbers", "eyes", "paper"),
    "electronic.steps_": ElectronicWay,
    "electronic.still_missing_": ElectronicWay,
    "electronic.there_": ElectronicWay,
    "electronic.was_": ElectronicWay,
    "electronic.vote_": ElectronicWay,
    "electronic.vote_cancelled_": STEPS,
    "electronic.way_": ElectronicWay,
    "frame.ago_": ("minutes", "hours", "days"),
    "frame.in_": ("minutes", "hours", "days"),
    "frame.theme_": ("system", "light", "dark"),
    "home.ballot_": (*BallotMatter, "ends"),
    "home.bot_": ("never", "silent"),
    "health.clock_set_": ("back", "forward"),
    "health.help_": REASONS,
    "health.why_": REASONS,
    "health.word_": {"ok", "held_up", "silent", "never", "stalled"},
    "home.clock_": ("never", "silent", "stalled"),
    "home.": (),
    "home.do_": (),
    "home.help_": (),
    "home.do_ballot_": BallotMatter,
    "home.do_paper_": PaperMatter,
    "home.do_selection_": SelectionMatter,
    "home.paper_": PaperMatter,
    "home.selection_": SelectionMatter,
    "home.step_": (*Beginning, "done", "open"),
    "home.step_do_": Beginning,
    "home.step_help_": Beginning,
    "imports.count_": (),
    "imports.stays_": ("code", "asked"),
    "dues.category_": DuesCategory,
    "dues.column_": {column for columns in DUES_SHEETS.values() for column in columns},
    "dues.kind_": DuesKind,
    "dues.method_": Method,
    "dues.month_": tuple(map(str, range(1, 13))),
    "dues.reminder_": Reminder,
    "dues.sort_": DuesSort,
    "dues.state_": DuesState,
    "hours.column_": (),
    "hours.form_": FORMS,
    "hours.unit_": Unit,
    "looks.what_": (
        "dues",
        "dues_file",
        "participation",
        "record",
        "member",
        "participation_file",
        "member_file",
        "record_file",
        "outbox_file",
        "case",
    ),
    "lectures.begins_help_": (1, 2),
    "lectures.place_help_": (1, 2),
    "lectures.state_": QuestionState,
    "lessons.kind_": LessonKind,
    "lessons.kind_help_": LessonKind,
    "meeting.due_": Circle,
    "meeting.nobody_": Circle,
    "meeting.title_": Form,
    "meetings.form_": Form,
    "minutes.attendance_": ATTENDANCES,
    "minutes.column_": ROLL_COLUMNS,
    "minutes.help_": MinutesPart,
    "minutes.part_": MinutesPart,
    "record_lines.empty_": LineSort,
    "record_lines.heading_": LineSort,
    "record_lines.kept_": LineSort,
    "record_lines.sort_": LineSort,
    "roll_calls.trouble_": SheetTrouble,
    "minutes.task_": ("what", "who", "until"),
    "minutes.vote_": ("matter", "way", "yes", "no", "abstained", "result"),
    "meetings.mark_": RollMark,
    "meetings.part_": ("chair", "recorder", "named", "guest"),
    "meetings.roll_help_": (MeetingState.PLANNED, MeetingState.HELD, MeetingState.CLOSED),
    "meetings.state_": MeetingState,
    "resolutions.": ("yes", "no", "abstained"),
    "lessons.level_": ("public", "internal"),
    "members.field_": (),
    "members.sheet_": LAYOUTS,
    "members.moment_": ("correction", "answered", "invited", "removed", "duty_given", "duty_ended"),
    "month.": range(1, 13),
    "nav.": (),
    "occurrence.missed_": ("too_late", "no_room", "no_workdays", "overtaken", "not_approved", "over_cap"),
    "occurrence.state_": Stand,
    "outbox_page.empty_": (),
    "outbox_page.kind_": RowKind,
    "outbox_page.state_": RowState,
    "outbox_page.tab_": (),
    "participation.": (),
    "paper.": (),
    "paper.far_too_": OffTerm,
    "paper.left_empty_": Decider,
    "paper.off_term_": OffTerm,
    "paper.term_": OffTerm,
    "reports.column_": (),
    "entries.help_": ("phone", "status", "position", "post", "destination", "out_of_touch"),
    "glossary.column_": (),
    "guide.part_": [name for name, _, _ in GUIDE],
    "guide.steps_": [name for name, _, _ in GUIDE],
    "keys.": [name for _, name in ACTIONS],
    "pledge.standing_": (*(one for one in PledgeState if one is not PledgeState.OPEN), "open", "silent"),
    "pledges.party_": PledgeParty,
    "pledges.sort_": PledgeSort,
    "pledges.state_": PledgeState,
    "pledges.stand_": PledgeStand,
    "pledges.column_": PLEDGE_COLUMNS,
    "activity.category_": (*ActivityKind, "own"),
    "activities.number_": (1, 2),
    "activities.state_": ActivityState,
    "sign_ups.state_": SignUpState,
    "polls.shown_": ("always", "later"),
    "polls.state_": PollState,
    "polls.until_": ("time", "hand"),
    "rooms.ability_": Ability,
    "rooms.flaw_": Flaw,
    "rooms.for_": Purpose,
    "rooms.history_": History,
    "rooms.mend_": MENDABLE,
    "rooms.name_": Purpose,
    "rooms.purpose_": Purpose,
    "rooms.topic_": Purpose,
    "rooms.upgrade_": (*Doubt, "seen", "followed"),
    "rooms.why_": Flaw,
    "records.mark_": Mark,
    "roster.": (),
    "safe_mode.do_": Reason,
    "safe_mode.why_": Reason,
    "settings.quiet_days_": QuietDays,
    "settings.second_pair_": (NO, YES),
    "reviews.stage_": [stage for stage in ReviewStage if stage is not ReviewStage.APPROVED],
    "schedule.late_": ("kind", "day"),
    "settings.language_": [one.lower() for one in LANGUAGES],
    "settings.answer_": ("yes", "no"),
    "settings.name_": [one.name for one in SETTINGS],
    "selection.outcome_": ObjectionOutcome,
    "selection.stage_": Stage,
    "selection.standing_": Standing,
    "selections.column_": SELECTION_COLUMNS,
    "selections.next_": Stage,
    "selections.post_": (Stage.CONSIDERED, Stage.PUBLIC),
    "selections.sheet_": SELECTION_SHEETS,
    "state.": Answer,
    "structure.kind_": Level,
    "surveys.standing_": SurveyStanding,
    "surveys.state_": SurveyState,
    "surveys.template_": TEMPLATES,
    "surveys.title_": TEMPLATES,
    "terms.committee_": YEARS,
    "terms.reminder_": ("ends", "ends_soon", "ended"),
    "unheard.sort_": Sort,
    "unheard.why_": Sort,
    "views.account_": Account,
    "views.away_": Away,
    "weekday.": range(7),
    "workdays.festival_": Festival,
    "workdays.kind_": ("rest", "work"),
    "workdays.source_": Source,
    "year.quarter_": range(1, 5),
    "year.share_": ("of", "below"),
    "year.state_": Stretch,
    "voting.kind_": Decides,
    "voting.mark_": ("yes", "no", "none"),
}


@dataclass(slots=True)
class Found:
    """What the code says of keys: literals of any kind, prefixes of keys put together, keys that are surely said."""

    literals: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)


def read_python(source: str, found: Found) -> None:
    """Collect from a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.literals.add(node.value)
        elif isinstance(node, ast.JoinedStr) and len(node.values) > 1 and isinstance(node.values[0], ast.Constant):
            if PREFIX.fullmatch(str(node.values[0].value)):
                found.prefixes.add(str(node.values[0].value))
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in [*node.args, *[keyword.value for keyword in node.keywords if keyword.arg == "key"]]:
                is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                if name in SAYING and is_text and KEY.fullmatch(argument.value):  # type: ignore[attr-defined]
                    found.said.add(argument.value)  # type: ignore[attr-defined]


def read_template(text: str, found: Found) -> None:
    """Collect from a template."""
    for key, joined in IN_TEMPLATE.findall(text):
        (found.prefixes if joined else found.literals).add(key)
    found.said |= {key for key in SAID_IN_TEMPLATE.findall(text) if KEY.fullmatch(key)}
    found.literals |= set(re.findall(r"'([a-z0-9_]+)'", text))


@cache
def whole_code() -> Found:
    """Collect from every room, once."""
    found = Found()
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            read_python(file.read_text(), found)
        for file in (ROOT / room).rglob("*.html"):
            read_template(file.read_text(), found)
    found.prefixes -= {"zhibu."}  # transaction ids
    found.prefixes |= {prefix for held in PERSONAL for prefix in held.prefix.values()}
    return found


def expanded() -> set[str]:
    """Return every key that families surely come to."""
    return {f"{prefix}{ending}" for prefix, endings in FAMILIES.items() for ending in endings}


def unused(keys: Iterable[str], found: Found) -> list[str]:
    """Return the keys that nobody says."""
    sure = expanded() | found.literals

    def is_used(key: str) -> bool:
        endings = [key.removeprefix(prefix) for prefix in found.prefixes if key.startswith(prefix)]
        return key in sure or any(ending in found.literals for ending in endings)

    return sorted(key for key in keys if not is_used(key))


def missing(keys: frozenset[str], found: Found) -> list[str]:
    """Return the keys that are said and do not exist."""
    return sorted((found.said | expanded()) - keys)


def gaps(pattern: str) -> set[str]:
    """Return the names of a sentence's gaps."""
    return {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}


def gap_troubles(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> list[str]:
    """Return the keys whose gaps differ between two languages; the number may go without saying in a plural form."""
    troubles = []
    for key in one.keys() & other.keys():
        sides = [{name for form in forms for name in gaps(form)} for forms in (one[key], other[key])]
        odd = any(not name.isidentifier() for side in sides for name in side)
        if odd or sides[0] ^ sides[1]:
            troubles.append(key)
    return sorted(troubles)


def sentences(language: str) -> dict[str, list[str]]:
    """Return the forms of every sentence as they stand in the files."""
    found: dict[str, list[str]] = {}
    for file in sorted(FOLDER.glob(f"*.{language}.po")):
        with file.open("rb") as handle:
            for message in read_po(handle, locale=language):
                if message.id:
                    key = message.id if isinstance(message.id, str) else message.id[0]
                    found[key] = [message.string] if isinstance(message.string, str) else list(message.string)
    return found


def test_sentences_are_read_as_babel_reads_them() -> None:
    for language in LANGUAGES:
        ours = read_sentences(FOLDER, language)
        assert {key: [one.one, *([one.many] if one.many else [])] for key, one in ours.items()} == sentences(language)


@pytest.mark.parametrize(
    "broken",
    [
        'msgid "a.b"\nmsgstr ""\n',
        'msgid "a.b"\nmsgstr "one\n',
        'msgid "a.b"\nmsgstr "one"\n\nmsgid "a.b"\nmsgstr "two"\n',
        'msgctxt "menu"\nmsgid "a.b"\nmsgstr "one"\n',
        "what is this\n",
    ],
)
def test_a_catalogue_that_is_not_written_as_ours_are_is_refused(tmp_path: Path, broken: str) -> None:
    (tmp_path / "noun.en.po").write_text(broken)
    with pytest.raises(ValueError, match=r"noun\.en\.po"):
        load_speech(tmp_path).keys("en")


def test_a_language_is_read_when_it_is_first_spoken(tmp_path: Path) -> None:
    (tmp_path / "noun.en.po").write_text("what is this\n")
    (tmp_path / "noun.zh_CN.po").write_text('msgid "a.b"\nmsgstr "甲"\n', encoding="utf-8")
    speech = load_speech(tmp_path)
    assert speech.say(words("a.b"), Reader()) == "甲"


def test_both_languages_say_the_same_things() -> None:
    speech = load_speech()
    assert speech.keys("zh_CN") ^ speech.keys("en") == set()


def test_every_key_is_a_noun_and_a_thing() -> None:
    assert [key for key in load_speech().keys("zh_CN") if not KEY.fullmatch(key)] == []


def test_every_sentence_that_is_said_exists() -> None:
    assert missing(load_speech().keys("zh_CN"), whole_code()) == []


def test_every_sentence_that_exists_is_said() -> None:
    assert unused(load_speech().keys("zh_CN"), whole_code()) == []


def test_every_family_of_keys_is_known_here() -> None:
    assert whole_code().prefixes ^ set(FAMILIES) == set()


def test_the_gaps_of_a_sentence_are_the_same_in_both_languages() -> None:
    assert gap_troubles(sentences("zh_CN"), sentences("en")) == []


def test_bad_catalogues_would_be_seen() -> None:
    found = Found()
    read_python("words('noun.said', x=1)\nwords(f'card.title_{kind}')\nrefused('noun.gone')", found)
    read_template("{{ t('page.title') }} {{ t('page.kind_' ~ kind) }}", found)
    keys = frozenset({"noun.said", "noun.silent", "page.title", *expanded()})
    assert missing(keys, found) == ["noun.gone"]
    assert unused(keys, found) == ["noun.silent"]
    assert found.prefixes == {"card.title_", "page.kind_"}
    assert gap_troubles({"a": ["{x} {y}"], "b": ["{n}"]}, {"a": ["{x}"], "b": ["one", "{n}"]}) == ["a"]
    assert gap_troubles({"a": ["{0}"]}, {"a": ["{0}"]}) == ["a"]
