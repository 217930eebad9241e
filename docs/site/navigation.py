"""The navigation of the site, read off the pages that list others: no page is listed twice.

`docs/index.md` lists the pages; its bold lines are the captions of the side bar. A page of a folder is a
child of the `README.md` there, which links to it. Sphinx warns of a page that is nobody's child, and a
warning ends the build.
"""

import posixpath
import re
from collections.abc import Iterator

HOME = "docs/index"
BELOW = {"docs/reproduce": "experiments/papers/", "CONTRIBUTING": "tests/"}
"""Pages whose links lead down to pages elsewhere: those of papers, and those of tests."""


def add_children(_: object, page: str, source: list[str]) -> None:
    """Sphinx has read the text of a page: append what it lists, as contents that only the side bar shows."""
    text = source[0] = one_title(source[0])
    if page == HOME:
        pieces = re.split(r"^\*\*(.+)\*\*$", text, flags=re.MULTILINE)
        for caption, part in zip(pieces[1::2], pieces[2::2], strict=True):
            rows = [f"{title} </{name}>" for title, name in linked(page, part, at="^- ")]
            source[0] += contents(rows, caption)
    elif page in BELOW or (page.startswith("docs/") and page.endswith("/README")):
        folder = BELOW.get(page, posixpath.dirname(page) + "/")
        source[0] += contents([f"/{name}" for _, name in linked(page, text) if name.startswith(folder)])


def linked(page: str, text: str, at: str = "") -> Iterator[tuple[str, str]]:
    """Words and name of each other page that a page links to.

    page    as Sphinx names it: its path from the root of the repository, without the ending
    text    of it
    at      what a link has to follow on its line
    """
    for words, target in re.findall(rf"{at}\[([^\]]+)\]\(([^)#\s:]+)\.md\)", text, re.MULTILINE):
        name = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if name != page:
            yield words, name


def contents(rows: list[str], caption: str = "") -> str:
    """A hidden table of contents, in MyST: each row once, at its first place, without headings."""
    options = [":hidden:", ":titlesonly:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["\n\n```{toctree}", *options, "", *dict.fromkeys(rows), "```\n"])


def one_title(text: str) -> str:
    """A page that has several headings of the first level with all but the first one level down.

    Such a page is read as one, and anchors of headings do not tell levels.
    """
    pieces = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)  # code at odd places
    if sum(len(re.findall(r"^# ", piece, re.MULTILINE)) for piece in pieces[::2]) < 2:
        return text
    deeper = [re.sub(r"^(#{1,5}) ", r"#\1 ", piece, flags=re.MULTILINE) for piece in pieces[::2]]
    pieces[::2] = deeper
    return re.sub(r"^## ", "# ", "".join(pieces), count=1, flags=re.MULTILINE)
