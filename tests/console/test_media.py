"""What is uploaded is judged by its bytes: phones must be able to play it, open it, and nothing may run by itself."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from console.media import take_in
from content.decision import Refusal
from content.media import Kind, MediumKept
from tests.films import box, mp4, pdf, webm

MEGA = 1024 * 1024
BROKEN = b"1 0 obj << /Type /ObjStm /Filter /FlateDecode >> stream\nxx\nendstream trailer"


def refusal(data: bytes, *, limit: int | None = None) -> str:
    """Return why something is not taken."""
    answer = take_in(data, "文件.bin", limit=limit)
    assert isinstance(answer, Refusal)
    assert answer.field == "media"
    return answer.words.key


def taken(data: bytes, name: str = "文件.bin") -> MediumKept:
    """Take something in."""
    answer = take_in(data, name)
    assert isinstance(answer, MediumKept), answer
    return answer


def test_an_mp4_says_how_long_and_how_large_it_is_whatever_its_name() -> None:
    kept = taken(mp4(), "../讲解.txt")
    assert (kept.kind, kept.mimetype, kept.name) == (Kind.VIDEO, "video/mp4", "讲解.txt")
    assert (kept.seconds, kept.width, kept.height) == (75, 640, 360)
    assert kept.data == mp4()


@pytest.mark.parametrize("codec", [b"hvc1", b"hev1", b"av01", b"mp4v"])
def test_a_video_that_some_phones_cannot_play_is_refused_by_its_codec(codec: bytes) -> None:
    assert refusal(mp4(codec=codec)) == "video.codec"


def test_a_webm_is_taken_with_its_length() -> None:
    kept = taken(webm())
    assert (kept.mimetype, kept.seconds, kept.width, kept.height) == ("video/webm", 12, 320, 180)
    assert refusal(webm(codec=b"V_MPEG4/ISO/AVC")) == "video.codec"


@pytest.mark.parametrize("data", [mp4()[:150], webm()[:60], box(b"ftyp", b"isom"), b"\x1a\x45\xdf\xa3" + bytes(40)])
def test_a_video_that_is_cut_off_is_refused(data: bytes) -> None:
    assert refusal(data) in ("video.not_readable", "video.codec")


def test_a_pdf_is_taken_with_its_pages() -> None:
    kept = taken(pdf(pages=3))
    assert (kept.kind, kept.mimetype, kept.pages) == (Kind.DOCUMENT, "application/pdf", 3)
    assert taken(pdf(pages=1, packed=b"<< /Type /Page >> << /Type /Page >>")).pages == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pdf()[:-20], "document.not_readable"),
        (pdf(extra=b"9 0 obj << /Encrypt 8 0 R >> endobj\n"), "document.locked"),
        (pdf(extra=b"9 0 obj << /S /JavaScript /JS (app.alert) >> endobj\n"), "document.active"),
        (pdf(extra=b"9 0 obj << /S /J#61vaScript >> endobj\n"), "document.active"),
        (pdf(extra=b"9 0 obj << /S /Launch >> endobj\n"), "document.active"),
        (pdf(extra=b"9 0 obj << /Type /EmbeddedFile >> endobj\n"), "document.active"),
        (pdf(packed=b"<< /S /JavaScript >>"), "document.active"),
        (pdf(packed=b"\0" * 33 * MEGA), "document.not_readable"),
        (pdf().replace(b"trailer", BROKEN), "document.not_readable"),
    ],
)
def test_a_pdf_that_does_not_open_or_does_more_than_be_read_is_refused(data: bytes, said: str) -> None:
    assert refusal(data) == said


def test_words_in_a_pdf_that_only_look_dangerous_are_fine() -> None:
    assert taken(pdf(extra=b"8 0 obj << >> stream\n/JavaScript is only text here\nendstream endobj\n")).pages == 2


def test_what_the_homeserver_does_not_take_is_refused_and_a_picture_by_what_is_left_of_it() -> None:
    assert refusal(mp4(weight=2 * MEGA), limit=MEGA) == "medium.too_large"
    assert isinstance(take_in(mp4(weight=2 * MEGA), "a.mp4", limit=3 * MEGA), MediumKept)
    raw = io.BytesIO()
    Image.effect_noise((1_200, 900), 90).convert("RGB").save(raw, "PNG")
    small = take_in(raw.getvalue(), "a.png", limit=MEGA)
    assert len(raw.getvalue()) > MEGA
    assert isinstance(small, MediumKept)


def test_anything_else_is_refused() -> None:
    for data in (b"", b"MZ\x90", b"PK\x03\x04" + bytes(100), b"<html>"):
        assert refusal(data) == "picture.not_readable"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([mp4(), webm(), pdf(packed=b"<< >>")]), st.integers(0, 400))
def test_no_bytes_break_the_reading(noise: bytes, good: bytes, at: int) -> None:
    for data in (noise, good[:at] + noise + good[at:], good[:at] + noise, good[:8] + noise):
        assert isinstance(take_in(data, "x"), MediumKept | Refusal)
