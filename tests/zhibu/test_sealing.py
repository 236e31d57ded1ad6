"""What is sealed opens under its own key only, and no bit and no end of it can be missing unseen."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from content.trouble import Trouble
from zhibu.sealing import PORTION, Damaged, Opening, Sealing, WrongKey, make_key, read_key

KEY = bytes(range(32))


def sealed(plain: bytes, key: bytes = KEY) -> bytes:
    """Seal a text, given in pieces as they come."""
    file = io.BytesIO()
    sealing = Sealing(file, key)
    for start in range(0, len(plain), 10_007):
        sealing.write(plain[start : start + 10_007])
    sealing.finish()
    return file.getvalue()


def opened(data: bytes, key: bytes = KEY) -> bytes:
    """Open it again, read in other pieces."""
    opening = Opening(io.BytesIO(data), key)
    pieces = []
    while piece := opening.read(4_096):
        pieces.append(piece)
    opening.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, PORTION - 1, PORTION, PORTION + 1, 3 * PORTION, 3 * PORTION + 5])
def test_what_was_sealed_comes_back_as_it_was(size: int) -> None:
    plain = bytes(number % 251 for number in range(size))
    data = sealed(plain)
    assert opened(data) == plain
    assert size < 100 or plain[:100] not in data


def test_another_key_is_told_from_damage() -> None:
    with pytest.raises(WrongKey):
        opened(sealed(b"plain"), bytes(32))


def test_every_cut_is_noticed() -> None:
    data = sealed(bytes(2 * PORTION + 10))
    for length in (0, 3, 20, 40, 60, PORTION, 60 + PORTION, len(data) - PORTION, len(data) - 1):
        with pytest.raises(Damaged):
            opened(data[:length])


def test_every_changed_bit_is_noticed() -> None:
    data = bytearray(sealed(bytes(100)))
    for place in range(len(data)):
        data[place] ^= 1
        with pytest.raises((Damaged, WrongKey)):
            opened(bytes(data))
        data[place] ^= 1
    assert opened(bytes(data)) == bytes(100)


def test_portions_that_change_places_and_ends_that_go_on_are_noticed() -> None:
    data = sealed(bytes(3 * PORTION))
    head, size = len(data) - 3 * (PORTION + 17), PORTION + 17
    parts = [data[head + number * size : head + (number + 1) * size] for number in range(3)]
    for other in ([1, 0, 2], [0, 2, 1], [0, 2], [0, 1, 2, 2]):
        with pytest.raises(Damaged):
            opened(data[:head] + b"".join(parts[number] for number in other))
    with pytest.raises(Damaged):
        opened(data + b"x")


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "backup.key"
    assert make_key(file)
    key = read_key(file)
    assert not make_key(file)
    assert read_key(file) == key
    assert (len(key), file.stat().st_mode & 0o777) == (32, 0o600)


def test_a_key_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "backup.key"

    def refused() -> str:
        with pytest.raises(Trouble) as caught:
            read_key(file)
        return caught.value.words.key

    assert refused() == "backup.no_key"
    file.touch(0o600)
    file.write_bytes(b"short")
    assert refused() == "backup.not_a_key"
    file.chmod(0o644)
    assert refused() == "backup.open_key"
