"""The tellers' own tool, on a machine with nothing but their files: keys, proofs, and the count of a closed box."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from content.ballot_files import write_box, write_share
from content.ballots import WriteIn
from content.shares import combine
from storage.envelopes import challenge, open_envelope, seal
from tests.sealed_ballots import OTHERS, ceremony, closed, paper, shares
from zhibu.cli import main

FIVE = [paper("a+ b-")] * 4 + [paper("a- b-", "某某")]


def run(*arguments: object, language: str = "en_US.UTF-8") -> Result:
    return CliRunner().invoke(main, ["tally", *map(str, arguments)], env={"LC_ALL": language})


def put(file: Path, value: object) -> Path:
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Give a closed box and its shares as files."""
    one, boxes = closed(FIVE, write_in=WriteIn.ROLL, election=OTHERS)
    found = {"box": put(tmp_path / "box.json", write_box(one, boxes))}
    for share in shares(1, 2, 3):
        found[f"share{share.index}"] = put(tmp_path / f"share{share.index}.json", write_share(share))
    return found


def opened(files: dict[str, Path], *indices: int, **more: Any) -> Result:
    given = [part for index in indices for part in ("--share", files[f"share{index}"])]
    into = [part for name in ("into", "names") if name in more for part in (f"--{name}", more.pop(name))]
    return run("open", "--envelopes", files["box"], *given, *into, **more)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en_US.UTF-8",
            ["Count: 先进推荐", "候选人甲: 4 for, 1 against, 0 abstained", "Elected: 候选人甲", "at least 4 votes"],
        ),
        (
            "zh_CN.UTF-8",
            [
                "计票结果：先进推荐",
                "候选人甲：赞成 4，不赞成 1，弃权 0",
                "另选他人：某某 1 票",
                "依据：",
                "当选：候选人甲",
            ],
        ),
    ],
)
def test_two_tellers_open_the_box_and_every_figure_has_its_rule(
    files: dict[str, Path], tmp_path: Path, language: str, words: list[str]
) -> None:
    ran = opened(files, 3, 1, into=tmp_path / "count", language=language)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert [word for word in words if word not in ran.stdout] == []
    written = json.loads((tmp_path / "count" / "count.json").read_text())
    assert written["count"]["elected"] == ["a"]
    assert written["count"]["rules"]["quorum_need"] == "quorum"
    assert {len(one) for one in written["hashes"].values()} == {64}


def test_what_was_opened_is_for_its_owner_only_and_is_never_printed(files: dict[str, Path], tmp_path: Path) -> None:
    """L8: totals are shown, never a ballot."""
    ran = opened(files, 1, 2, into=tmp_path / "count")
    papers = (tmp_path / "count" / "opened.jsonl").read_text().splitlines()
    assert papers == sorted(one.decode() for one in FIVE)
    assert [one for one in papers if one in ran.stdout] == []
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "count").iterdir()} == {0o600}
    again = opened(files, 1, 2, into=tmp_path / "count")
    assert (again.exit_code, "not empty" in again.stderr) == (65, True)


def test_the_same_box_gives_the_same_bytes_whoever_opens_it(files: dict[str, Path], tmp_path: Path) -> None:
    made = []
    for name, indices in (("one", (1, 2)), ("two", (3, 2))):
        opened(files, *indices, into=tmp_path / name)
        made.append([(tmp_path / name / file).read_bytes() for file in ("count.json", "opened.jsonl")])
    assert made[0] == made[1]


def test_a_box_that_stays_closed_says_why(files: dict[str, Path], tmp_path: Path) -> None:
    raw = json.loads(files["box"].read_text())
    put(files["box"], {**raw, "envelopes": raw["envelopes"][1:]})
    ran = opened(files, 1, 2, into=tmp_path / "count")
    assert (ran.exit_code, "nothing was opened" in ran.stderr, (tmp_path / "count").exists()) == (65, True, False)


def test_names_are_written_down_for_two_tellers_to_decide_and_then_counted_as_they_say(tmp_path: Path) -> None:
    """With write_in=text nothing is counted before, and no text is printed or in the opened papers."""
    election = replace(OTHERS, eligible=frozenset({"m1"}))
    one, boxes = closed(FIVE, write_in=WriteIn.TEXT, election=election)
    files = {"box": put(tmp_path / "box.json", write_box(one, boxes, {"m1": "某某某"}))}
    for share in shares(1, 2):
        files[f"share{share.index}"] = put(tmp_path / f"share{share.index}.json", write_share(share))
    ran = opened(files, 1, 2, into=tmp_path / "first")
    assert (ran.exit_code, "Of one written name nobody has said" in ran.stderr) == (65, True)
    assert "某某" not in ran.output
    (file,) = (tmp_path / "first").iterdir()
    names = json.loads(file.read_text())
    assert (file.name, names["meant"], names["people"]["m1"]) == ("names.json", {"某某": ""}, "某某某")
    odd = put(tmp_path / "odd.json", names | {"meant": {"某某": "m9"}})
    assert opened(files, 1, 2, names=odd).exit_code == 65
    said = put(tmp_path / "said.json", names | {"meant": {"某某": "m1"}})
    counted = opened(files, 1, 2, names=said, into=tmp_path / "count")
    assert (counted.exit_code, "某某某" in counted.stdout) == (0, True)
    assert "某某" not in (tmp_path / "count" / "opened.jsonl").read_text()


def test_one_teller_alone_opens_nothing(files: dict[str, Path]) -> None:
    ran = opened(files, 2)
    assert (ran.exit_code, ran.stdout, "more share is needed" in ran.stderr) == (65, "", True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"form": "zhibu-backup-1"}, "no file of the form"),
        ({"manifest": None}, "manifest should be an object"),
        ({"figures": []}, "figures should be an object"),
        ({"figures": {"expected": 1.5}}, "expected should be a whole number"),
        ({"set_hash": 7}, "set_hash should be text"),
        ({"envelopes": None}, "envelopes should be a list"),
        ({"envelopes": [None, "?", "Zm9v"]}, "not the envelopes that were published"),
    ],
)
def test_a_file_that_is_no_box_is_refused_with_a_reason(
    files: dict[str, Path], change: dict[str, Any], why: str
) -> None:
    put(files["box"], {**json.loads(files["box"].read_text()), **change})
    ran = opened(files, 1, 2)
    assert (ran.exit_code, why in ran.stderr) == (65, True)


@pytest.mark.parametrize(
    "change",
    [{"key": "00"}, {"key": "x"}, {"tellers": {}}, {"tellers": [{"index": 1}]}, {"candidates": [1]}, {"needed": "2"}],
)
def test_a_manifest_that_is_none_is_refused(files: dict[str, Path], change: dict[str, Any]) -> None:
    raw = json.loads(files["box"].read_text())
    put(files["box"], {**raw, "manifest": {**raw["manifest"], **change}})
    ran = opened(files, 1, 2)
    assert (ran.exit_code, "box.json cannot be used" in ran.stderr) == (65, True)


def test_keys_are_made_apart_for_each_teller(tmp_path: Path) -> None:
    ran = run("keys", "--ballot", "b1", "--tellers", 4, "--needed", 3, "--into", tmp_path / "keys")
    assert ran.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == [
        "keys.json",
        *(f"share-{index}.json" for index in (1, 2, 3, 4)),
    ]
    public = json.loads((tmp_path / "keys" / "keys.json").read_text())
    secret = [json.loads((tmp_path / "keys" / f"share-{index}.json").read_text())["share"] for index in (1, 2, 3, 4)]
    assert [one for one in secret if one in json.dumps(public)] == []
    rebuilt = combine({index: bytes.fromhex(secret[index - 1]) for index in (1, 3, 4)})
    sealed = seal(b"paper", bytes.fromhex(public["key"]), 560)
    assert open_envelope(sealed, rebuilt, 560) == b"paper"


def test_keys_for_more_than_there_are_or_over_others_are_not_made(tmp_path: Path) -> None:
    assert run("keys", "--ballot", "b", "--needed", 4, "--into", tmp_path / "keys").exit_code == 2
    put(tmp_path / "share-1.json", {})
    assert run("keys", "--ballot", "b", "--into", tmp_path).exit_code == 65
    assert (tmp_path / "share-1.json").read_text() == "{}"


def test_a_teller_proves_their_share_by_opening_what_was_sealed_for_it(files: dict[str, Path]) -> None:
    asked, sealed = challenge(ceremony().share_keys[2])
    ran = run("prove", "--share", files["share2"], sealed.hex())
    assert (ran.exit_code, ran.stdout.strip()) == (0, asked.hex())
    for share, text in (("share1", sealed.hex()), ("share2", sealed.hex()[:-2]), ("share2", "no hex")):
        wrong = run("prove", "--share", files[share], text)
        assert (wrong.exit_code, wrong.stdout) == (65, "")
