"""The album of an activity by hand: photos that an organiser puts into it, written anew as those from a room."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from console.access import here, requires, takes_files
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, cause, settle
from console.pages.activities import visible_activity
from console.undoing import way_back
from content import activities as rules
from content.activities import Activity, PhotoGiven
from content.decision import Decision, Refusal, refused
from content.organisations import Right
from content.photos import LARGEST, Written, write_anew
from storage import activities as stored
from storage import members
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("albums", __name__)


@pages.route("/activities/<id>/photos/add", methods=["GET", "POST"])
@requires(Right.RECORD)
@takes_files
def add(id: str) -> Answer:  # noqa: A002
    """Put photos into the album of an activity; who does it says that those who can be known on them agree."""
    one = visible_activity(id, Right.RECORD)
    if request.method == "GET":
        refusal = None if one.gathers else refused("activity.has_no_album", title=one.title)
        return _form(one, refusal)
    written = _written()
    if isinstance(written, Refusal):
        return _form(one, written), 422
    user, by_form, form = here().user, cause(), request.form
    caption = " ".join(form.get("caption", "").split())

    async def decide(unit: Reading) -> Decided:
        known = await stored.activity(unit, one.id)
        if known is None:
            return None
        member = await members.by_user(unit, user)
        return rules.put_photos(
            known,
            await stored.photos(unit, one.id),
            written,
            member=member.id if member is not None else None,
            caption=caption,
            agreed=form.get("agreed") == "yes",
            cause=by_form,
            now=unit.now,
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(one, outcome.refusal), 422
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    made = [fact.photo.id for fact in facts if isinstance(fact, PhotoGiven)]
    # Several go out one by one, each by the button below it.
    back = (lambda: way_back("activities.take_back", id=id, hash=made[0])) if len(made) == 1 else None
    return onward(outcome, to=link("activities.show_one", id=id), done="photos_added", back=back)


def _written() -> tuple[Written, ...] | Refusal:
    """Read the files of the form, each written anew at once; the bytes as they came are kept nowhere."""
    files = [file for file in request.files.getlist("photos") if file.filename]
    if len(files) > rules.MOST_AT_ONCE:
        return refused("activity.too_many_files", field="photos", most=rules.MOST_AT_ONCE)
    found = []
    for file in files:
        one = write_anew(file.read(LARGEST + 1))
        if one is None:
            most = LARGEST // 1024 // 1024
            return refused("activity.no_photo", field="photos", name=(file.filename or "")[:60], most=most)
        found.append(one)
    return tuple(found)


def _form(one: Activity, refusal: Refusal | None = None) -> str:
    refusals = [refusal] if refusal else []
    left = rules.MOST_PHOTOS - len(ask(lambda unit: stored.photos(unit, one.id)))
    return render_template(
        "albums/add.html",
        one=one,
        left=left,
        most=rules.MOST_AT_ONCE,
        longest=rules.LONGEST_NOTE,
        typed=request.form,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
