"""Lessons: the list, the editor with its preview as the room will see it, pictures, and files of lessons."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from flask import Blueprint, Response, abort, render_template, request
from markupsafe import Markup

from console import pictures
from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, see
from console.desk import ask, cause, desk, now, settle
from console.trusted import card_html
from console.wording import say, say_in
from content import cards, markup
from content.checkins import State
from content.decision import Refusal, Words, refused
from content.frontmatter import Problem, parse
from content.identifiers import LessonId, OrganisationId, derive
from content.lessons import LONGEST_MINUTES, Kind, Lesson, Picture, PictureKept, revise_lesson, write_lesson
from content.occurrences import State as OccurrenceState
from content.organisations import Right
from storage import lessons, members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("lessons", __name__)

MOST_PICTURES = 10
PREVIEW_WINDOW = timedelta(days=1)
MANY_MINUTES = 1_000_000
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture of the editor: kept already (``hash``), or waiting on the shelf (``key``)."""

    hash: str
    key: str
    name: str
    alternative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands in the editor's fields, whether or not it can be kept."""

    id: LessonId | None
    owner: str
    kind: str = "lesson"
    title: str = ""
    body: str = ""
    source: str = ""
    dated: str = ""
    minutes: str = "8"
    pictures: tuple[Shown, ...] = ()
    revision: int = 1


@pages.get("/lessons")
@requires(Right.READ)
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
    lesson = _visible(LessonId(id))
    shown = tuple(Shown(hash=p.hash, key="", name=p.name, alternative=p.alternative) for p in lesson.pictures)
    return render_template(
        "lessons/show_one.html",
        lesson=lesson,
        preview=_preview(lesson),
        pictures=shown,
        owner=here().node(lesson.owner),
    )


@pages.get("/lessons/<id>/pictures/<hash>")
@requires(Right.READ)
def picture(id: str, hash: str) -> Response:  # noqa: A002
    """Return a picture of a lesson."""
    lesson = _visible(LessonId(id))
    if not any(picture.hash == hash for picture in lesson.pictures):
        abort(404)
    stored = ask(lambda unit: lessons.picture(unit, hash))
    if stored is None:
        abort(404)
    return _image(stored.data, stored.mimetype)


@pages.get("/lessons/shelved/<key>")
@requires(Right.WRITE_LESSONS)
def shelved(key: str) -> Response:
    """Return a picture that was uploaded but is not kept yet."""
    found = desk().shelf.get(here().session.id_hash, key)
    if not isinstance(found, PictureKept):
        abort(404)
    return _image(found.data, found.mimetype)


def _image(data: bytes, mimetype: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "attachment"
    return response


@pages.route("/lessons/new", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
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
    kept, user = _shelved_pictures(draft), here().user

    async def decide(unit: Reading) -> Decided:
        return write_lesson(lesson, author=user, pictures=kept)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _editor(draft, [outcome.refusal])
    return see(link("lessons.show_one", id=lesson.id), "repeated" if outcome.repeated else "lesson_written")


@pages.route("/lessons/<id>/edit", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
def edit(id: str) -> Answer:  # noqa: A002
    """Change a lesson; what was sent before keeps its text."""
    before = _visible(LessonId(id))
    if request.method == "GET":
        return _editor(_as_draft(before))
    draft, troubles = _draft(before)
    if troubles or request.form.get("intent") == "look":
        return _editor(draft, troubles or _troubles(draft))
    lesson, unreadable = _lesson(draft, before.id)
    if unreadable:
        return _editor(draft, unreadable)
    kept, at = _shelved_pictures(draft), here()

    async def decide(unit: Reading) -> Decided:
        present = await _within(unit, before.id, at.roots)
        return None if present is None else revise_lesson(lesson, before=present, author=at.user, pictures=kept)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _editor(draft, [outcome.refusal])
    return see(link("lessons.show_one", id=id), "repeated" if outcome.repeated else "lesson_revised")


@pages.post("/lessons/preview")
@requires(Right.WRITE_LESSONS)
def preview() -> Answer:
    """Return only the preview of what stands in the editor, for a page that shows it while one writes."""
    draft, _ = _draft(None, keep_uploads=False)
    return render_template("lessons/preview.html", **_preview_of(draft))


@pages.route("/lessons/import", methods=["GET", "POST"])
@requires(Right.WRITE_LESSONS)
def take_file() -> Answer:
    """Read a lesson file and open the editor with it; nothing is kept before it is saved there."""
    if request.method == "GET":
        return render_template("lessons/import.html", problems=(), refusals=[])
    file = request.files.get("file")
    if file is None or not file.filename:
        return _import_again(refusals=[refused("lesson_file.none", field="file")])
    name = pictures.shown_name(file.filename)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return _import_again(refusals=[refused("lesson_file.not_text", field="file", name=name)])
    found = parse(text, name)
    if isinstance(found, tuple):
        return _import_again(problems=found)
    shown, troubles = _take_pictures()
    return _editor(
        Draft(
            id=None,
            owner=here().within(Right.WRITE_LESSONS)[0].id,
            title=found.title,
            body=found.body,
            source=found.source,
            dated=found.dated.isoformat(),
            minutes=str(found.minutes),
            pictures=_described(shown, found.body),
        ),
        troubles,
        status=200,
        imported=name,
        missing=sorted(set(found.media) - {picture.name for picture in shown}),
    )


def _import_again(*, problems: tuple[Problem, ...] = (), refusals: list[Refusal] | None = None) -> Answer:
    return render_template("lessons/import.html", problems=problems, refusals=refusals or []), 422


def _visible(id: LessonId) -> Lesson:  # noqa: A002
    roots = here().roots
    lesson = ask(lambda unit: _within(unit, id, roots))
    if lesson is None:
        abort(404)
    return lesson


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
        pictures=tuple(Shown(hash=p.hash, key="", name=p.name, alternative=p.alternative) for p in lesson.pictures),
        revision=lesson.revision,
    )


def _draft(before: Lesson | None, *, keep_uploads: bool = True) -> tuple[Draft, list[Refusal]]:
    """Read the editor's fields; pictures that came along go to the shelf, so that a second try need not send them."""
    form = request.form
    fresh, troubles = _take_pictures() if keep_uploads else ((), [])
    revision = form.get("revision", "1")
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
        pictures=_described((*_listed_pictures(before), *fresh), body),
        revision=int(revision) if re.fullmatch(r"[0-9]{1,9}", revision) else 0,
    )
    if len(draft.pictures) > MOST_PICTURES:
        troubles.append(refused("picture.too_many", field="pictures", most=MOST_PICTURES))
    return draft, troubles


def _take_pictures() -> tuple[tuple[Shown, ...], list[Refusal]]:
    shown, troubles = [], []
    for file in request.files.getlist("pictures")[: MOST_PICTURES + 1]:
        if not file.filename:
            continue
        taken = pictures.take_in(file.read(), file.filename)
        if isinstance(taken, Refusal):
            troubles.append(taken)
            continue
        key = desk().shelf.put(here().session.id_hash, taken, now=now())
        shown.append(Shown(hash=taken.hash, key=key, name=taken.name, alternative=""))
    return tuple(shown), troubles


def _described(shown: tuple[Shown, ...], body: str) -> tuple[Shown, ...]:
    """Give each picture without a description the one that the text has for it."""
    if _objection(body) is not None:
        return shown
    said = {image.address: image.alternative for image in markup.images(body)}
    return tuple(replace(picture, alternative=picture.alternative or said.get(picture.name, "")) for picture in shown)


def _listed_pictures(before: Lesson | None) -> tuple[Shown, ...]:
    """Return the pictures that the form still names: of this lesson, or of this person's shelf, and no others."""
    own = {picture.hash: picture.name for picture in before.pictures} if before else {}
    removed = set(request.form.getlist("remove"))
    listed = []
    for place in request.form.getlist("picture")[:MOST_PICTURES]:
        if place in removed:
            continue
        alternative = request.form.get(f"alternative-{place}", "").strip()[:200]
        if place in own:
            listed.append(Shown(hash=place, key="", name=own[place], alternative=alternative))
            continue
        waiting = desk().shelf.get(here().session.id_hash, place)
        if isinstance(waiting, PictureKept):
            listed.append(Shown(hash=waiting.hash, key=place, name=waiting.name, alternative=alternative))
    return tuple(listed)


def _shelved_pictures(draft: Draft) -> tuple[PictureKept, ...]:
    found = [desk().shelf.get(here().session.id_hash, shown.key) for shown in draft.pictures if not _is_kept(shown)]
    return tuple(picture for picture in found if isinstance(picture, PictureKept))


def _is_kept(shown: Shown) -> bool:
    return not shown.key and bool(_HASH.fullmatch(shown.hash))


def _lesson(draft: Draft, id: LessonId) -> tuple[Lesson, list[Refusal]]:  # noqa: A002
    """Turn the fields into a lesson, or say which of them cannot be read."""
    troubles = []
    if draft.kind not in list(Kind):
        troubles.append(refused("lesson.kind_unknown", field="kind"))
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
    lesson = Lesson(
        id=id,
        owner=OrganisationId(draft.owner),
        kind=Kind(draft.kind) if draft.kind in list(Kind) else Kind.LESSON,
        title=draft.title,
        body=draft.body,
        source=draft.source,
        dated=dated,
        minutes=int(draft.minutes) if re.fullmatch(r"[0-9]{1,6}", draft.minutes) else MANY_MINUTES,
        pictures=tuple(Picture(hash=p.hash, name=p.name, alternative=p.alternative) for p in draft.pictures),
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
) -> Answer:
    page = render_template(
        "lessons/edit.html",
        draft=draft,
        owners=here().within(Right.WRITE_LESSONS),
        kinds=list(Kind),
        refusals=refusals or [],
        by_field=first_by_field(refusals or []),
        imported=imported,
        missing=missing or [],
        conflict=any(refusal.words.key == "lesson.changed_meanwhile" for refusal in refusals or []),
        **_preview_of(draft),
    )
    return page, status or (422 if refusals else 200)


def _preview_of(draft: Draft) -> dict[str, object]:
    lesson, troubles = _lesson(draft, draft.id or LessonId("preview"))
    if not 1 <= lesson.minutes <= LONGEST_MINUTES:
        troubles.append(refused("lesson.minutes_out_of_range", field="minutes", most=LONGEST_MINUTES))
    return {
        "preview": () if troubles else _preview(lesson),
        "troubles": troubles,
        "pictures": draft.pictures,
        "lesson": lesson,
    }


def _preview(lesson: Lesson) -> tuple[Markup, ...]:
    """Compose the card as if it opened now, for all members of the lesson's owner and in its language."""
    owner = here().node(lesson.owner)
    number, _ = ask(lambda unit: members.count(unit, [lesson.owner]))
    numbers = Counter({State.OPEN: number if owner else 0})
    standing = cards.Standing(
        due_at=now(), shown_at=now(), closes_at=now() + PREVIEW_WINDOW, state=OccurrenceState.OPEN, numbers=numbers
    )
    composed = cards.compose(lesson, standing, partial(say_in, owner) if owner else say)
    return tuple(card_html(message) for message in composed if message.picture is None)
