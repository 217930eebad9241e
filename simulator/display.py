"""What a prompt and a notebook show of an object: what it is, and a few facts with their units."""

from abc import abstractmethod
from html import escape

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


def some_of(names: list[str], most: int = 4) -> str:
    """The first of some names, and how many there are besides."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _cut(line: str) -> str:
    return line if len(line) <= MOST_LETTERS else f"{line[: MOST_LETTERS - 3]}..."
