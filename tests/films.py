"""Small videos and documents that tests upload: laid out as real ones are, with nothing in their frames."""

from __future__ import annotations

import struct
import zlib


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return an MP4 box."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(*, codec: bytes = b"avc1", seconds: int = 75, width: int = 640, height: int = 360, weight: int = 100) -> bytes:
    """Return an MP4 of one picture track, whose frames weigh so many bytes."""
    header = struct.pack(">IIIII", 0, 0, 0, 1000, seconds * 1000) + bytes(80)
    track = bytes(76) + struct.pack(">II", width << 16, height << 16)
    samples = struct.pack(">II", 0, 1) + box(codec, bytes(78))
    media = box(b"hdlr", bytes(8) + b"vide" + bytes(13)) + box(b"minf", box(b"stbl", box(b"stsd", samples)))
    movie = box(b"mvhd", header) + box(b"trak", box(b"tkhd", track), box(b"mdia", media))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", movie) + box(b"mdat", bytes(weight))


def element(kind: int, content: bytes) -> bytes:
    """Return an EBML element with a length of eight bytes."""
    name = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return name + b"\x01" + len(content).to_bytes(7, "big") + content


def webm(*, codec: bytes = b"V_VP9", seconds: float = 12.4) -> bytes:
    """Return a WebM of one picture track."""
    info = element(0x2AD7B1, (1_000_000).to_bytes(3, "big")) + element(0x4489, struct.pack(">d", seconds * 1000))
    video = element(0xB0, (320).to_bytes(2, "big")) + element(0xBA, (180).to_bytes(2, "big"))
    tracks = element(0xAE, element(0x86, codec) + element(0xE0, video))
    segment = element(0x1549A966, info) + element(0x1654AE6B, tracks)
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, segment)


def pdf(*, pages: int = 2, extra: bytes = b"", packed: bytes = b"") -> bytes:
    """Return a PDF of so many empty pages; ``packed`` goes into an object stream."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d >>" % pages]
    objects += [b"<< /Type /Page /Parent 2 0 R >>"] * pages
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, start=1))
    if packed:
        data = zlib.compress(packed)
        described = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>" % len(data)
        body += b"90 0 obj\n%s\nstream\n%s\nendstream\nendobj\n" % (described, data)
    return b"%PDF-1.7\n" + body + extra + b"trailer << /Root 1 0 R >>\n%%EOF\n"
