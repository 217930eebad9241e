"""Pages whose tables are generated: tables in Markdown, and putting them between the marks of a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; its heading is the first row."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])


def filled(page: Path, parts: Mapping[str, str]) -> str:
    """A page with what stands between its marks replaced; SystemExit where a mark is missing."""
    text = page.read_text(encoding="utf-8")
    for name, content in parts.items():
        before, start, rest = text.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        if not start or not end:
            raise SystemExit(f"{page}: the marks of {name!r} are missing")
        text = f"{before}{start}\n{content}\n{end}{after}"
    return text
