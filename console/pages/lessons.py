"""Lessons: the list, the editor with its preview as the room will see it, media, and files of lessons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from console import served_media
from console.access import here, requires, takes_files
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, cause, desk, now, settle
from console.leaving_tables import leaves
from console.media import take_in
from console.trusted import card_html
from console.wording import say, say_in
from content import cards, markup
from content.checkins import State
from content.decision import Decision, Preview, Refusal, Words, refused
from content.frontmatter import Problem, parse
from content.identifiers import LessonId, OrganisationId, derive
from content.lectures import Lecture, Session, refuse_lecture, roll_closes
from content.lessons import LONGEST_MINUTES, Kind, Lesson, revise_lesson, write_lesson
from content.media import Kind as MediumKind
from content.media import Medium, MediumKept, allowance, caption, most_bytes, refuse_larger, shown_name
from content.occurrences import State as OccurrenceState
from content.organisations import Right
from content.schedules import FIRST_DAY, LATEST_AHEAD, instant
from storage import amendments, lessons, media, members, organisations, schedules
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("lessons", __name__)

MOST_MEDIA = 10
PREVIEW_WINDOW = timedelta(days=1)
MANY_MINUTES = 1_000_000


class Shown(Struct, frozen=True, kw_only=True):
    """A medium of the editor: kept already, or waiting on the shelf under a ``key``; ``said`` is its caption."""

    medium: Medium
    key: str = ""
    said: str = ""

    @property
    def place(self) -> str:
        """Return the name that the form has for it."""
        return self.key or self.medium.hash

    @property
    def is_picture(self) -> bool:
        """Tell whether it can be shown rather than named."""
        return self.medium.kind is MediumKind.PICTURE


PUBLIC, INTERNAL = "public", "internal"
"""Of which level a text is said to be: only what is public may be kept, for all that is kept here is on a network."""


class LectureFields(Struct, frozen=True, kw_only=True):
    """What stands in the fields that only a lecture has: a place and a local time for each session."""

    speaker: str = ""
    party: bool = False
    begins: tuple[str, str] = ("", "")
    places: tuple[str, str] = ("", "")


class Draft(Struct, frozen=True, kw_only=True):
    """What stands in the editor's fields, whether or not it can be kept."""

    id: LessonId | None
    owner: str
    kind: str = "lesson"
    title: str = ""
    body: str = ""
    source: str = ""
    dated: str = ""
    minutes: str = "8"
    level: str = PUBLIC
    lecture: LectureFields = LectureFields()
    media: tuple[Shown, ...] = ()
    revision: int = 1


@pages.get("/lessons")
@requires(Right.READ)
@leaves("lessons")
def show() -> str:
    """Show all lessons."""
    roots = here().roots
    found = ask(lambda unit: lessons.library(unit, roots))
    wanted = request.args.get("q", "").strip()[:80]
    listed = [lesson for lesson in found if wanted.casefold() in lesson.title.casefold()]
    return render_template("lessons/show.html", lessons=listed, wanted=wanted, any=bool(found))


@pages.get("/lessons/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show one lesson as its room sees it."""
    lesson = visible_lesson(LessonId(id))
    scheduling = here().roots_for(Right.SCHEDULE)
    return render_template(
        "lessons/show_one.html",
        lesson=lesson,
        preview=_preview(lesson),
        media=_kept(lesson.media),
        owner=here().node(lesson.owner),
        behind=len(ask(lambda unit: amendments.outdated(unit, lesson.id, lesson.revision, scheduling))),
    )


@pages.post("/lessons/<id>/send-to-me")
@requires(Right.WRITE_LESSONS)
def send_to_me(id: str) -> Answer:  # noqa: A002
    """Send a lesson to oneself in private, as it will look in its rooms."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        one = await _within(unit, LessonId(id), roots)
        if one is None:
            return None
        return Decision(effects=(Preview(user=user, lesson=one.id, parts=cards.parts(one)),))

    return onward(settle(decide, actor=user), to=link("lessons.show_one", id=id), done="sent_to_me")


@pages.get("/lessons/<id>/media/<hash>")
@requires(Right.READ)
def medium(id: str, hash: str) -> Response:  # noqa: A002
    """Return a medium of a lesson, piece by piece."""
    lesson = visible_lesson(LessonId(id))
    own = _own_media(lesson).get(hash)
    if own is None:
        abort(404)
    return served_media.kept(hash, own.name)


@pages.get("/lessons/shelved/<key>")
@requires(Right.WRITE_LESSONS)
def shelved(key: str) -> Response:
    """Return a medium that was uploaded but is not kept yet."""
    return served_media.shelved(key)


@pages.route("/lessons/new", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
@takes_files
def write() -> Answer:
    """Write a lesson."""
    owners = here().within(Right.WRITE_LESSONS)
    if request.method == "GET":
        return _editor(Draft(id=None, owner=owners[0].id))
    draft, troubles = _draft(None)
    if troubles or request.form.get("intent") == "look":
        return _editor(draft, troubles or _troubles(draft))
    if draft.owner not in {node.id for node in owners}:
        abort(404)
    lesson, unreadable = _lesson(draft, LessonId(derive(cause(), "lesson")))
    if unreadable:
        return _editor(draft, unreadable)
    kept, user = _shelved_media(draft), here().user

    async def decide(unit: Reading) -> Decided:
        return await _too_large(unit, lesson) or write_lesson(lesson, author=user, media=kept)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _editor(draft, [outcome.refusal])
    return see(link("lessons.show_one", id=lesson.id), "repeated" if outcome.repeated else "lesson_written")


@pages.route("/lessons/<id>/edit", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
@takes_files
def edit(id: str) -> Answer:  # noqa: A002
    """Change a lesson; what was sent before keeps its text."""
    before = visible_lesson(LessonId(id))
    if request.method == "GET":
        return _editor(_as_draft(before))
    draft, troubles = _draft(before)
    if troubles or request.form.get("intent") == "look":
        return _editor(draft, troubles or _troubles(draft))
    lesson, unreadable = _lesson(draft, before.id)
    if unreadable:
        return _editor(draft, unreadable)
    kept, at = _shelved_media(draft), here()

    async def decide(unit: Reading) -> Decided:
        present = await _within(unit, before.id, at.roots)
        if present is None:
            return None
        announced = await schedules.planned_for(unit, lesson.id) if lesson.lecture is not None else ()
        return await _too_large(unit, lesson) or revise_lesson(
            lesson, before=present, author=at.user, media=kept, announced=announced
        )

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None and outcome.refusal.words.key == "lesson.changed_meanwhile":
        # With both texts in sight the next save is a choice, so it stands on the newer revision.
        theirs = visible_lesson(before.id)
        return _editor(replace(draft, revision=theirs.revision), [outcome.refusal], theirs=theirs)
    if outcome.refusal is not None:
        return _editor(draft, [outcome.refusal])
    return see(link("lessons.show_one", id=id), "repeated" if outcome.repeated else "lesson_revised")


@pages.post("/lessons/preview")
@requires(Right.WRITE_LESSONS)
def preview() -> Answer:
    """Return only the preview of what stands in the editor, for a page that shows it while one writes."""
    wanted = request.args.get("lesson", "")
    before = visible_lesson(LessonId(wanted)) if wanted else None
    draft, _ = _draft(before, keep_uploads=False)
    return render_template("lessons/preview.html", **_preview_of(draft))


@pages.route("/lessons/import", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
@takes_files
def take_file() -> Answer:
    """Read a lesson file and open the editor with it; nothing is kept before it is saved there."""
    if request.method == "GET":
        return render_template("lessons/import.html", problems=(), refusals=[])
    file = request.files.get("file")
    if file is None or not file.filename:
        return _import_again(refusals=[refused("lesson_file.none", field="file")])
    name = shown_name(file.filename)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return _import_again(refusals=[refused("lesson_file.not_text", field="file", name=name)])
    found = parse(text, name)
    if isinstance(found, tuple):
        return _import_again(problems=found)
    shown, troubles = _take_media()
    return _editor(
        Draft(
            id=None,
            owner=here().within(Right.WRITE_LESSONS)[0].id,
            title=found.title,
            body=found.body,
            source=found.source,
            dated=found.dated.isoformat(),
            minutes=str(found.minutes),
            media=_described(shown, found.body),
        ),
        troubles,
        status=200,
        imported=name,
        missing=sorted(set(found.media) - {one.medium.name for one in shown}),
    )


def _import_again(*, problems: tuple[Problem, ...] = (), refusals: list[Refusal] | None = None) -> Answer:
    return render_template("lessons/import.html", problems=problems, refusals=refusals or []), 422


def visible_lesson(id: LessonId) -> Lesson:  # noqa: A002
    roots = here().roots
    lesson = ask(lambda unit: _within(unit, id, roots))
    if lesson is None:
        abort(404)
    return lesson


async def _too_large(unit: Reading, lesson: Lesson) -> Refusal | None:
    """Refuse a lesson with media that the homeserver would not take."""
    limit = await media.upload_limit(unit)
    return refuse_larger(await media.weighed(unit, lesson.media), limit=limit)


async def _within(unit: Reading, id: LessonId, roots: tuple[OrganisationId, ...]) -> Lesson | None:  # noqa: A002
    lesson = await lessons.lesson(unit, id)
    if lesson is None or lesson.owner not in {node.id for node in await organisations.tree(unit, roots)}:
        return None
    return lesson


# --- the editor -------------------------------------------------------------------------------------------------------


def _as_draft(lesson: Lesson) -> Draft:
    return Draft(
        id=lesson.id,
        owner=lesson.owner,
        kind=lesson.kind,
        title=lesson.title,
        body=lesson.body,
        source=lesson.source,
        dated=lesson.dated.isoformat() if lesson.dated else "",
        minutes=str(lesson.minutes),
        lecture=_lecture_fields(lesson),
        media=_kept(lesson.media),
        revision=lesson.revision,
    )


def _zone(owner: str) -> ZoneInfo:
    """Return the zone in which the times of a lesson are meant: that of who owns it."""
    node = here().node(OrganisationId(owner))
    return ZoneInfo(node.timezone if node else "UTC")


def _lecture_fields(lesson: Lesson) -> LectureFields:
    if lesson.lecture is None:
        return LectureFields()
    zone, sessions = _zone(lesson.owner), lesson.lecture.sessions
    begins = [f"{one.begins.astimezone(zone):%Y-%m-%dT%H:%M}" for one in sessions]
    places = [one.place for one in sessions]
    return LectureFields(
        speaker=lesson.lecture.speaker,
        party=lesson.lecture.party,
        begins=(begins[0], begins[1] if len(begins) > 1 else ""),
        places=(places[0], places[1] if len(places) > 1 else ""),
    )


def _lecture(draft: Draft, troubles: list[Refusal]) -> Lecture:
    """Turn the fields of a lecture into one; the second session takes the place of the first where it names none."""
    said, sessions = draft.lecture, []
    for number, (begins, place) in enumerate(zip(said.begins, said.places, strict=True), start=1):
        if not begins:
            continue
        try:
            local = datetime.fromisoformat(begins).replace(tzinfo=None)
        except ValueError:
            troubles.append(refused("lecture.bad_time", field=f"begins-{number}"))
            continue
        if not FIRST_DAY <= local.date() <= (now() + LATEST_AHEAD).date():
            troubles.append(refused("lecture.bad_time", field=f"begins-{number}"))
            continue
        at = instant(local.date(), local.time(), str(_zone(draft.owner)))
        sessions.append(Session(begins=at, place=place or said.places[0]))
    return Lecture(speaker=said.speaker, party=said.party, sessions=tuple(sessions))


def _draft(before: Lesson | None, *, keep_uploads: bool = True) -> tuple[Draft, list[Refusal]]:
    """Read the editor's fields; media that came along go to the shelf, so that a second try need not send them."""
    form = request.form
    fresh, troubles = _take_media() if keep_uploads else ((), [])
    written = form.get("revision", "1")
    revision = int(written) if re.fullmatch(r"[0-9]{1,9}", written) else 0
    body = form.get("body", "").replace("\r\n", "\n")
    draft = Draft(
        id=before.id if before else None,
        owner=before.owner if before else form.get("owner", ""),
        kind=form.get("kind", "lesson"),
        title=form.get("title", "").strip(),
        body=body,
        source=form.get("source", "").strip(),
        dated=form.get("dated", "").strip(),
        minutes=form.get("minutes", "").strip(),
        level=form.get("level", PUBLIC),
        lecture=LectureFields(
            speaker=" ".join(form.get("speaker", "").split()),
            party="party" in form,
            begins=(form.get("begins-1", "").strip()[:20], form.get("begins-2", "").strip()[:20]),
            places=(" ".join(form.get("place-1", "").split()), " ".join(form.get("place-2", "").split())),
        ),
        media=_described((*_listed_media(_own_media(before)), *fresh), body),
        revision=revision,
    )
    if len(draft.media) > MOST_MEDIA:
        troubles.append(refused("medium.too_many", field="media", most=MOST_MEDIA))
    return draft, troubles


def _take_media() -> tuple[tuple[Shown, ...], list[Refusal]]:
    shown, troubles = [], []
    limit = ask(media.upload_limit)
    for file in request.files.getlist("media")[: MOST_MEDIA + 1]:
        if not file.filename:
            continue
        taken = take_in(file.read(), file.filename, limit=limit)
        if isinstance(taken, Refusal):
            troubles.append(taken)
            continue
        key = desk().shelf.put(here().session.family, taken, now=now())
        shown.append(Shown(medium=taken.described(""), key=key))
    return tuple(shown), troubles


def _kept(found: Iterable[Medium]) -> tuple[Shown, ...]:
    return tuple(Shown(medium=medium, said=say(caption(medium))) for medium in found)


def _own_media(before: Lesson | None) -> dict[str, Medium]:
    """Return the media of all revisions of a lesson: the form may have been opened when there was another one."""
    if before is None:
        return {}
    return {medium.hash: medium for medium in ask(lambda unit: lessons.media_of(unit, before.id))}


def _described(shown: tuple[Shown, ...], body: str) -> tuple[Shown, ...]:
    """Give each medium without a description the one that the text has for it, and each its caption."""
    said: dict[str, str] = {}
    if _objection(body) is None:
        said = {image.address: image.alternative for image in markup.images(body)}
    told = []
    for one in shown:
        alternative = one.medium.alternative or said.get(one.medium.name, "")
        medium = replace(one.medium, alternative=alternative)
        told.append(replace(one, medium=medium, said=say(caption(medium))))
    return tuple(told)


def _listed_media(own: Mapping[str, Medium]) -> tuple[Shown, ...]:
    """Return the media that the form still names: of this lesson, or of this person's shelf, and no others."""
    removed = set(request.form.getlist("remove"))
    listed = []
    for place in request.form.getlist("medium")[:MOST_MEDIA]:
        if place in removed:
            continue
        alternative = request.form.get(f"alternative-{place}", "").strip()[:200]
        if place in own:
            listed.append(Shown(medium=replace(own[place], alternative=alternative)))
            continue
        waiting = desk().shelf.get(here().session.family, place)
        if isinstance(waiting, MediumKept):
            listed.append(Shown(medium=waiting.described(alternative), key=place))
    return tuple(listed)


def _shelved_media(draft: Draft) -> tuple[MediumKept, ...]:
    found = [desk().shelf.get(here().session.family, shown.key) for shown in draft.media if shown.key]
    return tuple(medium for medium in found if isinstance(medium, MediumKept))


def _lesson(draft: Draft, id: LessonId) -> tuple[Lesson, list[Refusal]]:  # noqa: A002
    """Turn the fields into a lesson, or say which of them cannot be read."""
    troubles = []
    if draft.kind not in list(Kind):
        troubles.append(refused("lesson.kind_unknown", field="kind"))
    if draft.level != PUBLIC:
        troubles.append(refused("lesson.not_public", field="level"))
    dated: date | None = None
    if draft.dated:
        try:
            dated = date.fromisoformat(draft.dated)
        except ValueError:
            troubles.append(refused("lesson.bad_date", field="dated"))
    if len(draft.source) > 200:
        troubles.append(refused("lesson.long_source", field="source", most=200))
    objection = _objection(draft.body)
    if objection is not None:
        troubles.append(Refusal(words=objection, field="body"))
    lecture = _lecture(draft, troubles) if draft.kind == Kind.LECTURE else None
    lesson = Lesson(
        id=id,
        owner=OrganisationId(draft.owner),
        kind=Kind(draft.kind) if draft.kind in list(Kind) else Kind.LESSON,
        title=draft.title,
        body=draft.body,
        source=draft.source,
        dated=dated,
        minutes=int(draft.minutes) if re.fullmatch(r"[0-9]{1,6}", draft.minutes) else MANY_MINUTES,
        media=tuple(shown.medium for shown in draft.media),
        lecture=lecture,
        revision=draft.revision,
    )
    return lesson, troubles


def _troubles(draft: Draft) -> list[Refusal]:
    """Say of a draft that is only looked at what saving it would say."""
    lesson, unreadable = _lesson(draft, draft.id or LessonId("preview"))
    answer = write_lesson(lesson, author=here().user)
    return unreadable or ([answer] if isinstance(answer, Refusal) else [])


def _objection(body: str) -> Words | None:
    if "\x00" in body:
        return refused("lesson.nul").words
    return markup.objection(body)


def _editor(
    draft: Draft,
    refusals: list[Refusal] | None = None,
    *,
    status: int | None = None,
    imported: str = "",
    missing: list[str] | None = None,
    theirs: Lesson | None = None,
) -> Answer:
    limit = ask(media.upload_limit)
    page = render_template(
        "lessons/edit.html",
        draft=draft,
        owners=here().within(Right.WRITE_LESSONS),
        kinds=list(Kind),
        levels=(PUBLIC, INTERNAL),
        refusals=refusals or [],
        by_field=first_by_field(refusals or []),
        imported=imported,
        missing=missing or [],
        theirs=theirs,
        most=allowance(most_bytes(limit)),
        limit_known=limit is not None,
        **_preview_of(draft),
    )
    return page, status or (422 if refusals else 200)


def _preview_of(draft: Draft) -> dict[str, object]:
    lesson, troubles = _lesson(draft, draft.id or LessonId("preview"))
    if not 1 <= lesson.minutes <= LONGEST_MINUTES:
        troubles.append(refused("lesson.minutes_out_of_range", field="minutes", most=LONGEST_MINUTES))
    lacking = refuse_lecture(lesson.lecture, lesson.minutes) if lesson.lecture is not None else None
    troubles += [lacking] if lacking is not None else []
    return {
        "preview": () if troubles else _preview(lesson),
        "troubles": troubles,
        "media": draft.media,
        "lesson": lesson,
    }


def _preview(lesson: Lesson) -> tuple[Markup, ...]:
    """Compose the card as if it opened now, for all members of the lesson's owner and in its language."""
    owner = here().node(lesson.owner)
    number, _ = ask(lambda unit: members.count(unit, [lesson.owner]))
    numbers = Counter({State.OPEN: number if owner else 0})
    told = lesson.lecture
    closes_at = roll_closes(told, lesson.minutes) if told is not None else now() + PREVIEW_WINDOW
    standing = cards.Standing(
        due_at=now(), shown_at=now(), closes_at=closes_at, state=OccurrenceState.OPEN, numbers=numbers
    )
    composed = cards.compose(lesson, standing, partial(say_in, owner) if owner else say)
    return tuple(card_html(message) for message in composed if message.medium is None)
