"""Files that are written from the code: the command line of whoever writes one."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def write_or_compare(
    tool: str, file: Path, document: Callable[[], str], arguments: Sequence[str] | None
) -> int:
    """Command line of a tool that writes a generated document, or with `--check` compares it."""
    command = f"python -m hashcredit.experiments.tools.{tool}"
    parser = argparse.ArgumentParser(prog=command)
    parser.add_argument("file", nargs="?", type=Path, default=file, help=f"default: {file}")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is stale")
    options = parser.parse_args(arguments)
    text = document()
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
        return 0
    if options.file.is_file() and options.file.read_text(encoding="utf-8") == text:
        return 0
    print(f"{options.file} is stale: run {command}", file=sys.stderr)
    return 1
