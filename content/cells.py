"""Hides small cells of published tables, and as many others as it takes that none can be worked out from the rest.

Who attacks knows every cell that is told and all sums, and that no cell is negative. A cell is safe when it could be
another whole number without any of that changing, which is asked of each hidden cell, and not only of the small ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

Cell = tuple[int, int]
Node = tuple[str, int]


def hidden_in_row(counts: Sequence[int], least: int) -> set[int]:
    """Return which cells of one row stay untold whose sum is known."""
    hidden = {place for place, count in enumerate(counts) if count < least}
    shown = sorted((count, place) for place, count in enumerate(counts) if place not in hidden)
    while hidden and shown and (len(hidden) < 2 or sum(counts[place] for place in hidden) < least):
        hidden.add(shown.pop(0)[1])
    return hidden


def hidden_in_table(
    table: Sequence[Sequence[int]],
    least: int,
    *,
    rows: Collection[int] = (),
    columns: Collection[int] = (),
) -> set[Cell] | None:
    """Return which cells of a table stay untold, ``None`` where none of it can be told.

    The sums of all rows and columns are known but for those of ``rows`` and ``columns``, which are hidden elsewhere and
    of which no cell is told; at least two of either are, or none.
    """
    cells = [(i, j) for i, row in enumerate(table) for j, _ in enumerate(row)]
    hidden = {(i, j) for i, j in cells if table[i][j] < least or i in rows or j in columns}
    while (exposed := _exposed(table, hidden, least, rows, columns)) is not None:
        near = [(i, j) for i, j in cells if (i, j) not in hidden and (i == exposed[0] or j == exposed[1])]
        if not near:
            return None
        hidden.add(min(near, key=lambda cell: (table[cell[0]][cell[1]], cell)))
    return None if len(hidden) == len(cells) else hidden


def _exposed(
    table: Sequence[Sequence[int]],
    hidden: set[Cell],
    least: int,
    rows: Collection[int],
    columns: Collection[int],
) -> Cell | None:
    """Return a hidden cell that could still be worked out, or of a line whose hidden cells are too few together."""
    for i, j in sorted(hidden):
        row = sum(table[a][b] for a, b in hidden if a == i)
        column = sum(table[a][b] for a, b in hidden if b == j)
        if (i not in rows and row < least) or (j not in columns and column < least):
            return (i, j)
        if not _could_differ(table, hidden, (i, j), rows, columns):
            return (i, j)
    return None


def _could_differ(
    table: Sequence[Sequence[int]], hidden: set[Cell], cell: Cell, rows: Collection[int], columns: Collection[int]
) -> bool:
    """Tell whether a cell could be one more or one less, with others that make up for it."""
    arcs: dict[Node, list[tuple[Node, Cell | None]]] = {}

    def may_flow(start: Node, end: Node, amount: int, of: Cell | None) -> None:
        arcs.setdefault(start, []).append((end, of))
        if amount:
            arcs.setdefault(end, []).append((start, of))

    for i, j in hidden:
        may_flow(("row", i), ("column", j), table[i][j], (i, j))
    for i in rows:
        may_flow(("rows", 0), ("row", i), sum(table[i]), None)
    for j in columns:
        may_flow(("column", j), ("columns", 0), sum(row[j] for row in table), None)
    row, column = ("row", cell[0]), ("column", cell[1])
    more = _reached(arcs, column, row, cell)
    return more or (table[cell[0]][cell[1]] > 0 and _reached(arcs, row, column, cell))


def _reached(arcs: dict[Node, list[tuple[Node, Cell | None]]], start: Node, end: Node, without: Cell) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        if node == end:
            return True
        for after in _after(arcs, node, without):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


def _after(arcs: dict[Node, list[tuple[Node, Cell | None]]], node: Node, without: Cell) -> Iterator[Node]:
    yield from (end for end, of in arcs.get(node, ()) if of != without)
