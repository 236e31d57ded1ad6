"""Takes in pictures: decoded within limits and written anew, so that nothing but what is seen is kept.

Pillow is imported where a picture is at hand: between two pictures a console need not hold it.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from content.decision import Refusal, refused
from content.media import MediumKept, shown_name

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 20_000_000
LONGEST_SIDE = 2_560
"""In pixels: more than any phone or desk shows of a lesson."""

LARGEST_BYTES = 8 * 1024 * 1024
_FORMATS = ("PNG", "JPEG", "WEBP")


def take_in(data: bytes, filename: str) -> MediumKept | Refusal:
    """Read a PNG, JPEG or WebP of at most 20 megapixels and write it anew, without position, camera or comments."""
    from PIL import Image, ImageOps

    name = shown_name(filename)
    if len(data) > LARGEST_BYTES:
        return refused("picture.too_large", field="media", name=name, most=LARGEST_BYTES // 1024 // 1024)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return refused("picture.too_many_pixels", field="media", name=name, most=MOST_PIXELS // 1_000_000)
            clean = ImageOps.exif_transpose(image)
            clean.load()
    except Image.DecompressionBombError:
        return refused("picture.too_many_pixels", field="media", name=name, most=MOST_PIXELS // 1_000_000)
    except Exception:
        # Whatever a decoder raises on a broken or hostile file, it is the file's fault.
        return refused("picture.not_readable", field="media", name=name)
    return _written(clean, name)


def _written(image: Image, name: str) -> MediumKept:
    from PIL import Image

    see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    plain = image.convert("RGBA" if see_through else "RGB")
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A fresh canvas carries no metadata of the old file.
    fresh = Image.new(plain.mode, plain.size)
    fresh.paste(plain)
    out = io.BytesIO()
    if see_through:
        fresh.save(out, "PNG", optimize=True)
    else:
        fresh.save(out, "JPEG", quality=88, optimize=True)
    data = out.getvalue()
    return MediumKept(
        hash=hashlib.sha256(data).hexdigest(),
        name=name,
        mimetype="image/png" if see_through else "image/jpeg",
        data=data,
        width=fresh.width,
        height=fresh.height,
    )
