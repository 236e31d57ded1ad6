"""Takes in PDF files: whole ones that open without a password and do nothing by themselves."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator

from content.decision import Refusal, refused
from content.media import Kind, MediumKept

HEADER_WITHIN = 1024
"""Bytes in which readers look for the header, and from the end for the end mark."""

LARGEST_UNPACKED = 32 * 1024 * 1024
"""Of all packed objects together: enough for thousands of pages, too little for a bomb."""

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_PACKED = re.compile(rb"/Type\s*/ObjStm")
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z0-9])")
_ENCRYPTED = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA)(?![A-Za-z0-9])")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")


def is_pdf(data: bytes) -> bool:
    """Tell by the first bytes whether something is a PDF."""
    return b"%PDF-" in data[:HEADER_WITHIN]


def take_in(data: bytes, name: str) -> MediumKept | Refusal:
    """Read a PDF as it is.

    Refused are those that are cut off, need a password, or carry scripts, programs or other files inside. What lies in
    packed objects is looked at too; a file that hides on purpose is for the reader's own program to stop.
    """
    if b"%%EOF" not in data[-HEADER_WITHIN:]:
        return refused("document.not_readable", field="media", name=name)
    if _ENCRYPTED.search(data):
        return refused("document.locked", field="media", name=name)
    pages = 0
    try:
        for part in _objects(data):
            plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part)
            if _ACTIVE.search(plain):
                return refused("document.active", field="media", name=name)
            pages += len(_PAGE.findall(plain))
    except (zlib.error, OverflowError):
        return refused("document.not_readable", field="media", name=name)
    return MediumKept(
        hash=hashlib.sha256(data).hexdigest(),
        name=name,
        mimetype="application/pdf",
        data=data,
        width=0,
        height=0,
        kind=Kind.DOCUMENT,
        pages=pages or None,
    )


def _objects(data: bytes) -> Iterator[bytes]:
    """Yield what stands between streams, and what object streams hold; pictures and text streams are left out.

    Raises OverflowError for more than LARGEST_UNPACKED, zlib.error for what cannot be unpacked.
    """
    at, room = 0, LARGEST_UNPACKED
    while (found := _STREAM.search(data, at)) is not None:
        between = data[at : found.start()]
        yield between
        end = data.find(b"endstream", found.end())
        if end < 0:
            return
        # The dictionary that describes a stream stands right before it.
        described = between[between.rfind(b" obj") + 1 :]
        if _PACKED.search(described) and b"/FlateDecode" in described:
            unpacker = zlib.decompressobj()
            part = unpacker.decompress(data[found.end() : end], room)
            room -= len(part)
            if room <= 0:
                raise OverflowError("the packed objects are too large")
            yield part
        at = end + len(b"endstream")
    yield data[at:]
