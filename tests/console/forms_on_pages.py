"""Forms as they stand on a page: read out of its HTML, with what a person may fill in and what is sent unseen."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

UNSEEN = frozenset({"hidden"})
NOT_KEPT = frozenset({"password", "file", "submit", "button"})
"""Kinds of fields whose value never goes back into a page."""


@dataclass(slots=True)
class Field:
    """One field: its name, its kind, what stands in it, what may be chosen, and by what it is explained."""

    name: str
    kind: str
    value: str = ""
    on: bool = False
    choices: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Form:
    """One form that is posted, and its fields in the order of the page."""

    action: str
    fields: list[Field] = field(default_factory=list)

    @property
    def unseen(self) -> dict[str, str]:
        """Return what is sent without being shown."""
        return {one.name: one.value for one in self.fields if one.kind in UNSEEN}

    @property
    def filled(self) -> list[Field]:
        """Return what a person may fill in, and may find again."""
        return [one for one in self.fields if one.kind not in UNSEEN | NOT_KEPT]

    def sent(self) -> list[tuple[str, str]]:
        """Return what a browser sends of it, as it stands."""
        pairs: list[tuple[str, str]] = []
        for one in self.fields:
            if one.kind in ("radio", "checkbox"):
                pairs += [(one.name, one.value)] if one.on else []
            elif one.kind not in NOT_KEPT:
                pairs.append((one.name, one.value))
        return pairs


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._text: Field | None = None
        self._select: Field | None = None
        self._set = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, str] = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(action=given.get("action", "")) if given.get("method") == "post" else None
            if self._form is not None:
                self.forms.append(self._form)
        if self._form is None:
            return
        if tag == "fieldset":
            self._set = given.get("aria-describedby", "")
        name = given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            default = "on" if kind in ("radio", "checkbox") else ""
            self._add(name, kind, given, value=given.get("value", default), on="checked" in given)
        elif tag == "button" and name:
            self._add(name, "submit", given, value=given.get("value", ""))
        elif tag == "textarea" and name:
            self._text = self._add(name, "textarea", given)
        elif tag == "select" and name:
            self._select = self._add(name, "select", given)
        elif tag == "option" and self._select is not None:
            value = given.get("value", "")
            if "selected" in given or not self._select.choices:
                self._select.value = value
            self._select.choices.append(value)

    def _add(self, name: str, kind: str, given: dict[str, str], **more: Any) -> Field:
        told = f"{given.get('aria-describedby', '')} {self._set}".strip()
        one = Field(name=name, kind=kind, attributes=given | {"aria-describedby": told}, **more)
        assert self._form is not None
        self._form.fields.append(one)
        return one

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.value += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._text is not None:
            # The first line break after the tag is the page's, not the text's.
            self._text.value = self._text.value.removeprefix("\n")
            self._text = None
        elif tag == "select":
            self._select = None
        elif tag == "fieldset":
            self._set = ""


def forms_of(page: str) -> list[Form]:
    """Return the forms of a page that are posted."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms
