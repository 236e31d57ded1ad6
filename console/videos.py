"""Takes in videos that phones can play: MP4 with H.264, and WebM; length and size are read on the way."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from msgspec import Struct

from content.decision import Refusal, refused
from content.media import Kind, MediumKept

MOST_BOXES = 10_000
"""Boxes or elements of one level; a video has a few dozen."""

EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT, _INFO, _TRACKS, _ENTRY, _VIDEO = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0
_DOCTYPE, _SCALE, _DURATION, _CODEC, _WIDTH, _HEIGHT = 0x4282, 0x2AD7B1, 0x4489, 0x86, 0xB0, 0xBA
_H264 = (b"avc1", b"avc3")
_SOUND_AND_TEXT = (b"mp4a", b"tx3g", b"text", b"tmcd", b"mett", b"wvtt", b"stpp", b"Opus", b"ac-3")
_WEB_CODECS = (b"V_VP8", b"V_VP9", b"V_AV1")


class _Broken(Exception):
    """The bytes are not laid out as they say."""


class _Seen(Struct):
    """What was read of a video; ``codecs`` are those of its pictures."""

    codecs: list[bytes]
    seconds: float | None = None
    width: int = 0
    height: int = 0


def is_video(data: bytes) -> bool:
    """Tell by the first bytes whether something is a video."""
    return data[4:8] == b"ftyp" or data[:4] == EBML


def take_in(data: bytes, name: str) -> MediumKept | Refusal:
    """Read an MP4 with H.264 pictures, or a WebM, as it is; others would stay black on some phone."""
    web = data[:4] == EBML
    try:
        seen = _read_web(memoryview(data)) if web else _read_mp4(memoryview(data))
    except (_Broken, struct.error, ZeroDivisionError, ValueError):
        return refused("video.not_readable", field="media", name=name)
    known = _WEB_CODECS if web else _H264
    strange = next((codec for codec in seen.codecs if codec not in known), None)
    if strange is not None or not seen.codecs:
        codec = (strange or b"?").decode("ascii", "replace").strip()[:20]
        return refused("video.codec", field="media", name=name, codec=codec)
    return MediumKept(
        hash=hashlib.sha256(data).hexdigest(),
        name=name,
        mimetype="video/webm" if web else "video/mp4",
        data=data,
        width=seen.width,
        height=seen.height,
        kind=Kind.VIDEO,
        seconds=round(seen.seconds) if seen.seconds is not None and 0 <= seen.seconds < 360_000 else None,
    )


# --- MP4 (ISO/IEC 14496-12) -------------------------------------------------------------------------------------------


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the boxes of one level: kind and content. A size of 1 stands for a longer one, 0 for all that is left."""
    at = 0
    for _ in range(MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            raise _Broken
        yield kind, data[at + head : at + size]
        at += size
    raise _Broken


def _first(data: memoryview, *kinds: bytes) -> memoryview:
    """Return the box at the end of a path of first boxes."""
    for wanted in kinds:
        found = next((content for kind, content in _boxes(data) if kind == wanted), None)
        if found is None:
            raise _Broken
        data = found
    return data


def _read_mp4(data: memoryview) -> _Seen:
    movie = _first(data, b"moov")
    header = _first(movie, b"mvhd")
    if header[0] == 1:
        scale, length = struct.unpack_from(">IQ", header, 20)
    else:
        scale, length = struct.unpack_from(">II", header, 12)
    seen = _Seen(codecs=[], seconds=length / scale)
    for kind, track in _boxes(movie):
        if kind == b"trak":
            _read_track(track, seen)
    return seen


def _read_track(track: memoryview, seen: _Seen) -> None:
    handler = _first(track, b"mdia", b"hdlr")
    if bytes(handler[8:12]) != b"vide":
        return
    samples = _first(track, b"mdia", b"minf", b"stbl", b"stsd")
    seen.codecs += [kind for kind, _ in _boxes(samples[8:]) if kind not in _SOUND_AND_TEXT]
    header = _first(track, b"tkhd")
    # Width and height close the header as numbers with 16 bits behind the point.
    width, height = struct.unpack_from(">II", header, len(header) - 8)
    seen.width, seen.height = width >> 16, height >> 16


# --- WebM (RFC 8794, RFC 9559) ----------------------------------------------------------------------------------------


def _number(data: memoryview, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """Read a number of variable length and return it with the place behind it."""
    if at >= len(data) or data[at] == 0:
        raise _Broken
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        raise _Broken
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_mark else value & ((1 << 7 * length) - 1)), at + length


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the elements of one level; one of unknown length holds all that is left."""
    at = 0
    for _ in range(MOST_BOXES):
        if at >= len(data):
            return
        start = at
        kind, at = _number(data, at, keep_mark=True)
        size, after = _number(data, at, keep_mark=False)
        if size == (1 << 7 * (after - at)) - 1:
            size = len(data) - after
        if after + size > len(data) or at == start:
            raise _Broken
        yield kind, data[after : after + size]
        at = after + size
    raise _Broken


def _read_web(data: memoryview) -> _Seen:
    seen = _Seen(codecs=[])
    for kind, content in _elements(data):
        if kind == 0x1A45DFA3 and not any(
            inner == _DOCTYPE and bytes(value).rstrip(b"\0") == b"webm" for inner, value in _elements(content)
        ):
            raise _Broken
        if kind == _SEGMENT:
            for part, held in _elements(content):
                if part == _INFO:
                    seen.seconds = _length(held)
                elif part == _TRACKS:
                    _read_web_tracks(held, seen)
                    return seen
    return seen


def _length(info: memoryview) -> float | None:
    scale, length = 1_000_000, None
    for kind, value in _elements(info):
        if kind == _SCALE:
            scale = int.from_bytes(value, "big")
        elif kind == _DURATION and len(value) in (4, 8):
            (length,) = struct.unpack(">f" if len(value) == 4 else ">d", value)
    return None if length is None else length * scale / 1e9


def _read_web_tracks(tracks: memoryview, seen: _Seen) -> None:
    for kind, track in _elements(tracks):
        if kind != _ENTRY:
            continue
        parts = dict(_elements(track))
        codec = bytes(parts.get(_CODEC, b"")).rstrip(b"\0")
        if not codec.startswith(b"V_"):
            continue
        seen.codecs.append(codec)
        if _VIDEO in parts:
            sizes = dict(_elements(parts[_VIDEO]))
            seen.width = int.from_bytes(sizes.get(_WIDTH, b""), "big")
            seen.height = int.from_bytes(sizes.get(_HEIGHT, b""), "big")
