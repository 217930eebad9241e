"""What a study has found: its runs as frames and arrays, averages and paired differences.

It reads what `store` holds and computes no run.
"""

from typing import TYPE_CHECKING

from hashcredit.simulator.public import public_names

if TYPE_CHECKING:
    from hashcredit.experiments.results.results import Results as Results

__all__ = ["Results"]

__getattr__, __dir__ = public_names(__name__, {"Results": "results"})
