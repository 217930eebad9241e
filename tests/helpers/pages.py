"""What tests of the documentation read out of a page."""

import re
import shlex

from repository import ROOT

PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "results/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def blocks(text: str, language: str) -> list[str]:
    """Fenced code blocks of a language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in fenced if named == language]


def commands(text: str) -> list[list[str]]:
    """Lines of shell blocks that start with hashcredit, split into words, less pipes and redirections."""
    lines = [re.split(r" [|>] ", line)[0] for block in blocks(text, "sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("hashcredit ")]


def without_code(text: str) -> str:
    """Markdown less its fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
