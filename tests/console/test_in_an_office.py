"""Our sheets in LibreOffice: what looks like a formula is text there, and nothing in it leads elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from console.written_sheets import write_csv, write_xlsx
from tests.machine import in_ci

HOSTILE = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "＝1+1",
    '=HYPERLINK("http://evil.example","x")',
    "http://a.example",
)
HEADER = ("=1+1", "备注")


def test_imp26_no_text_of_ours_is_a_formula_or_a_link_where_it_is_opened(tmp_path: Path) -> None:
    """IMP26, S46."""
    office = shutil.which("soffice")
    if office is None:
        (pytest.fail if in_ci() else pytest.skip)("needs LibreOffice")
    rows = [[text, number] for number, text in enumerate(HOSTILE)]
    (tmp_path / "a.csv").write_bytes(write_csv(HEADER, rows))
    (tmp_path / "b.xlsx").write_bytes(write_xlsx("=1+1", HEADER, rows, "=1+1"))
    own = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    order = [office, own, "--headless", "--convert-to", "fods", "--outdir", str(tmp_path / "out")]
    subprocess.run([*order, str(tmp_path / "a.csv"), str(tmp_path / "b.xlsx")], check=True, capture_output=True)
    for name in ("a", "b"):
        opened = (tmp_path / "out" / f"{name}.fods").read_text(encoding="utf-8")
        body = opened[opened.index("<office:body>") :]
        assert "table:formula" not in body
        assert "xlink:href" not in body
        said = re.sub(r"<[^>]+>", "", body)
        assert "'=1+1" in said.replace("&apos;", "'")
        assert "HYPERLINK" in said
