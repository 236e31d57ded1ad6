"""What is told of small tables, attacked by whoever solves for every cell from all that is told."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from content.cells import hidden_in_row, hidden_in_table
from content.questions import SKIPPED, Answers, Question, Sort, publish, tally_answers

K = 5
GROUP = Question(id="g", sort=Sort.SINGLE, text="g", options=("a", "b", "c"))
ASKED = (
    GROUP,
    Question(id="s", sort=Sort.SINGLE, text="s", options=("x", "y", "z")),
    Question(id="m", sort=Sort.MULTIPLE, text="m", options=("p", "q")),
    Question(id="t", sort=Sort.SCALE, text="t", options=("1", "2", "3")),
)

Cell = tuple[str, ...]
Row = dict[Cell, int]


def equations(told: Mapping[str, Any], number: int) -> list[tuple[Row, int]]:
    """Return everything that an attacker knows: sums that hold of any survey, and the cells that are told."""
    known: list[tuple[Row, int]] = []
    groups = (*GROUP.numbers, SKIPPED)

    def know(cells: Mapping[Cell, int], value: int) -> None:
        known.append((dict(cells), value))

    for one in ASKED:
        several = one.sort is Sort.MULTIPLE
        options = one.numbers if several else (*one.numbers, SKIPPED)
        if not several:
            know({(one.id, option): 1 for option in options}, number)
            if told[one.id]["base"] is not None:
                know({(one.id, SKIPPED): 1}, number - told[one.id]["base"])
        for option, cell in zip(one.numbers, told[one.id]["cells"], strict=True):
            if cell is not None:
                know({(one.id, option): 1}, cell)
        if "sum" in told[one.id]:
            know({(one.id, step): int(step) for step in one.numbers}, told[one.id]["sum"])
        if one is GROUP:
            continue
        for option in options:
            know({(one.id, option): -1, **{(one.id, option, group): 1 for group in groups}}, 0)
            if several:
                know({(one.id, option): 1, (one.id, option, "not"): 1}, number)
        for group in groups:
            if several:
                for option in options:
                    know({("g", group): -1, (one.id, option, group): 1, (one.id, option, group, "not"): 1}, 0)
            else:
                know({("g", group): -1, **{(one.id, option, group): 1 for option in options}}, 0)
        for group, row in zip(GROUP.numbers, told[one.id]["by"] or (), strict=False):
            for option, cell in zip(one.numbers, row, strict=True):
                if cell is not None:
                    know({(one.id, option, group): 1}, cell)
    return known


def solved(known: Sequence[tuple[Row, int]]) -> dict[Cell, Fraction]:
    """Return every cell whose value follows, by elimination over the rationals."""
    names = sorted({name for row, _ in known for name in row})
    rows = [[Fraction(row.get(name, 0)) for name in names] + [Fraction(value)] for row, value in known]
    pivots: list[int] = []
    for column in range(len(names)):
        start = len(pivots)
        found = next((place for place in range(start, len(rows)) if rows[place][column]), None)
        if found is None:
            continue
        rows[start], rows[found] = rows[found], rows[start]
        head = rows[start] = [value / rows[start][column] for value in rows[start]]
        for place, row in enumerate(rows):
            if place != start and row[column]:
                factor = row[column]
                rows[place] = [value - factor * other for value, other in zip(row, head, strict=True)]
        pivots.append(column)
    alone = [(pivot, row) for pivot, row in zip(pivots, rows, strict=False) if sum(map(bool, row[:-1])) == 1]
    return {names[pivot]: row[-1] for pivot, row in alone}


def survey(seed: int) -> list[Answers]:
    """Return the papers of a random survey, some of whose groups are small."""
    chance = random.Random(seed)
    found = []
    for _ in range(chance.randint(5, 60)):
        paper = {
            one.id: (chance.choices(one.numbers, [6, chance.random() * 4, 1][: len(one.numbers)])[0],)
            for one in ASKED
            if one.sort is not Sort.MULTIPLE and chance.random() < 0.9
        }
        several = tuple(number for number in ASKED[2].numbers if chance.random() < 0.6)
        found.append(paper | ({"m": several} if several else {}))
    return found


def truth(papers: Sequence[Answers]) -> dict[Cell, int]:
    """Return every cell as it is, those of who has not chosen an option among several too."""
    raw = dict(tally_answers(ASKED, "g", papers))
    for option in ASKED[2].numbers:
        raw["m", option, "not"] = len(papers) - raw.get(("m", option), 0)
        for group in (*GROUP.numbers, SKIPPED):
            raw["m", option, group, "not"] = raw.get(("g", group), 0) - raw.get(("m", option, group), 0)
    return raw


@pytest.mark.parametrize("seeds", [range(start, start + 15) for start in (0, 15, 30)], ids=str)
def test_no_cell_under_five_follows_from_all_that_is_told(seeds: range) -> None:
    """BAL-5: of all published tables together, their sums, and the mean of a scale."""
    for seed in seeds:
        papers = survey(seed)
        cells = solved(equations(publish(ASKED, "g", papers, least=K), len(papers)))
        # How many left a question out is told, and where nobody did there is nobody to find.
        nobody = {one.id for one in ASKED if not truth(papers).get((one.id, SKIPPED))}
        small = {
            name: value
            for name, value in cells.items()
            if value < K and name[1:] != (SKIPPED,) and not (name[1] == SKIPPED and name[0] in nobody)
            if not ("g" in nobody and name[2:3] == (SKIPPED,))
        }
        assert not small, (seed, small)
        assert all(truth(papers).get(name, 0) == value for name, value in cells.items())


def test_the_same_attacker_solves_tables_in_which_only_the_small_cells_are_left_out() -> None:
    """The control: leaving out what is small, and nothing beside it, hides nothing."""
    won = 0
    for seed in range(10):
        papers = survey(seed)
        told = publish(ASKED, "g", papers, least=0)
        for one in told.values():
            one.pop("sum", None)
            one["cells"] = [None if cell < K else cell for cell in one["cells"]]
            one["by"] = [[None if cell < K else cell for cell in row] for row in one.get("by", ())]
        won += any(value < K for value in solved(equations(told, len(papers))).values())
    assert won >= 8


def test_some_tables_are_told_and_some_cells_with_them() -> None:
    """Hiding everything would be safe, and of no use."""
    papers: list[Answers] = [
        {"g": (str(n % 3 + 1),), "s": (str(n // 3 % 3 + 1),), "t": ("3",), "m": ("1",)} for n in range(60)
    ]
    told = publish(ASKED, "g", papers, least=K)
    assert told["g"] == {"cells": [20, 20, 20], "base": 60}
    assert told["s"] == {"cells": [21, 21, 18], "base": 60, "by": [[7, 7, 6]] * 3}
    assert told["t"]["cells"] == [None] * 3, "all said the same, which is told of nobody"
    assert told["m"]["cells"] == [None, None]


def test_a_group_of_three_among_twenty_one_cannot_be_taken_away_from_the_rest() -> None:
    """The example of the specification: it is hidden, and the next smallest with it."""
    assert hidden_in_row([18, 3], K) == {0, 1}
    assert hidden_in_row([10, 8, 3], K) == {1, 2}
    assert hidden_in_row([10, 5, 5, 1], K) == {1, 3}
    assert hidden_in_row([6, 5], K) == set()
    assert hidden_in_row([5, 5], K) == set(), "five is shown, four is not"
    assert hidden_in_row([5, 4, 9], K) == {0, 1}


def test_hidden_cells_that_add_up_to_nothing_are_no_secret() -> None:
    """Who knows that no cell is negative reads two noughts from their sum."""
    assert hidden_in_row([12, 0, 0], K) == {0, 1, 2}
    assert hidden_in_table([[12, 0, 0], [8, 9, 10]], K) is None or (0, 0) in (
        hidden_in_table([[12, 0, 0], [8, 9, 10]], K) or ()
    )


def test_a_hidden_cell_between_two_rings_is_found_out_and_another_hidden_with_it() -> None:
    """A cell through which nothing can be moved follows from the sums, though no line has it alone."""
    table = [[3, 9, 9, 9], [9, 3, 9, 9], [9, 9, 3, 9], [9, 9, 9, 3]]
    hidden = hidden_in_table(table, K)
    assert hidden is not None
    for line in range(4):
        assert sum(i == line for i, _ in hidden) != 1
        assert sum(j == line for _, j in hidden) != 1


def test_texts_stand_in_an_order_of_their_own_and_few_are_not_told() -> None:
    said = Question(id="o", sort=Sort.OPEN, text="o")
    papers: list[Answers] = [{"o": (text,)} for text in ("丁", "丙", "乙", "甲", "戊")]
    told = publish((said,), "", papers, least=K)
    assert told == publish((said,), "", papers[::-1], least=K)
    assert sorted(told["o"]["texts"]) == told["o"]["texts"]
    assert publish((said,), "", papers[:4], least=K)["o"]["texts"] is None


def fillings(table: Sequence[Sequence[int]], hidden: Sequence[tuple[int, int]]) -> list[set[int]]:
    """Return for each hidden cell what it may be without any sum changing or anything below nought, two at most."""
    rows = {i: sum(table[a][b] for a, b in hidden if a == i) for i, _ in hidden}
    columns = {j: sum(table[a][b] for a, b in hidden if b == j) for _, j in hidden}
    seen: list[set[int]] = [set() for _ in hidden]

    def fill(place: int, so_far: tuple[int, ...]) -> None:
        if all(len(one) > 1 for one in seen):
            return
        if place == len(hidden):
            if not any(columns.values()):
                for one, value in zip(seen, so_far, strict=True):
                    one.add(value)
            return
        i, j = hidden[place]
        last = place + 1 == len(hidden) or hidden[place + 1][0] != i
        for value in range(rows[i] if last else 0, min(rows[i], columns[j]) + 1):
            rows[i], columns[j] = rows[i] - value, columns[j] - value
            fill(place + 1, (*so_far, value))
            rows[i], columns[j] = rows[i] + value, columns[j] + value

    fill(0, ())
    return seen


def test_every_hidden_cell_could_be_another_number_and_no_line_hides_fewer_than_five() -> None:
    """Not by sums alone: whoever knows that no cell is negative works none out either."""
    told = 0
    for seed in range(80):
        chance = random.Random(seed)
        table = [[chance.choice((0, 0, 1, 5, 7)) for _ in range(3)] for _ in range(3)]
        hidden = hidden_in_table(table, K)
        if hidden is None:
            continue
        told += 1
        cells = sorted(hidden)
        assert all(len(one) > 1 for one in fillings(table, cells)), (table, cells)
        for line in range(3):
            assert all(
                sum(table[i][j] for i, j in cells if (i, j)[side] == line) >= K
                for side in (0, 1)
                if any(cell[side] == line for cell in cells)
            )
    assert told > 5


def consistent(
    table: Sequence[Sequence[int]], hidden: set[tuple[int, int]], rows: set[int], columns: set[int]
) -> list[set[int]]:
    """Return what each hidden cell may be, two values at most, by trying every table that fits what is told."""
    lines = [{cell for cell in hidden if cell[0] == i} for i in range(len(table)) if i not in rows]
    lines += [{cell for cell in hidden if cell[1] == j} for j in range(len(table[0])) if j not in columns]
    lines.append(set(hidden))
    left = [sum(table[i][j] for i, j in line) for line in lines]

    def fits(waiting: list[tuple[int, int]]) -> Iterator[int]:
        """Yield the values of the first cell for which the others can be filled in too."""
        cell, rest = waiting[0], waiting[1:]
        of = [n for n, line in enumerate(lines) if cell in line]
        ends = [n for n in of if not lines[n] & set(rest)]
        for value in range(max((left[n] for n in ends), default=0), min(left[n] for n in of) + 1):
            for n in of:
                left[n] -= value
            fit = not any(left[n] for n in ends) and (not rest or next(fits(rest), None) is not None)
            for n in of:
                left[n] += value
            if fit:
                yield value

    return [set(islice(fits([cell, *sorted(hidden - {cell})]), 2)) for cell in sorted(hidden)]


def tables() -> Iterator[tuple[list[list[int]], set[int], set[int]]]:
    """Return random tables from 2x2 to 3x4, of some of which two rows or columns are hidden elsewhere."""
    for seed in range(70):
        chance = random.Random(seed)
        high, wide = chance.choice(((2, 2), (2, 3), (3, 2), (3, 3), (2, 4), (3, 4)))
        table = [[min(9, int(10 * chance.random() ** 0.5)) for _ in range(wide)] for _ in range(high)]
        rows = set(chance.sample(range(high), 2)) if high > 2 and chance.random() < 0.25 else set()
        columns = set(chance.sample(range(wide), 2)) if wide > 2 and chance.random() < 0.25 else set()
        yield table, rows, columns


def test_whoever_tries_every_table_that_fits_finds_two_values_for_each_hidden_cell() -> None:
    """All tables of whole numbers, none below nought, with the same told cells and sums; whole lines hidden too."""
    told = lines = 0
    for table, rows, columns in tables():
        hidden = hidden_in_table(table, K, rows=rows, columns=columns)
        if hidden:
            told += 1
            lines += bool(rows or columns)
            assert all(len(one) > 1 for one in consistent(table, hidden, rows, columns)), (table, rows, columns)
    assert told > 15
    assert lines > 2


def test_the_same_trying_finds_out_cells_where_only_the_small_ones_are_hidden() -> None:
    """The control of the one before."""
    forced = 0
    for table, _, _ in tables():
        small = {(i, j) for i, row in enumerate(table) for j, count in enumerate(row) if count < K}
        forced += any(len(one) < 2 for one in consistent(table, small, set(), set()))
    assert forced > 15


def test_a_cell_that_joins_two_rings_follows_from_the_sums_and_so_another_is_hidden() -> None:
    """Each line hides two cells at least, and eight people: the one between the rings is still no secret."""
    table = [[4, 4, 9, 9], [4, 4, 3, 9], [9, 9, 4, 4], [9, 9, 4, 4]]
    hidden = hidden_in_table(table, K)
    assert hidden is None or len(hidden) > 9


def test_a_group_that_is_hidden_beside_a_small_one_has_no_cells_that_add_up_to_it() -> None:
    """Three, ten and twenty: from the ten by their answers the three would follow."""
    papers: list[Answers] = [{"g": ("1",), "s": ("1",)}] * 3
    papers += [{"g": ("2",), "s": (str(n % 2 + 1),)} for n in range(10)]
    papers += [{"g": ("3",), "s": (str(n % 3 + 1),)} for n in range(20)]
    told = publish(ASKED[:2], "g", papers, least=K)
    assert told["g"]["cells"] == [None, None, 20]
    assert told["s"]["by"] is None or told["s"]["by"][1] == [None, None, None]


def test_who_left_the_question_of_groups_out_is_no_group_that_can_be_worked_out() -> None:
    """Two of 22 say nothing of their group: what the groups said is not told so that theirs would follow."""
    papers: list[Answers] = [{"g": (str(n % 2 + 1),), "s": (str(n // 2 % 2 + 1),)} for n in range(20)]
    papers += [{"s": ("1",)}, {"s": ("2",)}]
    told = publish(ASKED[:2], "g", papers, least=K)
    crossed = told["s"]["by"] or []
    for column in range(2):
        shown = [row[column] for row in crossed[:2]]
        assert None in shown or told["s"]["cells"][column] is None or not crossed
