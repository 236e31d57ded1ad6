"""Writes the map of modules into the README, from the caption of every module; a test keeps it current."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("content", "storage", "bot", "console", "zhibu", "tests", "bench")
"""In reading order; a room without modules is left out."""

START, END = "<!-- map -->", "<!-- /map -->"


def modules(room: str, root: Path = ROOT) -> Iterator[Path]:
    """Yield the modules of a room by path, a package before what is in it."""
    found = [file for file in (root / room).rglob("*.py") if "__pycache__" not in file.parts]
    yield from sorted(found, key=lambda file: (file.parent, file.name != "__init__.py", file.name))


def caption(file: Path) -> str:
    """Return the first paragraph of a module's docstring on one line; empty where there is none."""
    said = docstring(file.read_text(encoding="utf-8")) or ""
    return " ".join(said.split("\n\n")[0].split()).replace("``", "`")


def docstring(source: str) -> str | None:
    """Return the docstring of a module, of which no more is read than what stands before its imports."""
    return ast.get_docstring(ast.parse(source.partition("\nfrom __future__ ")[0]))


def render(root: Path = ROOT) -> str:
    """Return the map in Markdown, one line for each module. Raises ValueError naming modules without a caption."""
    lines: list[str] = []
    bare: list[str] = []
    for room in ROOMS:
        entries = [(_shown(file, root), caption(file)) for file in modules(room, root)]
        bare += [name for name, said in entries if not said]
        if entries:
            lines += ["", f"### `{room}/`", ""]
            lines += [f"- `{name}` — {said}" for name, said in entries]
    if bare:
        raise ValueError(f"modules without a caption: {', '.join(bare)}")
    return "\n".join([*lines, ""]) + "\n"


def with_map(readme: str, rendered: str) -> str:
    """Return a README's text with the map between its markers. Raises ValueError where the markers are missing."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the README lacks {START} or {END}")
    return f"{before}{START}\n{rendered}{END}{after}"


def _shown(file: Path, root: Path) -> str:
    path = file.relative_to(root)
    return f"{path.parent.as_posix()}/" if path.name == "__init__.py" else path.as_posix()


def main() -> None:
    """Bring the README's map up to date."""
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    try:
        after = with_map(before, render())
    except ValueError as error:
        sys.exit(str(error))
    if after != before:
        readme.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
