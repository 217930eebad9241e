"""The results of a study: what its folder holds, and what that says on average."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.results.kept import KeptRuns

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hashcredit.experiments.results.averages import Quantities


class Results(KeptRuns):
    """The runs of a study and what was kept of them, with averages and arrays; see `Results.open`."""

    def statistics(
        self, quantities: "Quantities | None" = None, by: Sequence[str] | None = None, level: float = 0.95
    ) -> "pd.DataFrame":
        """Mean, standard error and interval of quantities over the replicates; see `averages.statistics`."""
        from hashcredit.experiments.results.averages import statistics

        return statistics(self, quantities, by, level)

    def paired(
        self,
        quantity: str,
        factor: str,
        reference: Any,
        by: Sequence[str] | None = None,
        level: float = 0.95,
    ) -> "pd.DataFrame":
        """Differences from the `reference` level of a factor under the same draws; see `averages.paired`."""
        from hashcredit.experiments.results.averages import paired

        return paired(self, quantity, factor, reference, by, level)

    def variance_parts(self, quantities: "Quantities | None" = None, level: float = 0.95) -> "pd.DataFrame":
        """The variance of quantities at each point by path, network, rest; see `variance.variance_parts`."""
        from hashcredit.experiments.results.variance import variance_parts

        return variance_parts(self, quantities, level)

    def indices(
        self,
        of: "Quantities" = ("defaults",),
        *,
        level: float = 0.95,
        resamples: int = 1000,
        seed: int = 1,
    ) -> "pd.DataFrame":
        """Sensitivity indices with bootstrap intervals, where the design has some; see `indices.indices`."""
        from hashcredit.experiments.results.indices import indices

        return indices(self, of, level=level, resamples=resamples, seed=seed)

    def to_xarray(self) -> "xr.Dataset":
        """Scalars of all runs as a Dataset with a dimension a factor; see `labelled.to_xarray`."""
        from hashcredit.experiments.results.labelled import to_xarray

        return to_xarray(self)
