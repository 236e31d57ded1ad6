"""Turns a lesson's Markdown into the HTML and plain text of chat, and cuts long texts where a reader would pause."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import Struct

from content.decision import Words, words

# Loaded with the first lesson that is shown: no start has to wait for them.
if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LARGEST_BYTES = 64 * 1024
DEEPEST_NESTING = 12
MOST_BRACKETS = 1_000
"""Opening brackets of a text: each unmatched one makes the parser look through all that follows."""
MOST_PIECES = 2_000
"""Paragraphs, lines, list items, table cells and marked words of a text: what parsing and cutting take time by."""
SMALLEST_PART_BYTES = 256

MATRIX_TAGS = frozenset(
    {"del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "a", "ul", "ol", "sup", "sub", "li", "b", "i", "u"}
    | {"strong", "em", "s", "code", "hr", "br", "div", "table", "thead", "tbody", "tr", "th", "td", "caption", "pre"}
    | {"span", "img", "details", "summary"}
)
MATRIX_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start"},
    "code": {"class"},
    "img": {"src", "alt"},
}
_TAGS_WITH_CONTENT_DROPPED = {"script", "style"}
_SENTENCE_END = re.compile(r"[。！？!?；;…]+[”’」』）)]*|\n")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_WEB_ADDRESS = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_LANGUAGE = re.compile(r"[^`\n]{0,40}")
_WRAPPERS = frozenset({"inline", "bullet_list_open", "ordered_list_open", "table_open", "thead_open", "tbody_open"})
# Plain text and HTML together weigh a little over twice their source; a part is aimed a little under the limit.
_USUAL_WEIGHT = 2.3
_LEAST_WEIGHT = 0.01
_AIM = 0.95
_ENOUGH = 0.85
_MOST_GUESSES = 6
# Past this depth the parser drops text silently, so it lies well above the depth that is refused aloud.
_PARSER_NESTING = 40


class Image(Struct, frozen=True, kw_only=True):
    """A picture that a text refers to: ``address`` as written, ``line`` counted from 1 within the text."""

    address: str
    alternative: str
    line: int


def objection(markdown: str) -> Words | None:
    """Say why a text cannot be shown at all, or None.

    It is over 64 kB, full of open brackets, in more than 2,000 pieces (see MOST_PIECES), or nested over 12 levels.
    """
    size = len(markdown.encode(errors="replace"))
    if size > LARGEST_BYTES:
        return words("lesson_text.too_large", kilobytes=-(-size // 1024), limit=LARGEST_BYTES // 1024)
    brackets = markdown.count("[")
    if brackets > MOST_BRACKETS:
        return words("lesson_text.too_many_brackets", count=brackets, limit=MOST_BRACKETS)
    # Lines first: they are counted without parsing, which is what takes time.
    lines = sum(1 for line in _lines(markdown) if line.strip())
    if lines > MOST_PIECES:
        return words("lesson_text.too_many_pieces", count=lines, limit=MOST_PIECES)
    tokens = _parse(markdown)
    if any(token.level > DEEPEST_NESTING for token in tokens):
        return words("lesson_text.too_deep", limit=DEEPEST_NESTING)
    pieces = _count_pieces(tokens)
    if pieces > MOST_PIECES:
        return words("lesson_text.too_many_pieces", count=pieces, limit=MOST_PIECES)
    return None


def _count_pieces(tokens: Sequence[Token]) -> int:
    """Count blocks, items and cells, and the marks within lines; bare words and wrappers are none."""
    blocks = sum(1 for token in tokens if token.nesting >= 0 and not token.hidden and token.type not in _WRAPPERS)
    marks = sum(1 for token in tokens for child in token.children or () if child.nesting >= 0 and child.type != "text")
    return blocks + marks


def images(markdown: str) -> tuple[Image, ...]:
    """List the pictures a text refers to, in reading order, under their names as written."""
    return tuple(
        Image(
            address=unquote(str(child.attrs.get("src", ""))),
            alternative=_letters(child.children or ()),
            line=token.map[0] + 1,
        )
        for token in _parse(markdown)
        if token.type == "inline" and token.map is not None
        for child in token.children or ()
        if child.type == "image"
    )


def to_html(markdown: str, *, pictures: Mapping[str, str] | None = None) -> str:
    """Render with Matrix's tags only: raw HTML is shown as text, links lead to http and https alone.

    ``pictures`` maps a picture's name to the address it is shown from; a picture without one becomes its description,
    because a chat message carries pictures as messages of their own. Raises ValueError for a text larger than
    objection allows.
    """
    return _html(_parse(markdown), pictures or {})


def _html(tokens: Sequence[Token], pictures: Mapping[str, str]) -> str:
    for token in tokens:
        if token.children:
            token.children = [_as_described(child, pictures) for child in token.children]
    import nh3

    parser = _parser()
    return nh3.clean(
        parser.renderer.render(tokens, parser.options, {}).strip(),
        tags=set(MATRIX_TAGS),
        clean_content_tags=_TAGS_WITH_CONTENT_DROPPED,
        attributes=MATRIX_ATTRIBUTES,
        url_schemes={"http", "https", "mxc"},
        attribute_filter=_allowed_value,
        link_rel="noreferrer noopener",
    )


def to_plain(markdown: str) -> str:
    """Write the same content for a reader without HTML: 【headings】, "- " lists, links as text (address).

    Raises ValueError for a text larger than objection allows.
    """
    return _plain(_parse(markdown))


def _plain(tokens: Sequence[Token]) -> str:
    return "\n\n".join(_Plain(tokens).blocks()).strip()


def weight(markdown: str) -> int:
    """Count the UTF-8 bytes of the plain text and the HTML together, as a message carries both."""
    tokens = _parse(markdown)
    # The plain text first: describing pictures for the HTML changes the tokens.
    return len(_plain(tokens).encode()) + len(_html(tokens, {}).encode())


@lru_cache(maxsize=64)
def split(markdown: str, limit_bytes: int) -> tuple[str, ...]:
    """Cut a text into parts of at most ``limit_bytes`` each (see weight): between paragraphs, else between sentences.

    The caller leaves room for what the message adds around the part. Raises ValueError for a limit under 256 bytes.
    """
    # Kept in memory, because a card is composed again at every edit of its numbers.
    if limit_bytes < SMALLEST_PART_BYTES:
        raise ValueError(f"a part needs at least {SMALLEST_PART_BYTES} bytes")
    pieces, definitions = _blocks(markdown.replace("\r\n", "\n").replace("\r", "\n"))
    suffix = f"\n\n{definitions}" if definitions else ""
    if suffix and weight(definitions) * 2 > limit_bytes:
        suffix = ""

    def weigh(text: str) -> int:
        return weight(text + suffix)

    parts: list[str] = []
    while pieces:
        count = _most(pieces, weigh, limit_bytes)
        if count == 0:
            pieces = [*_finer(pieces[0]), *pieces[1:]]
            continue
        part = "".join(pieces[:count]).strip("\n")
        if part.strip():
            parts.append(part + suffix)
        pieces = pieces[count:]
    return tuple(parts)


def _web_links_only(address: str) -> bool:
    return _WEB_ADDRESS.match(address.strip()) is not None


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _PARSER_NESTING}).enable(["table", "strikethrough"])
    # The parser asks this for pictures too; theirs are names of files, so they are judged where they are shown.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


def _parse(markdown: str) -> list[Token]:
    if len(markdown.encode(errors="replace")) > LARGEST_BYTES:
        raise ValueError("the text is larger than 64 kB")
    if markdown.count("[") > MOST_BRACKETS:
        raise ValueError("the text has too many brackets")
    tokens = _parser().parse(markdown.encode(errors="replace").decode().replace("\x00", ""))
    for token in tokens:
        if token.children:
            token.children = list(_without_bad_links(_joined_lines(token.children)))
    return tokens


def _without_bad_links(tokens: Sequence[Token]) -> Iterator[Token]:
    """Leave the words of a link that does not lead to the web, without the link."""
    dropped: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            dropped.append(not _web_links_only(str(token.attrs.get("href", ""))))
            if dropped[-1]:
                continue
        elif token.type == "link_close" and dropped.pop():
            continue
        yield token


def _joined_lines(tokens: Sequence[Token]) -> list[Token]:
    """Turn line ends of the source into nothing between Chinese characters and into a space elsewhere."""
    joined = list(tokens)
    for place, token in enumerate(tokens):
        if token.type == "softbreak":
            before = tokens[place - 1].content[-1:] if place else ""
            after = tokens[place + 1].content[:1] if place + 1 < len(tokens) else ""
            gap = "" if _is_wide(before) and _is_wide(after) else " "
            joined[place] = _text_for(token, gap)
    return joined


def _text_for(token: Token, text: str) -> Token:
    """Return a text that takes the place of a token."""
    return type(token)("text", "", 0, content=text, level=token.level)


def _is_wide(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef" or character >= "\U00020000"


def _letters(tokens: Sequence[Token]) -> str:
    return "".join(token.content if not token.children else _letters(token.children) for token in tokens)


def _as_described(token: Token, pictures: Mapping[str, str]) -> Token:
    if token.type != "image":
        return token
    shown_from = pictures.get(unquote(str(token.attrs.get("src", ""))))
    if shown_from is None:
        return _text_for(token, _description(token))
    token.attrs = {"src": shown_from, "alt": ""}
    return token


def _description(token: Token) -> str:
    described = _letters(token.children or ())
    return f"（{described}）" if described else ""


def _allowed_value(tag: str, attribute: str, value: str) -> str | None:
    if tag == "code":
        return value if re.fullmatch(r"language-[\w+-]+", value) else None
    if attribute == "href":
        return value if _web_links_only(value) else None
    return value


class _Plain:
    """Walks the parsed blocks once and writes each as lines of plain text."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def blocks(self, closing: str | None = None) -> list[str]:
        """Write blocks until the token type ``closing``, or to the end."""
        written: list[str] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            text = self._block(token)
            if text:
                written.append(text)
        return written

    def _block(self, token: Token) -> str:
        match token.type:
            case "inline":
                return _plain_line(token.children or ())
            case "heading_open":
                title = "".join(self.blocks("heading_close"))
                return title if not title or title.startswith("【") else f"【{title}】"
            case "paragraph_open":
                return "".join(self.blocks("paragraph_close"))
            case "blockquote_open":
                return _prefixed("\n\n".join(self.blocks("blockquote_close")), "> ", "> ")
            case "bullet_list_open":
                return self._list("bullet_list_close", lambda place: "- ")
            case "ordered_list_open":
                first = int(token.attrs.get("start", 1))
                return self._list("ordered_list_close", lambda place: f"{first + place}. ")
            case "table_open":
                return "\n".join(self._rows())
            case "fence" | "code_block":
                return token.content.rstrip("\n")
            case "hr":
                return "———"
            case _:
                return ""

    def _list(self, closing: str, marker: Callable[[int], str]) -> str:
        items: list[str] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            mark = marker(len(items))
            items.append(_prefixed("\n".join(self.blocks("list_item_close")), mark, " " * len(mark)))
        return "\n".join(items)

    def _rows(self) -> Iterator[str]:
        cells: list[str] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == "table_close":
                return
            if token.type == "inline":
                cells.append(_plain_line(token.children or ()))
            elif token.type == "tr_close":
                yield " | ".join(cells)
                cells = []


def _prefixed(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    return "\n".join(f"{others if place else first}{line}".rstrip() for place, line in enumerate(lines))


def _plain_line(tokens: Sequence[Token]) -> str:
    written: list[str] = []
    links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type == "link_open":
            links.append((str(token.attrs.get("href", "")), len(written)))
        elif token.type == "link_close":
            address, start = links.pop()
            if "".join(written[start:]) != address:
                written.append(f" ({address})")
        elif token.type == "hardbreak":
            written.append("\n")
        elif token.type == "image":
            written.append(_description(token))
        else:
            written.append(token.content)
    return "".join(written).strip()


def _lines(text: str) -> list[str]:
    # Not str.splitlines: the parser counts line feeds only.
    return _LINE.findall(text)


def _blocks(markdown: str) -> tuple[list[str], str]:
    """Cut at the borders of top-level blocks; also return the link definitions, which belong to every part."""
    lines = _lines(markdown)
    starts, covered = [], set[int]()
    for token in _parse(markdown):
        if token.level == 0 and token.nesting >= 0 and token.map is not None:
            starts.append(token.map[0])
            covered.update(range(*token.map))
    definitions = "".join(line for place, line in enumerate(lines) if place not in covered and line.strip())
    kept = [line if place in covered or not line.strip() else "" for place, line in enumerate(lines)]
    borders = [*starts, len(lines)]
    return ["".join(kept[start:end]) for start, end in pairwise(borders)], definitions.strip()


def _most(pieces: Sequence[str], weigh: Callable[[str], int], limit: int) -> int:
    """Find how many pieces from the first on fit together, or nearly so many; 0 when the first alone is too heavy.

    Every trial parses, so each next one is guessed from the weight per byte that the last one had.
    """
    trials = 0
    ends = [0, *accumulate(len(piece.encode(errors="replace")) for piece in pieces)]
    low, high = 0, len(pieces) + 1
    per_byte = _USUAL_WEIGHT
    while high - low > 1:
        trials += 1
        # Where weights are too uneven to guess by, halving always ends soon.
        guess = bisect_right(ends, limit * _AIM / per_byte) - 1 if trials <= _MOST_GUESSES else (low + high) // 2
        count = min(max(guess, low + 1), high - 1)
        weighed = weigh("".join(pieces[:count]))
        per_byte = max(weighed / max(1, ends[count]), _LEAST_WEIGHT)
        if weighed > limit:
            high = count
        else:
            low = count
            if weighed > limit * _ENOUGH:
                break
    return low


def _finer(piece: str) -> list[str]:
    """Cut one piece that is too heavy alone into shorter ones: by items, by lines, by sentences, at last in halves."""
    token = next(iter(_parse(piece)), None)
    if token is not None and token.type == "fence" and token.content.strip():
        return _cut_fence(token)
    for cut in (_by_items, _lines, _by_sentences):
        pieces = cut(piece)
        if len(pieces) > 1:
            return pieces
    return _halves(piece)


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [half for half in (text[:middle], text[middle:]) if half] if middle else []


def _cut_fence(token: Token) -> list[str]:
    """Cut a block of code between its lines, or within its only line; a long remark on its language becomes text."""
    info = token.info.strip()
    if not _LANGUAGE.fullmatch(info):
        return [f"{info}\n\n", _fenced(token.content, "")]
    lines = _lines(token.content)
    middle = len(lines) // 2
    halves = ["".join(lines[:middle]), "".join(lines[middle:])] if middle else _halves(token.content.rstrip("\n"))
    return [_fenced(half, info) for half in halves if half.strip()]


def _fenced(content: str, info: str) -> str:
    """Put a fence around code that none of its lines can close."""
    marks = [max(map(len, re.findall(rf"^ {{0,3}}({mark}{{3,}})[ \t]*$", content, re.M)), default=2) for mark in "`~"]
    mark = ("`" if marks[0] <= marks[1] else "~") * (min(marks) + 1)
    return f"{mark}{info}\n{content.removesuffix(chr(10))}\n{mark}\n\n"


def _by_items(piece: str) -> list[str]:
    starts = [t.map[0] for t in _parse(piece) if t.type == "list_item_open" and t.level == 1 and t.map is not None]
    lines = _lines(piece)
    borders = [0, *starts[1:], len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(borders)]


def _by_sentences(piece: str) -> list[str]:
    ends = [0, *(found.end() for found in _SENTENCE_END.finditer(piece)), len(piece)]
    return [piece[start:end] for start, end in pairwise(ends) if end > start]
