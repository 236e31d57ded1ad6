"""Turns our Word files into PDF by LibreOffice, where the machine has it; else the page to print does the same."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

LONGEST_SECONDS = 120
"""How long a conversion is waited for; it takes some seconds, and is never done while somebody waits for a page."""


@cache
def program() -> str | None:
    """Return where LibreOffice is, ``None`` where the machine has none."""
    return shutil.which("soffice")


def to_pdf(document: bytes) -> bytes | None:
    """Return a Word file of ours as PDF, ``None`` where that fails; it is written in a folder that goes with it."""
    office = program()
    if office is None:
        return None
    with tempfile.TemporaryDirectory(prefix="zhibu-") as folder:
        source, made = Path(folder, "paper.docx"), Path(folder, "paper.pdf")
        source.write_bytes(document)
        own = f"-env:UserInstallation={Path(folder, 'profile').as_uri()}"
        order = [office, own, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)]
        try:
            subprocess.run(order, check=True, capture_output=True, timeout=LONGEST_SECONDS)  # noqa: S603 - our own file
        except (subprocess.SubprocessError, OSError):
            return None
        return made.read_bytes() if made.exists() else None
