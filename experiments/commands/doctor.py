"""`hashcredit doctor`: whether this installation can do its work, and what to do where it cannot."""

import argparse
import json
import textwrap
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.commands.parsing import add_command
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.display import counted

if TYPE_CHECKING:
    from hashcredit.experiments.commands.findings import Finding

DOCTOR_EXAMPLES = """examples:
  hashcredit doctor                     what is installed, seen and kept, and what to do
  hashcredit doctor --no-probe          the same without a run, in a second or two
  hashcredit doctor --json              for a report of a bug, or for a script

Lines that begin with ! are broken, and the exit code is then 1. Lines that begin with - work, but could be
better. Nothing is compiled, installed or changed.
"""

MARKS = {"well": " ", "remark": "-", "broken": "!"}
LINE = 80


def add_doctor(commands: Any) -> None:
    """Add `doctor` to the command line."""
    doctor = add_command(
        commands,
        "doctor",
        "what is installed, seen and kept, and what to do",
        description="Look at versions, kernel cache, processors, memory, Slurm, Dask and extras; time a run.",
        epilog=DOCTOR_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.add_argument("--no-probe", action="store_true", help="simulate nothing")


def doctor(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Look, print what was found; 1 if something is broken."""
    from hashcredit.experiments.commands.diagnosis import diagnose

    findings = diagnose(listener, probe=not arguments.no_probe)
    broken = sum(each.state == "broken" for each in findings)
    if arguments.json:
        record = {"well": not broken, "findings": [each.as_record() for each in findings]}
        print(json.dumps(record, indent=2))
    else:
        print(as_text(findings))
        print(f"\n{_verdict(broken, any(each.state == 'remark' for each in findings))}")
    return 1 if broken else 0


def _verdict(broken: int, remarks: bool) -> str:
    if broken:
        return f"{counted(broken, 'thing')} broken: see the lines with !"
    return "nothing is broken; lines with - could be better" if remarks else "all is well"


def as_text(findings: "list[Finding]") -> str:
    """A block a section, a line a finding, and under it what to do."""
    width = max(len(each.name) for each in findings)
    lines: list[str] = []
    section = ""
    for each in findings:
        if each.section != section:
            section = each.section
            lines += ["", section]
        head = f"{MARKS[each.state]} {each.name:<{width}}  "
        lines += textwrap.wrap(
            f"{head}{each.found}",
            LINE,
            subsequent_indent=" " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )
        if each.advice:
            indent = " " * len(head)
            lines += textwrap.wrap(
                f"-> {each.advice}",
                LINE,
                initial_indent=indent,
                subsequent_indent=f"{indent}   ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines[1:])
