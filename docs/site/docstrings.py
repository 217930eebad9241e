"""Docstrings are plain text; here they become what Sphinx reads."""

from typing import Any


def prepare(_: object, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Sphinx has taken a docstring: `|r|` is a size there, and not the name of a substitution.

    Code is left alone. What Python itself says of a field of a named tuple is left out.
    """
    text = "\n".join(lines).split("`")
    if text[0].startswith("Alias for field number"):
        text = [""]
    text[::2] = [part.replace("|", "\\|") for part in text[::2]]
    lines[:] = "`".join(text).split("\n")
