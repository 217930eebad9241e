"""Ratios of sums over the rows of a table, with intervals over what was drawn independently."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hashcredit.simulator.errors import RefusedError
from hashcredit.simulator.reports.statistics import ratio_estimate

if TYPE_CHECKING:
    import pandas as pd

CLUSTERS = ("seed", "replicate")
"""Columns that tell runs apart, unless the caller names others."""


def ratios_of_sums(
    table: "pd.DataFrame", ratios: Mapping[str, tuple[str, str]], clusters: Sequence[str] | None
) -> "pd.DataFrame":
    """One row for each ratio, named by it: value, standard_error, low, high (95 %, Student, linear part).

    Parameters
    ----------
    table : DataFrame
        One row a case, of one run or of many below each other.
    ratios : mapping
        Name of each ratio to its columns, denominator first.
    clusters : sequence of str, optional
        Columns whose values together name a group of rows that is independent of all others; what there is
        of `CLUSTERS`, if left out.

    A value is NaN where its denominator is zero; an error is NaN without a second group.
    """
    import pandas as pd

    needed = dict.fromkeys(column for pair in ratios.values() for column in pair)
    by = [name for name in CLUSTERS if name in table] if clusters is None else list(clusters)
    for argument, names in (("table", needed), ("clusters", by)):
        if missing := [name for name in names if name not in table]:
            columns = ", ".join(map(str, table.columns))
            raise RefusedError(argument, missing[0], f"columns of the table, which has {columns}")
    sums = table.groupby(by)[list(needed)].sum() if by else table[list(needed)].sum().to_frame().T
    rows = []
    for denominator, numerator in ratios.values():
        rows.append(ratio_estimate(sums[numerator].to_numpy(float), sums[denominator].to_numpy(float)))
    return pd.DataFrame(rows, columns=["value", "standard_error", "low", "high"], index=list(ratios))
