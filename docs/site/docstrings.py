"""Docstrings are plain text; here they become what Sphinx reads."""

import re
from typing import Any

ROW = re.compile(r"^( *)(\S.*?)(?: {2,}| (?=\[))(?=\S)")
"""A name and the blanks before its meaning: several, or one before a shape where the name is long."""
FIRST = re.compile(r"^ *\S.*? {2,}\S")
"""How a table begins."""


def prepare(_: object, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Sphinx has taken a docstring: `|r|` is a size there, and not the name of a substitution.

    Code is left alone. What Python itself says of a field of a named tuple is left out.
    """
    text = "\n\n".join(map(listed, "\n".join(lines).split("\n\n"))).split("`")
    if text[0].startswith("Alias for field number"):
        text = [""]
    text[::2] = [part.replace("|", "\\|") for part in text[::2]]
    lines[:] = "`".join(text).split("\n")


def listed(paragraph: str) -> str:
    """Names with their meanings in a second column, which plain text aligns, as a list; others unchanged."""
    if not FIRST.match(paragraph):
        return paragraph
    rows: list[str] = []
    margin = len(paragraph) - len(paragraph.lstrip())
    for line in paragraph.rstrip("\n").split("\n"):
        indent = len(line) - len(line.lstrip())
        found = ROW.match(line)
        if found and indent == margin:
            rows.append(f"{found[1]}* **{found[2]}**: {line[found.end() :]}")
        elif rows and indent > margin:
            rows[-1] += f" {line.strip()}"
        else:
            return paragraph
    return "\n".join([*rows, *([""] if paragraph.endswith("\n") else [])])
