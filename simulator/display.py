"""What a prompt and a notebook show of an object: what it is, and a few facts with their units."""

from abc import abstractmethod
from collections.abc import Sequence
from html import escape
from itertools import pairwise

Facts = tuple[str, dict[str, str]]
"""What an object is, in a line, and by name what one wants to know of it first."""

MOST_LETTERS = 88
"""Of a line; what is longer is cut."""


class Shown:
    """An object that prints as a title and one line a fact, and in a notebook as a small table."""

    __slots__ = ()

    @abstractmethod
    def _facts(self) -> Facts:
        """Title and facts; short, since arrays and tables have names of their own."""

    def __repr__(self) -> str:
        title, facts = self._facts()
        width = max(map(len, facts), default=0)
        return "\n".join([_cut(title), *(_cut(f"  {name:<{width}}  {fact}") for name, fact in facts.items())])

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        title, facts = self._facts()
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(fact)}</td></tr>'
            for name, fact in facts.items()
        )
        return f"<b>{escape(title)}</b><table>{rows}</table>"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Which seeds: one, a range, or the first and the last of them."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    in_a_row = all(after - before == 1 for before, after in pairwise(seeds))
    return f"seeds {seeds[0]} to {seeds[-1]}" if in_a_row else f"{len(seeds):,} seeds from {seeds[0]}"


def runs_in_words(seeds: Sequence[int], replicates: int) -> str:
    """Which seeds, and how many replicates of each."""
    each = " each" if len(seeds) > 1 else ""
    return f"{seeds_in_words(seeds)}, {counted(replicates, 'replicate')}{each}"


def interval_in_words(seeds: int) -> str:
    """What an interval over runs of so many seeds is about."""
    return f"over {seeds:,} networks, one a seed" if seeds > 1 else "this network only, which one seed draws"


def some_of(names: list[str], most: int = 4) -> str:
    """The first of some names, and how many there are besides."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _cut(line: str) -> str:
    return line if len(line) <= MOST_LETTERS else f"{line[: MOST_LETTERS - 3]}..."
