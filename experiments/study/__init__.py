"""Studies: what is varied, by which design, and the points that follow.

Nothing here runs a point or writes a result.
"""

from typing import TYPE_CHECKING

from hashcredit.simulator.public import public_names

if TYPE_CHECKING:
    from hashcredit.experiments.study.study import Study as Study

__all__ = ["Study"]

__getattr__, __dir__ = public_names(__name__, {"Study": "study"})
