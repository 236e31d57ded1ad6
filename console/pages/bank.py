"""The question bank: items found by word, tag and difficulty, one item's form and figures, and files in both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console import served_media
from console.access import here, requires, takes_files
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.bank_pictures import QUESTIONS, Chosen, archive, beside, chosen, waiting
from console.desk import ask, cause, desk, now, settle
from console.sheet_limits import SheetProblem
from console.sheets import SheetFile, read_book
from console.tables import Table, hand_out, hand_over
from console.wording import t, today
from content import bank as rules
from content import practice
from content.bank import Difficulty, Item, Kind, letter, split_tags, stem_key, tidy
from content.bank_pictures import MOST_AT_ONCE, compared, named_apart
from content.bank_sheets import (
    Given,
    Sheet,
    cells_of,
    is_sheet,
    key_of,
    options_of,
    placed,
    read_key,
    read_sheet,
    without_taken,
)
from content.decision import Refusal, refused
from content.gift import read_gift, write_gift
from content.grid import Grid
from content.identifiers import ItemId, OrganisationId, derive
from content.media import refuse_larger
from content.organisations import Right
from storage import bank as stored
from storage import media
from storage.bank import Filter
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("bank", __name__)

ONE_PAGE = 50
MOST_EXPORTED = 20_000
MOST_PROBLEMS = 200
MOST_PICTURE_BYTES = 20 * 1024 * 1024
"""Of the pictures of one archive, which is put together in memory."""

GIFT_TYPE = "text/plain; charset=utf-8"


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in an item's form, whether or not it can be kept."""

    organisation: str = ""
    kind: str = "single"
    stem: str = ""
    options: str = ""
    answer: str = ""
    explanation: str = ""
    source: str = ""
    dated: str = ""
    tags: str = ""
    difficulty: str = "medium"
    picture: Chosen = Chosen()
    revision: int = 1


@pages.get("/bank")
@requires(Right.SCHEDULE)
def show() -> str:
    """Show the items, a page at a time, as far as a filter lets through."""
    roots, wanted = here().roots_for(Right.SCHEDULE), _filter()
    after = int(request.args["after"]) if re.fullmatch("[0-9]{1,6}", request.args.get("after", "")) else 0

    async def read(unit: Reading) -> tuple[tuple[Item, ...], int, tuple[str, ...], bool]:
        items = await stored.found(unit, roots, wanted, limit=ONE_PAGE, after=after)
        pictures = await stored.has_pictures(unit, roots, wanted)
        return items, await stored.count(unit, roots, wanted), await stored.tags(unit, roots), pictures

    items, number, tags, pictures = ask(read)
    following = after + ONE_PAGE if after + len(items) < number else None
    return render_template(
        "bank/show.html",
        items=items,
        number=number,
        tags=tags,
        pictures=pictures,
        wanted=wanted,
        query=_query(wanted),
        after=after,
        following=following,
        before=max(0, after - ONE_PAGE) if after else None,
        kinds=list(Kind),
        difficulties=list(Difficulty),
    )


@pages.route("/bank/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def write() -> Answer:
    """Write an item."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        return _form(Fields(organisation=nodes[0].id, dated=today().isoformat()), None)
    (fields, trouble), user = _fields(None), here().user
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        abort(404)
    item = trouble or _item(fields, ItemId(derive(cause(), "item")), node.id)
    if isinstance(item, Refusal):
        return _form(fields, None, item)
    if _is_looked_at():
        return _form(fields, None, rules.objection(item), look=item)

    async def decide(unit: Reading) -> Decided:
        taken = await stored.taken(unit, node.id, [stem_key(item.stem)])
        return await _too_heavy(unit, [item]) or rules.add_items(
            node.id, [item], taken, pictures=fields.picture.came, now=unit.now
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, None, outcome.refusal)
    return see(link("bank.show_one", id=item.id), "repeated" if outcome.repeated else "item_added")


@pages.get("/bank/<id>")
@requires(Right.SCHEDULE)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one item's form, and how it was answered in sum."""
    item = _visible(id)
    return _form(_written(item), item)


@pages.post("/bank/<id>")
@requires(Right.SCHEDULE)
def revise(id: str) -> Answer:  # noqa: A002
    """Change an item."""
    before, roots = _visible(id), here().roots_for(Right.SCHEDULE)
    fields, trouble = _fields(before)
    item = trouble or _item(fields, before.id, before.organisation)
    if isinstance(item, Refusal):
        return _form(fields, before, item)
    if _is_looked_at():
        return _form(fields, before, rules.objection(item), look=item)

    async def decide(unit: Reading) -> Decided:
        known = await stored.visible(unit, roots, ItemId(id))
        if known is None:
            return None
        taken = await stored.taken(unit, known.organisation, [stem_key(item.stem)], besides=known.id)
        came = fields.picture.came
        return await _too_heavy(unit, [item]) or rules.revise_item(known, item, taken, pictures=came)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _form(fields, before, outcome.refusal)
    return see(link("bank.show_one", id=id), "repeated" if outcome.repeated else "item_revised")


@pages.get("/bank/<id>/picture")
@requires(Right.SCHEDULE)
def picture(id: str) -> Response:  # noqa: A002
    """Return the picture of an item."""
    item = _visible(id)
    if item.picture is None:
        abort(404)
    return served_media.kept(item.picture.hash, item.picture.name)


@pages.get("/bank/shelved/<key>")
@requires(Right.SCHEDULE)
def shelved(key: str) -> Response:
    """Return a picture that was uploaded but is not kept yet."""
    return served_media.shelved(key)


@pages.post("/bank/<id>/withdraw")
@requires(Right.SCHEDULE)
def withdraw(id: str) -> Answer:  # noqa: A002
    """Ask an item no more."""
    roots = here().roots_for(Right.SCHEDULE)

    async def decide(unit: Reading) -> Decided:
        item = await stored.visible(unit, roots, ItemId(id))
        return None if item is None else rules.withdraw_item(item, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("bank.show_one", id=id), done="item_withdrawn")


@pages.post("/bank/<id>/restore")
@requires(Right.SCHEDULE)
def restore(id: str) -> Answer:  # noqa: A002
    """Ask an item again."""
    roots = here().roots_for(Right.SCHEDULE)

    async def decide(unit: Reading) -> Decided:
        item = await stored.visible(unit, roots, ItemId(id))
        return None if item is None else rules.restore_item(item)

    return onward(settle(decide, actor=here().user), to=link("bank.show_one", id=id), done="item_restored")


@pages.route("/bank/import", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
@takes_files
def take_file() -> Answer:
    """Read a file of items, and show what of it would be taken in before anything is."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        return render_template("bank/import.html", nodes=nodes, given=None, refusals=[], **_import_form())
    given = _given()
    upload = request.files.get("file")
    if isinstance(given, Refusal) or upload is None or not upload.filename:
        refusal = given if isinstance(given, Refusal) else refused("bank_file.none", field="file")
        return _again(refusal)
    pictures = beside()
    if isinstance(pictures, Refusal):
        return _again(pictures)
    files, keys = pictures
    given = replace(given, pictures=files)
    file = SheetFile(name=upload.filename[:120], data=upload.read(), sheet="")
    sheet = _checked(file, given)
    if isinstance(sheet, Refusal):
        return _again(sheet)
    key = desk().shelf.put(here().session.family, file, now=now()) if sheet.rows else ""
    return _preview(key, file.name, sheet, given, keys)


@pages.post("/bank/import/<key>")
@requires(Right.SCHEDULE)
def take_in(key: str) -> Answer:
    """Take in what of a file can be taken."""
    given, by_form = _given(), cause()
    if isinstance(given, Refusal):
        abort(400)
    file = desk().shelf.get(here().session.family, key)
    if not isinstance(file, SheetFile):
        return render_template("bank/gone.html"), 404
    promised = request.form.getlist("picture")
    came = waiting(promised)
    if set(promised) - set(came):
        # Without one of them its questions would be left out, and nobody would hear of it.
        return render_template("bank/gone.html"), 404
    files = {compared(name): one for key, one in came.items() for name in request.form.getlist(f"name-{key}")}
    sheet = _read(file, replace(given, pictures=files))
    if isinstance(sheet, Refusal):
        abort(400)

    async def decide(unit: Reading) -> Decided:
        keys = [stem_key(row.item.stem) for row in sheet.rows]
        fresh = without_taken(sheet, await stored.taken(unit, given.organisation, keys))
        items = [placed(row, ItemId(derive(by_form, "item", row.number))) for row in fresh.rows]
        return await _too_heavy(unit, items) or rules.add_items(
            given.organisation, items, (), pictures=came.values(), now=unit.now
        )

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is None:
        for one in (key, *came):
            desk().shelf.drop(here().session.family, one)
    return onward(outcome, to=link("bank.show"), done="items_added")


@pages.get("/bank/export.<any(xlsx, csv, docx, text):format>")
@requires(Right.SCHEDULE)
def export(format: str) -> Response:  # noqa: A002
    """Hand out the items that the filter lets through, in the columns in which they are read."""
    return hand_out(_table(named_apart(_all())), format, "bank", back=link("bank.show"))


@pages.get("/bank/export.gift")
@requires(Right.SCHEDULE)
def export_gift() -> Response:
    """Hand out the same items as GIFT text."""
    items = named_apart(_all())
    text = write_gift(items).encode()
    return hand_over(text, GIFT_TYPE, "bank", len(items), file=f"zhibu-bank-{today().isoformat()}.gift.txt")


@pages.get("/bank/export.zip")
@requires(Right.SCHEDULE)
def export_zip() -> Answer:
    """Hand out the same items as GIFT text together with their pictures."""
    items = named_apart(_all(), [QUESTIONS])
    whole = archive(items, MOST_PICTURE_BYTES)
    if whole is None:
        return see(link("bank.show", **_query(_filter())), "pictures_too_heavy")
    return hand_over(whole, "application/zip", "bank", len(items), file=f"zhibu-bank-{today().isoformat()}.zip")


def _filter() -> Filter:
    kind, difficulty = request.args.get("kind", ""), request.args.get("difficulty", "")
    return Filter(
        text=tidy(request.args.get("q", ""))[:80],
        kind=Kind(kind) if kind in list(Kind) else None,
        tag=tidy(request.args.get("tag", ""))[: rules.LONGEST_TAG],
        difficulty=Difficulty(difficulty) if difficulty in list(Difficulty) else None,
        withdrawn=request.args.get("withdrawn") == "1",
    )


def _query(wanted: Filter) -> dict[str, str]:
    """Return a filter as the parts of an address."""
    parts = {
        "q": wanted.text,
        "kind": wanted.kind or "",
        "tag": wanted.tag,
        "difficulty": wanted.difficulty or "",
        "withdrawn": "1" if wanted.withdrawn else "",
    }
    return {name: value for name, value in parts.items() if value}


def _visible(id: str) -> Item:  # noqa: A002
    roots = here().roots_for(Right.SCHEDULE)
    found = ask(lambda unit: stored.visible(unit, roots, ItemId(id)))
    if found is None:
        abort(404)
    return found


def _all() -> tuple[Item, ...]:
    roots, wanted = here().roots_for(Right.SCHEDULE), _filter()
    return ask(lambda unit: stored.found(unit, roots, wanted, limit=MOST_EXPORTED))


def _table(items: Sequence[Item]) -> Table:
    width = options_of(items)
    options = tuple(t("bank.column_option", letter=letter(str(number))) for number in range(1, width + 1))
    first, last = ("kind", "stem"), ("answer", "explanation", "source", "tags", "difficulty", "dated")
    # Who has no picture is spared the columns for them.
    pictured = any(one.picture for one in items)
    more = ("picture", "alternative") if pictured else ()
    header = (
        *(t(f"bank.column_{name}") for name in first),
        *options,
        *(t(f"bank.column_{name}") for name in (*last, *more)),
    )
    rows = tuple(
        (
            t(f"bank.kind_{one.kind}"),
            one.stem,
            *cells_of(one, width),
            key_of(one),
            one.explanation,
            one.source,
            t("bank.tag_comma").join(one.tags),
            t(f"bank.difficulty_{one.difficulty}"),
            one.dated or "",
            *((one.picture.name, one.picture.alternative) if one.picture else ("", "") if pictured else ()),
        )
        for one in items
    )
    return Table(title=t("bank.heading"), header=header, rows=rows, footer=t("bank.footer", n=len(rows)))


def _given() -> Given | Refusal:
    node = next((one for one in here().within(Right.SCHEDULE) if one.id == request.form.get("organisation")), None)
    if node is None:
        return refused("bank_file.no_place", field="organisation")
    dated = _date(request.form.get("dated", ""))
    if isinstance(dated, Refusal):
        return dated
    source = tidy(request.form.get("source", ""))
    if len(source) > rules.LONGEST_SOURCE:
        return refused("item.long_source", field="source", most=rules.LONGEST_SOURCE)
    return Given(organisation=node.id, dated=dated, source=source)


def _date(text: str) -> date | Refusal | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        return refused("item.bad_date", field="dated")


def _checked(file: SheetFile, given: Given) -> Sheet | Refusal:
    sheet = _read(file, given)
    if isinstance(sheet, Refusal):
        return sheet
    keys = [stem_key(row.item.stem) for row in sheet.rows]
    return without_taken(sheet, ask(lambda unit: stored.taken(unit, given.organisation, keys)))


def _read(file: SheetFile, given: Given) -> Sheet | Refusal:
    """Read a file as what its first bytes and its name say it is: GIFT text, else a sheet."""
    if file.name.lower().endswith((".txt", ".gift")):
        try:
            return read_gift(file.data.decode("utf-8-sig"), given)
        except UnicodeDecodeError:
            return refused("bank_file.not_utf8", field="file")
    book = read_book(file.data, file.name)
    if isinstance(book, SheetProblem):
        return Refusal(words=book.words, field="file")
    grid = book.sheets[book.first(is_sheet)]
    return read_sheet(grid, given) if isinstance(grid, Grid) else Refusal(words=grid.words, field="file")


def _again(refusal: Refusal) -> Answer:
    nodes, refusals = here().within(Right.SCHEDULE), [refusal]
    return render_template(
        "bank/import.html", nodes=nodes, given=request.form, refusals=refusals, **_import_form()
    ), 422


def _import_form() -> dict[str, object]:
    return {"today": today().isoformat(), "most_pictures": MOST_AT_ONCE}


def _preview(key: str, name: str, sheet: Sheet, given: Given, pictures: Mapping[str, str]) -> Answer:
    shown = [row.item.picture for row in sheet.rows if row.item.picture]
    named = sorted({(pictures[one.hash], one.name) for one in shown})
    page = render_template(
        "bank/preview.html",
        key=key,
        name=name,
        rows=sheet.rows,
        problems=sheet.problems[:MOST_PROBLEMS],
        more=len(sheet.problems) - MOST_PROBLEMS,
        given=given,
        pictures=pictures,
        named=named,
        waiting=list(dict.fromkeys(key for key, _ in named)),
        unused=len(pictures) - len({one.hash for one in shown}),
        node=here().node(given.organisation),
        key_of=key_of,
        too_many=len(sheet.rows) > rules.MOST_AT_ONCE,
        most=rules.MOST_AT_ONCE,
    )
    return page, 200 if sheet.rows else 422


async def _too_heavy(unit: Reading, items: Sequence[Item]) -> Refusal | None:
    """Refuse pictures that the homeserver would not take."""
    limit = await media.upload_limit(unit)
    return refuse_larger((one.picture for one in items if one.picture), limit=limit, field="picture")


def _is_looked_at() -> bool:
    return request.form.get("intent") == "look"


def _fields(before: Item | None) -> tuple[Fields, Refusal | None]:
    form = request.form
    revision = form.get("revision", "1")
    picture, trouble = chosen(before)
    fields = Fields(
        organisation=form.get("organisation", ""),
        kind=form.get("kind", ""),
        stem=tidy(form.get("stem", "")),
        options=form.get("options", "").replace("\r\n", "\n"),
        answer=form.get("answer", "").replace("\r\n", "\n"),
        explanation=tidy(form.get("explanation", "")),
        source=tidy(form.get("source", "")),
        dated=form.get("dated", ""),
        tags=form.get("tags", ""),
        difficulty=form.get("difficulty", ""),
        picture=picture,
        revision=int(revision) if re.fullmatch("[0-9]{1,6}", revision) else 0,
    )
    return fields, trouble


def _written(item: Item) -> Fields:
    return Fields(
        organisation=item.organisation,
        kind=item.kind,
        stem=item.stem,
        options="\n".join(item.options),
        answer=key_of(item).replace("|", "\n") if item.kind is Kind.FILL_IN else key_of(item),
        explanation=item.explanation,
        source=item.source,
        dated=item.dated.isoformat() if item.dated else "",
        tags=t("bank.tag_comma").join(item.tags),
        difficulty=item.difficulty,
        picture=Chosen(medium=item.picture, alternative=item.picture.alternative if item.picture else ""),
        revision=item.revision,
    )


def _item(fields: Fields, id: ItemId, organisation: OrganisationId) -> Item | Refusal:  # noqa: A002
    if fields.kind not in list(Kind) or fields.difficulty not in list(Difficulty):
        abort(400)
    kind = Kind(fields.kind)
    dated = _date(fields.dated)
    if isinstance(dated, Refusal):
        return dated
    lines = (re.sub(r"^\s*[A-Ha-h][.、．]\s*", "", tidy(line)) for line in fields.options.split("\n"))
    options = tuple(line for line in lines if line) if kind in (Kind.SINGLE, Kind.MULTIPLE) else ()
    answer = read_key(kind, options, fields.answer)
    if answer is None:
        return refused("item.no_answer", field="answer")
    return Item(
        id=id,
        organisation=organisation,
        kind=kind,
        stem=fields.stem,
        options=options,
        answer=answer,
        explanation=fields.explanation,
        source=fields.source,
        dated=dated,
        tags=split_tags(fields.tags),
        difficulty=Difficulty(fields.difficulty),
        picture=fields.picture.medium,
        revision=fields.revision,
    )


def _form(fields: Fields, item: Item | None, refusal: Refusal | None = None, *, look: Item | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    figures = ask(lambda unit: stored.figures(unit, item.id)) if item else None
    asked = None if refusal else look or item
    page = render_template(
        "bank/edit.html",
        fields=fields,
        item=item,
        figures=figures,
        asked=asked,
        lines=practice.ask(asked) if asked else (),
        fewest=rules.FEWEST_ANSWERS,
        nodes=here().within(Right.SCHEDULE),
        kinds=list(Kind),
        difficulties=list(Difficulty),
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
