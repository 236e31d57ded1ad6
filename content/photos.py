"""Writes photos of albums anew, in two sizes, so that nothing but what is seen is kept.

Pillow is imported where a photo is at hand: between two photos nobody need hold it.
"""

from __future__ import annotations

import io

from msgspec import Struct

LARGEST = 20 * 1024 * 1024
"""Bytes of a photo as it is sent; far less is kept."""
MOST_PIXELS = 50_000_000
"""Of a photo as it is sent: what telephones make."""
LONGEST_SIDE = 1_600
"""In pixels: what is kept of a photo for looking at."""
SMALL_SIDE = 320
"""In pixels: what is kept for a grid."""
_FORMATS = ("PNG", "JPEG", "WEBP")


class Written(Struct, frozen=True, kw_only=True):
    """A photo written anew, as JPEG in two sizes, without position, camera or comments."""

    data: bytes
    small: bytes
    width: int
    height: int


def write_anew(data: bytes) -> Written | None:
    """Read a PNG, JPEG or WebP and write it anew; ``None`` for what is none, or too large to be looked at."""
    from PIL import Image, ImageOps

    if len(data) > LARGEST:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except Exception:
        # Whatever a decoder raises on a broken or hostile file, it is the file's fault.
        return None
    plain = upright.convert("RGB")
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A fresh canvas carries no metadata of the old file.
    fresh = Image.new("RGB", plain.size)
    fresh.paste(plain)
    small = fresh.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    written = []
    for each in (fresh, small):
        out = io.BytesIO()
        each.save(out, "JPEG", quality=82, optimize=True)
        written.append(out.getvalue())
    return Written(data=written[0], small=written[1], width=fresh.width, height=fresh.height)
