"""The shapes of poll events: what is written is what is read, and what cannot be read says what it is about."""

from __future__ import annotations

from typing import Any

import pytest

from bot.matrix.crypto import _unreadable
from bot.matrix.polls import END, START, read_start, refers_to, write_end, write_start
from content.polls import Answer, Sheet
from tests.small_branch import LI, account, event


@pytest.mark.parametrize("disclosed", [True, False])
def test_what_is_written_is_what_is_read(disclosed: bool) -> None:
    answers = tuple(Answer(id=f"id{number}", text=f"第{number}项") for number in range(20))
    sheet = Sheet(question="哪天", answers=answers, most=3, disclosed=disclosed)
    assert read_start(write_start(sheet, "哪天", "全文")) == (sheet, False)


def test_the_unstable_form_alone_is_sent() -> None:
    start = write_start(Sheet(question="哪天", answers=()), "哪天", "全文")
    assert set(start) == {START, "org.matrix.msc1767.text"}
    assert set(write_end("$poll", "全文")) == {END, "org.matrix.msc1767.text", "m.relates_to"}
    assert refers_to(write_end("$poll", "全文")) == "$poll"


@pytest.mark.parametrize(
    ("relation", "about"),
    [
        ({"rel_type": "m.reference", "event_id": "$poll"}, "$poll"),
        ({"rel_type": "m.thread", "event_id": "$poll"}, None),
        ({"rel_type": "m.reference", "event_id": 7}, None),
        ("$poll", None),
    ],
)
def test_c13_what_cannot_be_decrypted_still_says_what_it_is_about(relation: Any, about: str | None) -> None:
    sealed = event(account(LI), "m.room.encrypted", {"ciphertext": "x", "m.relates_to": relation})
    assert _unreadable(sealed, "session").refers_to == about
