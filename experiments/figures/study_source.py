"""What a figure of a study is drawn from: an outcome at each point, its averages, and indices."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Response:
    """An outcome along a factor: one entry a level, or a slice of its values."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    """Lower ends of the intervals; NaN where they cannot be told."""
    high: NDArray[np.float64]
    at: NDArray[np.float64]
    """Where on the axis: the number of a level, or the mean value in a slice."""


@dataclass(frozen=True)
class FactorAxis:
    """A factor and how it is put on an axis."""

    name: str
    unit: str
    """Empty where it has none."""
    at: NDArray[np.float64]
    """Of each point: its value, or the number of its level."""
    levels: tuple[str, ...] = ()
    """Words of the levels, where the axis has levels."""
    log: bool = False
    response: Response | None = None
    paired: Response | None = None
    """Differences from the first level under the same draws."""


@dataclass(frozen=True)
class StudySource:
    """A study, less what its figures do not need."""

    words: str
    """Which study, design, points and replicates: the first line of every caption."""
    outcome: str = ""
    """With its unit."""
    factors: tuple[FactorAxis, ...] = ()
    value: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Mean of the outcome over the replicates of each point; NaN where none has a value."""
    intervals: str = ""
    """What the intervals of the responses stand for."""
    left_out: str = ""
    """Points and runs without a value, in words; empty if there are none."""
    indices: "pd.DataFrame | None" = None
    """Table of `Results.indices`."""
    blocks: str = "points"
    """What its blocks are called, in the plural."""
