"""A message in the plain form in which words are compared, whatever keyboard it was typed on."""

from __future__ import annotations

import re
import unicodedata

LONGEST_READ = 4096
"""Characters of a message that are looked at; commands are short."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-"})
_RAISED = re.compile("([\u00b2\u00b3\u00b9\u2070-\u209c]+)")
"""Raised and lowered digits: the normal form would make plain numbers of what is a footnote or a unit."""

SIMPLIFIED = str.maketrans(
    "動舉報簽請學補幫綁臺個課單麼習黨靜別擾復棄權選刪剛纔誤數據導遲線號週禮時現後問調練錯題測語網頁場訴記錄間鐘兩廣罵謠傳隱無關會鎖龍參決議務發員組織評談話討費細進難辦匯彙寫畢諾開",
    "动举报签请学补帮绑台个课单么习党静别扰复弃权选删刚才误数据导迟线号周礼时现后问调练错题测语网页场诉记录间钟两广骂谣传隐无关会锁龙参决议务发员组织评谈话讨费细进难办汇汇写毕诺开",
)
"""The traditional form of every sign in our words; what people add in their own words stays as they wrote it."""

_END = " 。.!~,、"


def normalise(text: str) -> str:
    """Return a message as keywords are compared: plain forms of letters and digits, no decoration, no ending."""
    pieces = _RAISED.split(text[:LONGEST_READ])
    plain = [piece if place % 2 else unicodedata.normalize("NFKC", piece) for place, piece in enumerate(pieces)]
    text = "".join(plain).translate(_DASHES)
    text = _INVISIBLE.sub("", text).strip()
    stripped = text.rstrip(_END)
    return (stripped or text).strip(" \"'“”「」")


def without_reply_fallback(body: str) -> str:
    """Drop the quoted lines that older clients put before a reply."""
    lines = body.split("\n")
    start = 0
    while start < len(lines) and lines[start].startswith("> "):
        start += 1
    if start and start < len(lines) and not lines[start].strip():
        start += 1
    return "\n".join(lines[start:])


def simplified(text: str) -> str:
    """Return a text in one case, and in simplified forms of the signs that stand in our words."""
    return text.casefold().translate(SIMPLIFIED)


def keyword(text: str) -> str:
    folded = text.casefold().translate(SIMPLIFIED)
    together = "".join(folded.split())
    return together if not together.isascii() else " ".join(folded.split())
