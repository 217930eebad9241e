"""Write `scenarios/baseline_2026.toml` from the defaults of the models.

Run `python -m hashcredit.simulator.scenario.baseline` after changing a default; a test compares the two.
"""

from hashcredit.simulator.scenario.fields.base import EVIDENCE
from hashcredit.simulator.scenario.files import PACKAGED
from hashcredit.simulator.scenario.scenario import Scenario

FILE = PACKAGED / "baseline_2026.toml"

HEADER = """\
# The baseline: a market for compute credit in April 2026.
#
# Complete, and equal to the defaults of the models.
# Written by python -m hashcredit.simulator.scenario.baseline; a test compares the two.
# Behind each value: its meaning, its unit, its key in the calibration tables, and how good the evidence is:
{tags}

"""


def baseline_text() -> str:
    """The baseline as a commented scenario file."""
    tags = "\n".join(f"#   {tag} {meaning}" for tag, meaning in EVIDENCE.items())
    return HEADER.format(tags=tags) + Scenario().to_toml(comments=True)


if __name__ == "__main__":
    FILE.write_text(baseline_text(), encoding="utf-8")
