"""Turns: everybody has one, nobody has two, and who is first moves on."""

import pytest
from worlds import World

from hashcredit.simulator.books.turns import borrowers_in, first_in_turn


@pytest.mark.parametrize(("count", "every"), [(1, 1), (7, 13), (13, 13), (30, 13), (5, 1)])
def test_each_row_has_one_turn_in_so_many_weeks(count: int, every: int) -> None:
    turns = [b for week in range(4, 4 + every) for b in range(first_in_turn(week, 0, every), count, every)]
    assert sorted(turns) == list(range(count))


def test_who_begins_late_in_the_table_finds_the_same_rows() -> None:
    for week in range(40):
        rows = [b for b in range(50) if (week + 1 + b) % 13 == 0]
        for begin in range(50):
            assert list(range(first_in_turn(week, begin, 13), 50, 13)) == [b for b in rows if b >= begin]


@pytest.mark.parametrize(("week", "order"), [(0, [0, 1, 2]), (1, [1, 2, 0]), (5, [2, 0, 1]), (6, [0, 1, 2])])
def test_who_is_first_moves_on_by_one_a_week(week: int, order: list[int]) -> None:
    w = World(neoclouds=3, banks=1)
    w.clock["week"] = week
    assert [b for half in range(2) for b in range(*borrowers_in(w.economy, half))] == order
