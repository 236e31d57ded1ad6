"""The files of a secret ballot: the closed box as the tellers take it along, and a teller's share of the key."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from content.ballot_papers import receipt
from content.ballots import Ballot, WriteIn, hash_manifest, manifest
from content.discreet import repr_without
from content.election_cases import Unusable, read_election
from content.elections import NOBODY, Attendance, Election

BOX_FORM = "zhibu-ballot-box-1"
SHARE_FORM = "zhibu-ballot-share-1"
KEYS_FORM = "zhibu-ballot-keys-1"
NAMES_FORM = "zhibu-ballot-names-1"


class ClosedBox(Struct, frozen=True, kw_only=True):
    """A closed box: what was voted on, who voted in numbers, and the envelopes in an order that tells nothing."""

    ballot: str
    title: str
    election: Election
    names: Mapping[str, str]
    write_in: WriteIn
    attendance: Attendance
    needed: int
    key: bytes
    share_keys: Mapping[int, bytes]
    length: int
    manifest_hash: str
    set_hash: str
    boxes: tuple[bytes, ...]

    def __repr__(self) -> str:
        return repr_without(self, "boxes")


class Share(Struct, frozen=True, kw_only=True):
    """A teller's share of a ballot's key."""

    ballot: str
    index: int
    share: bytes

    def __repr__(self) -> str:
        return repr_without(self, "share")


class PublicKeys(Struct, frozen=True, kw_only=True):
    """What a key ceremony makes public: with what envelopes are sealed, and how each teller proves their share."""

    ballot: str
    needed: int
    key: bytes
    share_keys: Mapping[int, bytes]


def write_box(ballot: Ballot, boxes: Sequence[bytes], written: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a closed box as plain values; the places in which its envelopes lay are left out.

    ``written`` names who may be written in, by their entry.
    """
    attendance = ballot.attendance
    return {
        "form": BOX_FORM,
        "manifest": manifest(ballot),
        "figures": {
            "expected": attendance.expected,
            "present": attendance.present,
            "issued": attendance.issued,
            "returned": attendance.returned,
        },
        "set_hash": ballot.set_hash,
        "names": dict(written or {}),
        "envelopes": [b64encode(box).decode() for box in sorted(boxes, key=receipt)],
    }


def read_box(raw: object) -> ClosedBox:
    """Return the box that plain values describe. Raises Unusable where they describe none."""
    box = _form(raw, BOX_FORM)
    published, figures = _object(box, "manifest"), _object(box, "figures")
    keys = {_number(one, "index"): _bytes(one, "share_key") for one in _objects(published, "tellers")}
    called = box.get("names", {})
    written = {one: _text(called, one) for one in called} if isinstance(called, Mapping) else {}
    envelopes = box.get("envelopes")
    if not isinstance(envelopes, list):
        raise Unusable("tally.no_list", field="envelopes")
    return ClosedBox(
        ballot=_text(published, "ballot"),
        title=_text(published, "title"),
        election=read_election(_object(published, "election")),
        names=written | {_text(one, "id"): _text(one, "name") for one in _objects(published, "candidates")},
        write_in=_write_in(published),
        attendance=Attendance(
            expected=_number(figures, "expected"),
            present=_number(figures, "present"),
            issued=_number(figures, "issued"),
            returned=_number(figures, "returned"),
        ),
        needed=_number(published, "needed"),
        key=_bytes(published, "key"),
        share_keys=keys,
        length=_number(published, "length"),
        manifest_hash=hash_manifest(published),
        set_hash=_text(box, "set_hash"),
        boxes=tuple(_envelope(one) for one in envelopes),
    )


def write_names(box: ClosedBox, texts: Sequence[str], meant: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts that were written in for tellers to say whom each means, beside whom they may mean."""
    return {
        "form": NAMES_FORM,
        "ballot": box.ballot,
        "meant": dict(meant) | dict.fromkeys(texts, ""),
        "people": {**box.names, NOBODY: ""},
    }


def read_names(raw: object, box: ClosedBox) -> dict[str, str]:
    """Return whom texts mean, as far as it is said. Raises Unusable for what is of another ballot or means no one."""
    names = _form(raw, NAMES_FORM)
    if names.get("ballot") != box.ballot:
        raise Unusable("tally.not_known", field="ballot", known=box.ballot)
    known = {NOBODY, *box.election.candidates, *(box.election.eligible or ())}
    said = {text: meant for text, meant in _object(names, "meant").items() if meant}
    for text, meant in said.items():
        if meant not in known:
            raise Unusable("tally.not_known", field=text, known=", ".join(sorted(known)))
    return said


def write_share(share: Share) -> dict[str, Any]:
    """Return a share as plain values."""
    return {"form": SHARE_FORM, "ballot": share.ballot, "index": share.index, "share": share.share.hex()}


def read_share(raw: object) -> Share:
    """Return the share that plain values describe. Raises Unusable where they describe none."""
    share = _form(raw, SHARE_FORM)
    return Share(ballot=_text(share, "ballot"), index=_number(share, "index"), share=_bytes(share, "share"))


def write_keys(keys: PublicKeys) -> dict[str, Any]:
    """Return the public keys of a ballot as plain values."""
    proving = [{"index": index, "share_key": key.hex()} for index, key in sorted(keys.share_keys.items())]
    return {"form": KEYS_FORM, "ballot": keys.ballot, "needed": keys.needed, "key": keys.key.hex(), "tellers": proving}


def read_keys(raw: object) -> PublicKeys:
    """Return the public keys that plain values describe. Raises Unusable where they describe none."""
    keys = _form(raw, KEYS_FORM)
    return PublicKeys(
        ballot=_text(keys, "ballot"),
        needed=_number(keys, "needed"),
        key=_bytes(keys, "key"),
        share_keys={_number(one, "index"): _bytes(one, "share_key") for one in _objects(keys, "tellers")},
    )


def _form(raw: object, form: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping) or raw.get("form") != form:
        raise Unusable("tally.not_of_form", form=form)
    return raw


def _object(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    if not isinstance(value, Mapping):
        raise Unusable("tally.no_object", field=name)
    return value


def _objects(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = raw.get(name)
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Unusable("tally.no_list", field=name)
    return value


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise Unusable("tally.no_text", field=name)
    return value


def _write_in(raw: Mapping[str, Any]) -> WriteIn:
    text = _text(raw, "write_in")
    if text not in list(WriteIn):
        raise Unusable("tally.not_known", field="write_in", known=", ".join(WriteIn))
    return WriteIn(text)


def _number(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unusable("tally.no_whole_number", field=name)
    return value


def _bytes(raw: Mapping[str, Any], name: str) -> bytes:
    try:
        value = bytes.fromhex(_text(raw, name))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise Unusable("tally.no_key", field=name)
    return value


def _envelope(value: object) -> bytes:
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return b""
