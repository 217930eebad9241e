"""The summary table once more, adjusted by control variates: as text and as a file."""

import math
from collections.abc import Sequence

from hashcredit.experiments.folder.summary import Statistic, number_text, statistics_of
from hashcredit.simulator.display import interval_in_words
from hashcredit.simulator.reports.controls import controls_of
from hashcredit.simulator.reports.precision import Precise, precise_estimates
from hashcredit.simulator.reports.run import ManyRuns

Rows = Sequence[tuple[Statistic, Precise]]


def precise_statistics(many: ManyRuns) -> Rows:
    """The rows of `statistics_of` for runs of one scenario, each with its adjusted mean."""
    rows = statistics_of(many.scalars, many.together, len(many.seeds))
    controls = controls_of(many.setups, many.outcomes.shape[1])
    found = precise_estimates(
        [row.values for row in rows],
        controls,
        together=many.setups[0].scenario.shocks.together,
        seeds=len(many.setups),
    )
    return list(zip(rows, found, strict=True))


def format_precise(rows: Rows) -> str:
    """Adjusted means with their intervals, and the runs that they are worth; 80 columns wide."""
    lines = [f"{'adjusted':<29}{'n':>7}{'mean':>9}{'s.e.':>8}{'95 % interval':>18}{'worth':>9}"]
    for row, e in rows:
        worth = f"{e.equivalent_runs:,.0f}" if math.isfinite(e.equivalent_runs) else "-"
        lines.append(
            f"{row.label:<29}{e.n:>7}{number_text(e.adjusted_mean):>9}{number_text(e.adjusted_se):>8}"
            f"{number_text(e.low):>9}{number_text(e.high):>9}{worth:>9}"
        )
    lines.append(f"standard errors and intervals: {interval_in_words(rows[0][0].seeds)}")
    each = ", each on a network of its own" if rows[0][0].seeds > 1 else ""
    lines.append(f"worth: runs whose plain mean has this standard error{each}")
    return "\n".join(lines)


def precise_csv(rows: Rows) -> str:
    """One line a statistic, full precision, empty where a number cannot be told."""
    lines = ["quantity,unit,n,adjusted_mean,adjusted_se,low,high,equivalent_runs,networks"]
    for row, e in rows:
        values = [e.n, e.adjusted_mean, e.adjusted_se, e.low, e.high, e.equivalent_runs]
        cells = ["" if v != v else repr(v) for v in values]
        lines.append(",".join([row.quantity, row.unit, *cells, str(row.seeds)]))
    return "\n".join(lines) + "\n"
