"""What a figure is drawn from: the results of one scenario, live or read back from a folder."""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hashcredit.simulator.display import seeds_in_words

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class FigureSource:
    """Results of one scenario: one run in detail and the scalars of all replicates."""

    scenario: str
    seed: int
    replicate: int
    """The replicate that `series`, `machines`, `opening` and `tree` belong to."""
    start_date: date
    series: pd.DataFrame
    """Weekly closing values of that replicate, index `week`."""
    machines: dict[str, str]
    """Name of each machine type, with its kind ("gpu" or "asic"), in the scenario's order."""
    opening: dict[str, pd.DataFrame]
    """Tables of borrowers, lenders and loans of that replicate before the first week."""
    tree: "nx.DiGraph"
    """Its failures, and which led to which: `hashcredit.simulator.reports.contagion_tree`."""
    summary: pd.DataFrame
    """One row a replicate, seed by seed."""
    seeds: tuple[int, ...] = ()
    """Whose networks the replicates were run on, in their order; left out: that of `seed` alone."""
    together: int = 1
    """Replicates in a row that make one independent group, a whole seed where there are several."""
    durations: dict[str, float] = field(default_factory=dict)
    """Of each asset class, years."""
    btc_opening: float = 1.0
    """Price of BTC in the opening, USD."""
    bands: dict[str, np.ndarray] = field(default_factory=dict)
    """Prices of each asset class without this economy [5 %, median and 95 % of replicates, week]."""
    band_replicates: int = 0
    ensemble: dict[str, np.ndarray] = field(default_factory=dict)
    """Columns of `series`, and "defaults" of all causes, over replicates [5 %, median and 95 %, week]."""
    ensemble_replicates: int = 0

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Calendar date of each row of `series`."""
        weeks = pd.to_timedelta(self.series.index.to_numpy() * 7, unit="D")
        return pd.DatetimeIndex(pd.Timestamp(self.start_date) + weeks)

    @property
    def replicates(self) -> int:
        """How many replicates the summary holds, of all seeds."""
        return len(self.summary)

    @property
    def words_of_seeds(self) -> str:
        """Which seeds the summary is of."""
        return seeds_in_words(self.seeds or (self.seed,))

    @property
    def words_of_intervals(self) -> str:
        """What an interval over the summary is about."""
        return "over networks" if len(self.seeds) > 1 else "this network only"

    @staticmethod
    def column_name(quantity: str, machine: str) -> str:
        """Name of a machine type's column in the series."""
        return f"{quantity}_{machine.lower().replace(' ', '_')}"

    def column(self, quantity: str, machine: str) -> pd.Series:
        """Series of one machine type, in USD or units; NaN throughout if the run has none."""
        name = self.column_name(quantity, machine)
        if name not in self.series:
            return pd.Series(float("nan"), index=self.series.index)
        return self.series[name]
