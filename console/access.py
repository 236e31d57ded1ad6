"""Who may see what: sessions, the right that each route names, the subtree it holds for, and where forms come from."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from markupsafe import Markup, escape
from msgspec import Struct
from msgspec.structs import replace
from werkzeug.wrappers import Response as PlainResponse

from console.desk import Stands, ask, desk, now
from console.tree import depths, in_order, is_below, parents_of
from console.wording import preferred_language
from content.credentials import demands_second
from content.decision import Refusal, refused
from content.identifiers import Cause, OrganisationId, UserId
from content.organisations import RIGHTS, Duty, Organisation, Right, rights_of, roots
from content.safe_mode import Reason
from content.sessions import LONGEST, Level, Session, SessionRenewed, SessionSeen, is_alive
from content.speech import Reader
from storage import credentials, heartbeats, organisations, sessions
from storage.heartbeats import life
from storage.store import Step
from storage.unit import Reading

View = TypeVar("View", bound=Callable[..., Any])

SEEN_EVERY = timedelta(minutes=1)
LARGEST_FILES_BYTES = 64 * 1024 * 1024
"""Of one form that takes files, with all that it carries; what comes is written to disk by the server, not held."""

MOST_OFFERED = 60
"""How many organisations a page offers at once, in its head and in forms."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MARK = "zhibu_right"
_PUBLIC = "public"
_FILES = "zhibu_files"
_EARLY = "zhibu_early"


class Here(Struct, frozen=True, kw_only=True):
    """Who is at the console and where in the tree they look.

    ``nodes`` are all organisations the person may see, as an outline reads; ``roots`` are those of which this request
    may speak: the chosen one, or all for which the person has the route's right. ``parents`` says what stands above
    each node.
    """

    session: Session
    duties: tuple[Duty, ...]
    nodes: tuple[Organisation, ...]
    parents: Mapping[OrganisationId, OrganisationId | None]
    roots: tuple[OrganisationId, ...]
    chosen: Organisation | None
    by_id: Mapping[OrganisationId, Organisation]

    @property
    def user(self) -> UserId:
        """Return whose session this is."""
        return self.session.user

    def may(self, right: Right | str) -> bool:
        """Tell whether the person has a right at the chosen place, or anywhere where none is chosen."""
        return bool(self.roots_for(Right(right)))

    def roots_for(self, right: Right) -> tuple[OrganisationId, ...]:
        """Return the nodes, at or below the chosen place, from which down the person has a right."""
        held = roots(self.duties, right)
        if self.chosen is None:
            return held
        if is_below(self.parents, self.chosen.id, held):
            return (self.chosen.id,)
        return tuple(node for node in held if is_below(self.parents, node, [self.chosen.id]))

    def rights_at(self, id: OrganisationId) -> frozenset[Right]:  # noqa: A002
        """Return everything that the person may do at one organisation."""
        return rights_of((duty for duty in self.duties if is_below(self.parents, id, [duty.organisation])), self.user)

    def authority(self, right: Right) -> tuple[Duty, ...]:
        """Return the duties that carry a right at the chosen place, or anywhere where none is chosen."""
        carry = (duty for duty in self.duties if right in RIGHTS[duty.role])
        if self.chosen is None:
            return tuple(carry)
        chosen = self.chosen.id
        return tuple(duty for duty in carry if is_below(self.parents, chosen, [duty.organisation]))

    def node(self, id: OrganisationId) -> Organisation | None:  # noqa: A002
        """Return one of the organisations that the person may see."""
        return self.by_id.get(id)

    def within(self, right: Right) -> tuple[Organisation, ...]:
        """Return the organisations at and below the chosen place for which the person has a right, parents first."""
        held = self.roots_for(right)
        return tuple(node for node in self.nodes if is_below(self.parents, node.id, held))

    @property
    def depths(self) -> dict[OrganisationId, int]:
        """Return how far below the topmost each organisation stands, to indent it in a list."""
        return depths(self.nodes)

    @property
    def choices(self) -> Markup:
        """Return an option for each organisation, as every page's head shows them."""
        return self.offer(self.nodes, self.chosen.id if self.chosen else None)

    def offer(self, nodes: Sequence[Organisation], chosen: str | None) -> Markup:
        """Return an option for each of these organisations, one of which is chosen.

        Of more than ``MOST_OFFERED`` only the way to the chosen one is opened, level by level: a thousand lines on each
        page are heavy, and too long to look through on a telephone.
        """
        if len(nodes) <= MOST_OFFERED:
            return self.options(nodes, chosen)
        seen, opened = {node.id for node in nodes}, set()
        above = OrganisationId(chosen) if chosen else None
        while above is not None:
            opened.add(above)
            above = self.parents.get(above)
        offered = [node for node in nodes if node.parent in opened or node.id in opened or node.parent not in seen]
        if not chosen:
            tops = {node.id for node in offered}
            offered = [node for node in nodes if node.id in tops or node.parent in tops]
        shown = {node.id for node in offered}
        return self.options(offered, chosen, more={node.parent for node in nodes if node.id not in shown})

    def options(
        self, nodes: Iterable[Organisation], chosen: str | None, *, more: Collection[str | None] = ()
    ) -> Markup:
        """Return an option for each of these organisations, one of which is chosen; below those of ``more`` are others.

        Put together here: for the thousand nodes of a large organisation a template takes as long as for all the rest.
        """
        indents = self.depths
        options = (
            f'<option value="{escape(node.id)}"{" selected" if node.id == chosen else ""}>'
            f"{'　' * indents[node.id]}{escape(node.name)}{' …' if node.id in more else ''}</option>"
            for node in nodes
        )
        return Markup("\n".join(options))  # noqa: S704 - identifiers and names are escaped


class Admitted(Struct, frozen=True, kw_only=True):
    """By which session, at which level of trust, and by which duties a request was let through.

    ``authority`` are those of the duties that carry the route's right where the person is, ``nodes`` what they could
    see of the tree.
    """

    session: Session
    authority: tuple[Duty, ...]
    nodes: tuple[Organisation, ...]

    async def holds(self, unit: Reading) -> Stands:
        """Tell whether the session goes on, under whatever id, with the same duties over the same part of the tree.

        What came into that part meanwhile makes no difference; what was moved out of it, or elsewhere in it, does.
        """
        found = await sessions.of_family(unit, self.session.family)
        if found is None or found.user != self.session.user or not is_alive(found, now=unit.now):
            return Stands.SIGNED_OUT
        if found.level not in (self.session.level, Level.FULL):
            return Stands.SIGNED_OUT
        duties = await organisations.duties_of(unit, found.user)
        if duties_digest(duties) != self.session.duties:
            return Stands.OTHERWISE
        present = parents_of(await organisations.tree(unit, roots(duties, Right.READ)))
        if any(node.id not in present or present[node.id] != node.parent for node in self.nodes):
            return Stands.OTHERWISE
        unit.authority = self.authority
        return Stands.YES


def here() -> Here:
    """Return who asks; only on routes that require a right."""
    return cast(Here, g.here)


def signed_in() -> Here | None:
    """Return who asks, if anyone is signed in."""
    return cast("Here | None", g.get("here"))


def held_up() -> Reason | None:
    """Return what holds the bot up, for who may do something about it; that it waits is said on the first page."""
    state, person = g.get("bot", ""), signed_in()
    if person is None or state not in frozenset(Reason) - {Reason.WAITING}:
        return None
    return Reason(state) if roots(person.duties, Right.OPERATE) else None


def requires(right: Right) -> Callable[[View], View]:
    """Mark a route with the right that it needs."""

    def mark(view: View) -> View:
        setattr(view, _MARK, right)
        return view

    return mark


def takes_files(view: View) -> View:
    """Mark a route as one whose forms may carry videos and documents."""
    setattr(view, _FILES, True)
    return view


def early(*levels: Level) -> Callable[[View], View]:
    """Mark a route as one for sessions that are not fully trusted yet."""

    def mark(view: View) -> View:
        setattr(view, _EARLY, frozenset(levels))
        return view

    return mark


def public(view: View) -> View:
    """Mark a route as open to everyone."""
    setattr(view, _MARK, _PUBLIC)
    return view


def check_routes(app: Flask) -> None:
    """Refuse to start with a route that does not say who may use it."""
    bare = sorted(name for name, view in app.view_functions.items() if not hasattr(view, _MARK))
    if bare:
        raise RuntimeError(f"routes without a right: {', '.join(bare)}")


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, which is all that is ever stored of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def install(app: Flask) -> None:
    """Have every request pass through here before its page."""
    app.before_request(_check_host)
    app.before_request(_recognise)
    app.before_request(_make_room_for_files)
    app.before_request(_check_values)
    app.before_request(_check_form)
    app.before_request(_check_right)
    app.after_request(_remember_visit)
    app.after_request(_remember_session)


def _host() -> str:
    """Return the host that was asked for, without its port; empty where it makes no sense."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _check_host() -> None:
    host = _host()
    if host not in LOOPBACK and host != desk().settings.host:
        abort(400)


def session_cookie() -> str:
    """Return the name of the session's cookie; the prefix binds it to this host and to https."""
    return "__Host-zhibu" if desk().settings.secure_cookies else "zhibu"


def _visit_cookie() -> str:
    return f"{session_cookie()}-visit"


def set_cookie(response: PlainResponse, name: str, value: str, *, lasts: timedelta | None = None) -> None:
    """Set a cookie that scripts cannot read and other sites cannot use."""
    response.set_cookie(
        name, value, httponly=True, samesite="Lax", path="/", secure=desk().settings.secure_cookies, max_age=lasts
    )


def forget_cookie(response: PlainResponse, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, httponly=True, samesite="Lax", path="/", secure=desk().settings.secure_cookies)


def _recognise() -> None:
    """Find the session behind the cookie, and what its person may do now."""
    g.reader = Reader(language=preferred_language(None), timezone=desk().settings.timezone)
    if request.endpoint == "static":
        return
    held = request.cookies.get(session_cookie(), "")
    found = ask(lambda unit: _find(unit, digest(held))) if held else None
    if found is None:
        return
    session, duties, nodes, g.bot = found
    if session.duties != duties_digest(duties):
        session = _renew(session, duties)
    g.session, g.duties, g.nodes = session, duties, nodes
    zone = nodes[0].timezone if nodes else desk().settings.timezone
    g.reader = Reader(language=preferred_language(session.language), timezone=zone)


async def _find(unit: Reading, id_hash: str) -> tuple[Session, tuple[Duty, ...], tuple[Organisation, ...], str] | None:
    session = await sessions.session(unit, id_hash)
    if session is None or not is_alive(session, now=unit.now):
        return None
    duties = await organisations.duties_of(unit, session.user)
    nodes = in_order(await organisations.tree(unit, roots(duties, Right.READ)))
    return session, duties, nodes, life("bot", await heartbeats.beats(unit), now=unit.now)


def duties_digest(duties: Iterable[Duty]) -> str:
    """Return a digest of what a person may do, by which a session notices that it has changed."""
    return digest("\n".join(sorted(f"{duty.organisation} {duty.role}" for duty in duties)))


def standing_mark(duties: Iterable[Duty], nodes: Iterable[Organisation]) -> str:
    """Return a digest of what a person may do and over which part of the tree."""
    return digest("\n".join([duties_digest(duties), *sorted(f"{node.id} {node.parent}" for node in nodes)]))


def admit(user: UserId, language: str, right: Right, wanted: str) -> str:
    """Let work that somebody asked for go on as theirs, by what they may do now; return the mark of that."""
    at = now()
    g.duties = ask(lambda unit: organisations.duties_of(unit, user))
    g.nodes = in_order(ask(lambda unit: organisations.tree(unit, roots(g.duties, Right.READ))))
    g.session = Session(id_hash="", user=user, csrf="", made_at=at, seen_at=at, language=language)
    g.here = stand(right, wanted)
    place = g.here.chosen or next(iter(g.nodes), None)
    zone = place.timezone if place is not None else desk().settings.timezone
    g.reader = Reader(language=language, timezone=zone)
    return standing_mark(g.duties, g.nodes)


def right_of(endpoint: str) -> Right | None:
    """Return the right that a route names; ``None`` for a public one."""
    right = getattr(current_app.view_functions[endpoint], _MARK, None)
    return right if isinstance(right, Right) else None


def demanded(duties: Iterable[Duty]) -> bool:
    """Tell whether who holds these duties must have a second factor here."""
    return desk().settings.second_factor_required and demands_second(duties)


def _renew(session: Session, duties: tuple[Duty, ...]) -> Session:
    """Let a session whose person's duties have changed go on under a new id, as far as it is still trusted."""
    lacking = demanded(duties) and not ask(lambda unit: credentials.has_factor(unit, session.user))
    level = Level.ENROLLING if lacking and session.level is Level.FULL else session.level
    secret = secrets.token_urlsafe(32)
    renewed = replace(
        session, id_hash=digest(secret), duties=duties_digest(duties), level=level, proved_at=None, seen_at=now()
    )
    desk().bridge(desk().store.settle(notes=[SessionRenewed(id_hash=session.id_hash, session=renewed)]))
    hold_session(secret)
    return renewed


def hold_session(secret: str) -> None:
    """Have the answer to this request carry the cookie of a session."""
    g.new_session = secret


def go_on_as(session: Session, secret: str) -> None:
    """Let the rest of this request, and the browser, go on with a session that got a new id."""
    g.session = session
    if "here" in g:
        g.here = replace(g.here, session=session)
    hold_session(secret)


def _remember_session(response: Response) -> Response:
    if g.get("new_session"):
        lasts = timedelta(seconds=LONGEST.total_seconds())
        set_cookie(response, session_cookie(), g.new_session, lasts=lasts)
    return response


def _make_room_for_files() -> None:
    """Take more from people who are signed in, where a page is for files; strangers' requests stay small."""
    view = current_app.view_functions.get(request.endpoint or "")
    if "session" in g and getattr(view, _FILES, False):
        request.max_content_length = LARGEST_FILES_BYTES


def csrf() -> str:
    """Return the token that forms of this session carry; before signing in it is bound to the visit's cookie."""
    if "session" in g:
        return cast(str, g.session.csrf)
    if "visit" not in g:
        g.visit = request.cookies.get(_visit_cookie(), "") or secrets.token_urlsafe(24)
        g.new_visit = _visit_cookie() not in request.cookies
    return digest(g.visit)


def _remember_visit(response: Response) -> Response:
    if g.get("new_visit"):
        set_cookie(response, _visit_cookie(), g.visit)
    return response


def _check_values() -> None:
    """Refuse the invisible NUL, which a database may not be able to keep; only a lesson's text is told of it."""
    values = [*request.args.values(), *(request.view_args or {}).values()]
    if request.method not in _SAFE:
        values += [value for name, value in request.form.items(multi=True) if name != "body"]
    if any("\x00" in str(value) for value in values):
        abort(400)


def _check_form() -> None:
    """Let a change through only from our own pages: by where the browser says it comes from, and by its token."""
    if request.method in _SAFE or request.url_rule is None:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(400)
    # Under our own no-referrer policy browsers name the origin of a plain form "null"; the token decides then.
    origin = request.headers.get("Origin", "null").lower()
    if origin != "null" and origin not in _own_origins():
        abort(400)
    if not hmac.compare_digest(request.form.get("csrf", "").encode(), csrf().encode()):
        abort(400)


def _own_origins() -> set[str]:
    own = {desk().settings.origin}
    if _host() in LOOPBACK:
        own.add(f"{request.scheme}://{request.host}".lower())
    return own


def _check_right() -> PlainResponse | None:
    if request.url_rule is None or request.endpoint is None:
        return None
    view = current_app.view_functions.get(request.endpoint)
    right = getattr(view, _MARK, None)
    if right == _PUBLIC:
        return None
    if "session" not in g:
        return redirect(url_for("sign_in.explain"), code=303)
    if not isinstance(right, Right):
        abort(403)
    if g.session.level is not Level.FULL and g.session.level not in getattr(view, _EARLY, ()):
        return redirect(url_for("proving.show"), code=303)
    g.here = stand(right, request.args.get("org", ""))
    g.standing = Admitted(session=g.session, authority=g.here.authority(right), nodes=g.nodes)
    chosen = g.here.chosen
    if chosen is not None:
        g.reader = Reader(language=g.reader.language, timezone=chosen.timezone)
    _note_use(g.here.session)
    return None


def stand(right: Right, wanted: str) -> Here:
    """Return where in the tree a person stands with a right, at the organisation that is wanted or at all of theirs."""
    held = roots(g.duties, right)
    if not held:
        note_refusal(g.session.user)
        abort(403)
    parents, by_id = parents_of(g.nodes), {node.id: node for node in g.nodes}
    chosen = by_id.get(OrganisationId(wanted)) if wanted else None
    if wanted and (chosen is None or not is_below(parents, chosen.id, held)):
        abort(404)
    return Here(
        session=g.session,
        duties=g.duties,
        nodes=g.nodes,
        parents=parents,
        roots=held if chosen is None else (chosen.id,),
        chosen=chosen,
        by_id=by_id,
    )


def note_refusal(user: UserId) -> None:
    """Leave a row of record that a person asked for what is not theirs; one a minute for each of them and each page."""
    minute = now().strftime("%Y%m%d%H%M")
    step = Step(
        cause=Cause(f"refused:{request.endpoint}:{minute}:{digest(user)[:24]}"),
        actor=user,
        decide=_refuse,
    )
    desk().bridge(desk().store.settle([step]))


async def _refuse(_unit: Reading) -> Refusal:
    return refused("access.no_right")


def _note_use(session: Session) -> None:
    at = now()
    if at - session.seen_at >= SEEN_EVERY:
        desk().bridge(desk().store.settle(notes=[SessionSeen(id_hash=session.id_hash, at=at)]))
