"""A form that was refused comes back on the page where it stands, with what was typed in it and why not."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

from flask import current_app, g, render_template, request
from msgspec import Struct, field
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import EnvironBuilder

from console.access import session_cookie
from console.wording import say
from content.decision import Refusal

_OURS = frozenset({"csrf", "nonce", "mark", "yes"})
"""Unseen fields that differ each time a form is shown."""

_NEVER = frozenset({"password", "file", "submit", "button"})
"""Kinds of fields into which nothing is put back."""

_TICKED = frozenset({"radio", "checkbox"})
_WRITTEN = frozenset({"input", "textarea", "select"})


class _Tag(Struct, frozen=True, kw_only=True):
    """One tag as it stands in a page: from where to where, and what it says."""

    name: str
    start: int
    end: int
    attributes: dict[str, str | None] = field(default_factory=dict)
    closes: bool = False

    def written(self) -> str:
        said = (name if value is None else f'{name}="{escape(value)}"' for name, value in self.attributes.items())
        return f"<{' '.join((self.name, *said))}>"


class _Tags(HTMLParser):
    """Reads a page of ours into its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[_Tag] = []
        self._lines = [0]
        for line in page.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.feed(page)

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = self._at()
        self.tags.append(
            _Tag(name=tag, start=start, end=start + len(self.get_starttag_text() or ""), attributes=dict(attrs))
        )

    def handle_endtag(self, tag: str) -> None:
        start = self._at()
        self.tags.append(_Tag(name=tag, start=start, end=start + len(tag) + 3, closes=True))


def kept(refusal: Refusal, *, to: str) -> str | None:
    """Return the page on which this request's form stands, as it was filled in; ``None`` where there is none.

    ``to`` is the page to look on when the form's own address shows none.
    """
    places = [request.full_path.rstrip("?"), to] if _is_page(request.path) else [to]
    for page in filter(None, map(_ask, places)):
        found = filled(page, request.path, request.form.to_dict(flat=False), refusal)
        if found is not None:
            return found
    return None


def _is_page(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return True


def _ask(path: str) -> str | None:
    """Ask for a page as the same person, with everything that a request of its own passes through."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    headers = [
        (name, value) for name, value in request.headers if name not in {"Content-Type", "Content-Length", "Cookie"}
    ]
    cookies = dict(request.cookies)
    if g.get("new_session"):
        cookies[session_cookie()] = g.new_session
    headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
    builder = EnvironBuilder(path=path, base_url=request.host_url, headers=headers)
    with app.app_context(), app.request_context(builder.get_environ()):
        answer = app.full_dispatch_request()
        return answer.get_data(as_text=True) if answer.status_code == 200 and answer.mimetype == "text/html" else None


def filled(page: str, action: str, typed: dict[str, list[str]], refusal: Refusal) -> str | None:
    """Put what was typed into the form of a page that is sent to an address; ``None`` where none takes it."""
    tags = _Tags(page).tags
    span = _find(tags, action, typed)
    if span is None:
        return None
    first, last = span
    changes: list[tuple[int, int, str]] = []
    inside: list[_Tag] = []
    for tag in tags[:first]:
        if tag.name == "details":
            inside.append(tag) if not tag.closes else inside.pop()
    for tag in inside:
        tag.attributes["open"] = None
        changes.append((tag.start, tag.end, tag.written()))
    refused = _refused_field(tags[first:last], refusal)
    rest = {name: list(values) for name, values in typed.items()}
    chosen: list[str] = []
    for place in range(first, last):
        tag = tags[place]
        name = tag.attributes.get("name") or ""
        if tag.closes or tag.name not in {*_WRITTEN, "option", "details"}:
            continue
        if tag.name == "details":
            tag.attributes["open"] = None
        elif tag.name == "option":
            _mark(tag, "selected", (tag.attributes.get("value") or "") in chosen)
        elif tag.name == "select":
            chosen = typed.get(name, [])
        elif tag.name == "textarea":
            closing = next(later for later in tags[place + 1 :] if later.name == "textarea" and later.closes)
            if rest.get(name):
                changes.append((tag.end, closing.start, f"\n{escape(rest[name].pop(0), quote=False)}"))
        elif not _fill(tag, name, rest, typed):
            continue
        if tag is refused:
            changes.append(_blame(tags, place, refusal))
        changes.append((tag.start, tag.end, tag.written()))
    main = next(tag for tag in tags if tag.name == "main")
    at = refused.attributes.get("id") if refused is not None else None
    changes.append((main.end, main.end, render_template("frame/not_yet.html", words=refusal.words, at=at)))
    for begin, end, text in sorted(changes, key=lambda change: change[:2], reverse=True):
        page = page[:begin] + text + page[end:]
    return page


def _find(tags: list[_Tag], action: str, typed: dict[str, list[str]]) -> tuple[int, int] | None:
    """Return between which tags the form stands: of several with one address that whose unseen fields were sent."""
    best: tuple[int, int] | None = None
    for first, tag in enumerate(tags):
        if tag.name != "form" or tag.closes or (tag.attributes.get("method") or "").lower() != "post":
            continue
        if (tag.attributes.get("action") or "").split("?")[0] != action:
            continue
        last = next(place for place in range(first, len(tags)) if tags[place].name == "form" and tags[place].closes)
        fields = [one for one in tags[first:last] if not one.closes and one.name in _WRITTEN]
        unseen = [one for one in fields if one.attributes.get("type") == "hidden"]
        if not any(_is_shown(one) for one in fields):
            continue
        if all(_same(one, typed) for one in unseen):
            return first, last
        best = best or (first, last)
    return best


def _is_shown(tag: _Tag) -> bool:
    return (tag.attributes.get("type") or "text") not in {"hidden", *_NEVER}


def _same(tag: _Tag, typed: dict[str, list[str]]) -> bool:
    name = tag.attributes.get("name") or ""
    return name in _OURS or (tag.attributes.get("value") or "") in typed.get(name, [])


def _fill(tag: _Tag, name: str, rest: dict[str, list[str]], typed: dict[str, list[str]]) -> bool:
    """Put a value into an input; tells whether it is one that takes it."""
    kind = tag.attributes.get("type") or "text"
    if kind in _TICKED:
        _mark(tag, "checked", (tag.attributes.get("value") or "on") in typed.get(name, []))
    elif kind == "hidden" or kind in _NEVER or tag.attributes.get("autocomplete") == "one-time-code":
        return False
    elif rest.get(name):
        tag.attributes["value"] = rest[name].pop(0)
    return True


def _mark(tag: _Tag, attribute: str, on: bool) -> None:
    tag.attributes.pop(attribute, None)
    if on:
        tag.attributes[attribute] = None


def _refused_field(tags: list[_Tag], refusal: Refusal) -> _Tag | None:
    """Return the field that a refusal is about, with an id to lead to."""
    for tag in tags:
        if refusal.field and not tag.closes and tag.name in _WRITTEN and tag.attributes.get("name") == refusal.field:
            tag.attributes.setdefault("id", refusal.field)
            return tag
    return None


def _blame(tags: list[_Tag], place: int, refusal: Refusal) -> tuple[int, int, str]:
    """Mark a field as what is wrong, and say beside it why."""
    tag = tags[place]
    id_ = f"{tag.attributes['id']}-why"
    told = tag.attributes.get("aria-describedby")
    tag.attributes.update({"aria-invalid": "true", "aria-describedby": f"{told} {id_}" if told else id_})
    end = tag.end
    if tag.name != "input":
        end = next(later.end for later in tags[place + 1 :] if later.name == tag.name and later.closes)
    return end, end, f'<span class="error" id="{id_}">{escape(say(refusal.words))}</span>'
