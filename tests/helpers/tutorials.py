"""Tutorials: pages whose blocks are run in their order, and which show what came out.

A tutorial is Markdown. Its `sh` and `python` blocks are run in an empty folder; a `text` block right behind
one is what it printed. A remark before a block says what else it is: `<!-- file: NAME -->`, a file of that
name, or `<!-- on slurm -->`, for a cluster only.

    python tests/helpers/tutorials.py [NAME ...]     run them and write what they print into the pages
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repository import ROOT

from hashcredit.experiments.support.references import processor

FOLDER = ROOT / "docs" / "tutorials"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$"
    r"(?:\n\n```text\n(?P<shown>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"(?<![\w.,])[-+]?(\d[\d,]*(?:\.\d+)?|\.\d+)(?![\w])")
YEAR = re.compile(r"(19|20)\d\d")
ON_SLURM = "on slurm"


@dataclass
class Block:
    """A block of a tutorial, and what the page says that it prints."""

    language: str
    code: str
    file: str  # to write it to, "" if it is to be run
    on_slurm: bool
    shown: str | None  # None where the page shows nothing


def names() -> list[str]:
    """Of all tutorials, without their ending."""
    return [path.stem for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"]


def text_of(name: str) -> str:
    """The page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def blocks_of(text: str) -> Iterator[Block]:
    """All blocks of a page in their order."""
    for found in BLOCK.finditer(text):
        mark = found["mark"] or ""
        file = mark.removeprefix("file: ") if mark.startswith("file: ") else ""
        yield Block(found["language"], found["code"], file, mark == ON_SLURM, found["shown"])


class Session:
    """A folder and a Python session in which the blocks of one tutorial are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__main__"}

    def run(self, block: Block) -> str:
        """What a block prints to stdout; "" for a file, which is written."""
        if block.file:
            (self.folder / block.file).write_text(block.code, encoding="utf-8")
            return ""
        if block.language == "sh":
            return self.shell(block.code)
        assert block.language == "python", block.language
        said = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(said):
            exec(compile(block.code, "tutorial", "exec"), self.names)
        return said.getvalue()

    def shell(self, code: str) -> str:
        """What commands print; they stop at the first that fails."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "COLUMNS": "80", "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def untold(text: str, outputs: list[str]) -> list[str]:
    """Numbers in the prose of a page that neither its code nor what was printed says.

    Years, the time that it takes and what one might try next are left out.
    """
    said = {
        plain(number)
        for part in [*outputs, *(block.code for block in blocks_of(text))]
        for number in all_in(part)
    }
    prose = re.sub(
        r"^## Try next.*|^```.*?^```$|^\*\*Time:\*\*[^\n]*$|\]\([^)]*\)|<!--.*?-->|version\s[\d.]+\d",
        "",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    return [
        number for number in NUMBER.findall(prose) if plain(number) not in said and not YEAR.fullmatch(number)
    ]


def all_in(text: str) -> list[str]:
    """Numbers of what was printed, wherever they stand."""
    return re.findall(r"\d[\d,]*(?:\.\d+)?|\.\d+", text)


def plain(number: str) -> str:
    """A number as it is compared: without commas and without the zero before a point."""
    return number.replace(",", "").lstrip("0") or "0"


def refresh(name: str) -> None:
    """Run a tutorial and write what its blocks print into the page."""
    text, outputs = text_of(name), []
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        for block in blocks_of(text):
            if not block.on_slurm:
                outputs.append(session.run(block))
            else:
                outputs.append(block.shown or "")
    printed = iter(outputs)

    def rewritten(found: re.Match[str]) -> str:
        output = next(printed)
        if found["shown"] is None:
            return found[0]
        before = found[0][: found.start("shown") - found.start()]
        return before + output.strip("\n") + "\n```"

    (FOLDER / f"{name}.md").write_text(BLOCK.sub(rewritten, text), encoding="utf-8")
    print(f"{name}: not said by code or output: {', '.join(untold(text, outputs)) or 'nothing'}")


def mark_processor() -> None:
    """Say in the list of tutorials on which kind of processor their outputs were made."""
    page = FOLDER / "README.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"(?<=<!-- processor: ).*(?= -->)", processor(), text), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    for each in sys.argv[1:] or names():
        refresh(each)
    mark_processor()
