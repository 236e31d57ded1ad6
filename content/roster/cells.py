"""Brings one cell of a roster into its normal form, or says what is wrong with it; nothing is rounded or guessed."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct

from content.grid import Cell

TEXTS: Mapping[str, int] = {
    "ethnicity": 30,
    "education": 40,
    "degree": 40,
    "post": 120,
    "position": 60,
    "shift": 20,
    "status": 40,
    "destination": 20,
    "note": 1_000,
}
"""Fields that are free text, and how many characters each may have."""

DAYS = ("born", "working_since", "joined", "full_since", "lost_since")
"""Fields that are dates."""

ANSWERS = ("floating", "out_of_touch")
"""Fields that are yes or no."""

LONGEST_NAME = 64
FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000
"""Day numbers of spreadsheets that are taken for dates: 1927 to 2119."""

_EMPTY = {"", "-", "/", "\\", "无", "―"}
_FORMULA_STARTERS = "=+-@\t\r＝＋－＠"
_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-"})
_DOTS = str.maketrans({"•": "·", "‧": "·", "・": "·", "･": "·"})
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$")
_DAY = re.compile(r"(\d{4})(?:[./-]|年)(\d{1,2})(?:[./-]|月)(\d{1,2})[日号]?|(\d{4})(\d{2})(\d{2})")
_MONTH = re.compile(r"(\d{4})(?:[./-]|年)(\d{1,2})月?|(\d{4})(\d{2})")
_SHORT_YEAR = re.compile(r"\d{2}(?:[./-]|年)\d{1,2}(?:(?:[./-]|月)\d{1,2}[日号]?|月)?")
_CLOSER = re.compile(
    r"\d|[路街巷弄号號室栋棟幢村旗]|社[区區]|小[区區]|(?<!自治)(?<!行政)(?<!特别)(?<![地林特])(?<!雄安新)[区區]|市.{1,8}[县縣]"
    r"|(?<!景德)[镇鎮](?!江)|(?<![新萍桐湘宁寧])[乡鄉]|\b(?:road|street|avenue|village|district)\b",
    re.IGNORECASE,
)
"""What stands in an address and in no name of a province or a city."""
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_MOBILE = re.compile(r"(?:\+86|0086|86)?(1\d{10})")
_ANY_PHONE = re.compile(r"\+?[0-9()-]{5,20}")
_ACCOUNT = re.compile(r"@[!-9;-~]*:[A-Za-z0-9.\-\[\]:]+")
_BETWEEN_WIDE = re.compile(
    r"(?<=[\u2e80-\u9fff\U00020000-\U0003ffff·])\s+|\s+(?=[\u2e80-\u9fff\U00020000-\U0003ffff·])"
)

_CATEGORIES = {
    "中共党员": "正式党员",
    "正式党员": "正式党员",
    "中共正式党员": "正式党员",
    "中共预备党员": "预备党员",
    "预备党员": "预备党员",
    "入党积极分子": "入党积极分子",
    "积极分子": "入党积极分子",
    "发展对象": "发展对象",
    "入党申请人": "入党申请人",
}
_YES = {"是", "√", "✓", "✔", "☑", "y", "yes", "true", "对"}
_NO = {"否", "不是", "×", "✗", "✘", "☒", "x", "n", "no", "false", "错"}
_GENDERS = {"男": "男", "女": "女", "m": "男", "f": "女", "male": "男", "female": "女"}


class Wrong(Struct, frozen=True, kw_only=True):
    """What is wrong with a cell: the last part of a key of the catalogue."""

    code: str


def text(cell: Cell) -> str:
    """Return a cell as one line of text without what cannot be seen; a mark of emptiness is empty."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    seen = "".join(" " if letter.isspace() else letter for letter in str(cell) if _is_seen(letter))
    line = unicodedata.normalize("NFC", " ".join(seen.split()))
    if line[:1] == "'" and line[1:2] and line[1] in _FORMULA_STARTERS:
        # Our own exports put ' before what might be taken for a formula.
        line = line[1:]
    return "" if line in _EMPTY else line


def _is_seen(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) not in {"Cc", "Cf", "Cs"}


def compact(written: str) -> str:
    """Return text in compatibility form without any space, for comparing words of a form."""
    return "".join(unicodedata.normalize("NFKC", written).split())


def name(cell: Cell) -> str | Wrong:
    """Return a person's name: no spaces beside Chinese characters, one between words of other scripts."""
    line = _BETWEEN_WIDE.sub("", text(cell).translate(_DOTS))
    return Wrong(code="name_too_long") if len(line) > LONGEST_NAME else line


def destination(cell: Cell) -> str | Wrong:
    """Return where somebody who is away has gone: a province or a city, and never closer (AWAY-6)."""
    line = text(cell)
    too_close = len(line) > TEXTS["destination"] or _CLOSER.search(line)
    return Wrong(code="too_close") if too_close else line


def phone(cell: Cell) -> str | Wrong:
    """Return a telephone number: a mobile one as 11 digits, others as written without spaces."""
    if isinstance(cell, bool | date) or (isinstance(cell, float) and not cell.is_integer()):
        return Wrong(code="not_a_phone")
    line = compact(text(cell)).translate(_DASHES)
    if _SCIENTIFIC.fullmatch(line) and "e" in line.lower():
        return Wrong(code="digits_lost")
    mobile = _MOBILE.fullmatch(line.replace("-", ""))
    if mobile:
        return mobile.group(1)
    return line if not line or _ANY_PHONE.fullmatch(line) else Wrong(code="not_a_phone")


def day(cell: Cell, *, counts_from_1904: bool = False) -> str | Wrong:
    """Return a date as ``YYYY-MM-DD``, or ``YYYY-MM`` where only the month is given."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _day_of_number(cell, counts_from_1904)
    line = unicodedata.normalize("NFKC", text(cell)).translate(_DASHES)
    line = _TIME_OF_DAY.sub("", line).replace(" ", "")
    if not line:
        return ""
    if _SHORT_YEAR.fullmatch(line):
        return Wrong(code="year_unclear")
    found = _DAY.fullmatch(line) or _MONTH.fullmatch(line)
    return _calendar(*(int(part) for part in found.groups() if part)) if found else Wrong(code="not_a_date")


def _day_of_number(number: float, counts_from_1904: bool) -> str | Wrong:
    if FIRST_SERIAL <= number < LAST_SERIAL:
        first = date(1904, 1, 1) if counts_from_1904 else date(1899, 12, 30)
        return (first + timedelta(days=int(number))).isoformat()
    if not math.isfinite(number):
        return Wrong(code="not_a_date")
    if number == int(number):
        return day(str(int(number)))
    year, _, month = repr(float(number)).partition(".")
    if len(year) == 2:
        return Wrong(code="year_unclear")
    # 1990.1 is January, or October that lost its zero; 1990.2 to 1990.9 and two digits can be one month only.
    return Wrong(code="month_unclear") if month == "1" else day(f"{year}.{month}")


def _calendar(year: int, month: int, day_of_month: int | None = None) -> str | Wrong:
    try:
        found = date(year, month, day_of_month or 1)
    except ValueError:
        return Wrong(code="no_such_day")
    if not 1900 <= found.year <= 2100 or day_of_month == 0:
        return Wrong(code="no_such_day")
    return found.isoformat() if day_of_month is not None else found.isoformat()[:7]


def gender(cell: Cell) -> str | Wrong:
    """Return 男 or 女."""
    line = compact(text(cell)).lower()
    return _GENDERS.get(line, Wrong(code="not_a_gender")) if line else ""


def yes_or_no(cell: Cell) -> bool | Wrong | None:
    """Return what a column of ticks says; an empty cell says nothing, which is not a no."""
    line = compact(text(cell)).lower()
    if line in _YES:
        return True
    if line in _NO:
        return False
    return Wrong(code="not_yes_or_no") if line else None


def said(answer: bool | None) -> str:
    """Return an answer as a roster writes it; what is not known stays empty."""
    return "" if answer is None else "是" if answer else "否"


def category(cell: Cell) -> str | Wrong:
    """Return how a person stands to the Party; one who is outside it is no entry of this roster."""
    line = compact(text(cell))
    return _CATEGORIES.get(line, Wrong(code="not_a_member")) if line else ""


def account(cell: Cell) -> str | Wrong:
    """Return a Matrix user id, ``@local:server``."""
    line = text(cell)
    if not line:
        return ""
    return line if _ACCOUNT.fullmatch(line) and len(line) <= 255 else Wrong(code="not_an_account")
