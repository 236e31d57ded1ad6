"""Takes in what is uploaded for a lesson: judged by its first bytes, never by its name, and by its weight."""

from __future__ import annotations

from console import documents, pictures, videos
from content.decision import Refusal, refused
from content.media import MediumKept, allowance, most_bytes, shown_name, weight


def take_in(data: bytes, filename: str, *, limit: int | None = None) -> MediumKept | Refusal:
    """Read a picture, a video or a PDF; ``limit`` is what the homeserver takes in one upload, if it has said so."""
    name = shown_name(filename)
    taken = _read(data, name)
    most = most_bytes(limit)
    # A picture is written anew and is mostly lighter then, so that its weight is judged afterwards.
    size = len(taken.data) if isinstance(taken, MediumKept) else len(data)
    if size > most and not (isinstance(taken, Refusal) and _is_picture(data)):
        return refused("medium.too_large", field="media", name=name, size=weight(size), most=allowance(most))
    return taken


def _read(data: bytes, name: str) -> MediumKept | Refusal:
    if documents.is_pdf(data):
        return documents.take_in(data, name)
    if videos.is_video(data):
        return videos.take_in(data, name)
    return pictures.take_in(data, name)


def _is_picture(data: bytes) -> bool:
    return not documents.is_pdf(data) and not videos.is_video(data)
