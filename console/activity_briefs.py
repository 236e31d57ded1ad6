"""One page on an activity, as a branch files or sends it: only of what was put down, and what is missing says so."""

from __future__ import annotations

from console.word import Document, Heading, Paragraph
from console.wording import fully, t
from content.activities import Activity


def brief_of(one: Activity, *, category: str, photos: int, place: str) -> Document:
    """Return the page; ``photos`` is how many the album has, which may be none."""
    missing = t("activities.to_be_filled_in")
    people = t("activities.n_people", n=one.people) if one.people is not None else missing
    facts = (
        (t("activities.category"), category),
        (t("activities.begins"), fully(one.begins_at)),
        (t("activities.place"), one.place or missing),
        (t("activities.people"), people),
        (t("activities.partners"), one.partners or missing),
    )
    parts = ((t("activities.account"), one.account), (t("activities.outcome"), one.outcome))
    blocks: list[Heading | Paragraph] = [
        Paragraph(text=t("activities.brief_line", name=name, value=value)) for name, value in facts
    ]
    for number, (head, text) in enumerate(parts, start=1):
        blocks.append(Heading(text=t("activities.brief_head", number=t(f"activities.number_{number}"), head=head)))
        blocks += [Paragraph(text=line) for line in (text or missing).split("\n")]
    blocks.append(Paragraph(text=t("activities.brief_photos", n=photos)))
    blocks += [Paragraph(text=place, right=True), Paragraph(text=one.day.isoformat(), right=True)]
    return Document(title=t("activities.brief_title", title=one.title), blocks=tuple(blocks))


def text_of(document: Document) -> str:
    """Return the same as plain text to copy."""
    lines = [document.title]
    lines += [block.text for block in document.blocks if isinstance(block, Heading | Paragraph)]
    return "\n".join(lines)
