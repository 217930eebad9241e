"""What the market asked for debt like that of the model: dated facts of the calibration tables.

They stand beside fair spreads for comparison; no number of the model is fitted to them.
"""

from typing import TYPE_CHECKING, NamedTuple

from hashcredit.experiments.measures.spread_sums import BASIS_POINT
from hashcredit.simulator.scenario.facts import fact

if TYPE_CHECKING:
    import pandas as pd


class Quote(NamedTuple):
    """A fact about the price of debt, and what it is."""

    key: str
    """In the calibration tables."""
    debt: str
    measure: str
    """Spread over a floating rate, spread of a swap on a default, or whole yield."""


SPREAD, SWAP, YIELD = "spread", "default swap", "yield"

QUOTES = (
    Quote("dcabs.compass.aaa", "data-centre securities, Aaa", SPREAD),
    Quote("iren.gpufin.margin", "IREN, loan on GPUs, A", SPREAD),
    Quote("crwv.ddtl4.margin", "CoreWeave, loan on GPUs, A3", SPREAD),
    Quote("crwv.ddtl5.margin", "CoreWeave, loan on GPUs, Ba2", SPREAD),
    Quote("crwv.ddtl2.margin.ig", "CoreWeave, 2024, inv. grade", SPREAD),
    Quote("crwv.ddtl2.margin.nonig", "CoreWeave, 2024, below it", SPREAD),
    Quote("orcl.cds5y.2025", "Oracle, 5 years", SWAP),
    Quote("crwv.cds5y.2025-11", "CoreWeave, 5 years", SWAP),
    Quote("crwv.cds5y.peak", "CoreWeave, 5 years, widest", SWAP),
    Quote("crwv.notes2031.coupon", "CoreWeave, notes of 2031", YIELD),
    Quote("crwv.notes2030.eff", "CoreWeave, notes of 2030", YIELD),
    Quote("apld.yield.2025-11", "Applied Digital, bond", YIELD),
)


def market_quotes() -> "pd.DataFrame":
    """One row a quote: key, debt and measure; value_bp with low_bp and high_bp (NaN: no range); date, source
    and tag of the evidence. A yield has the policy rate in it, spreads have not."""
    import pandas as pd

    rows = []
    for quote in QUOTES:
        found = fact(quote.key)
        low, high = (float("nan") if end is None else end / BASIS_POINT for end in (found.low, found.high))
        rows.append(
            {
                **quote._asdict(),
                "value_bp": found.value / BASIS_POINT,
                "low_bp": low,
                "high_bp": high,
                "date": found.date,
                "source": found.source,
                "tag": found.tag,
            }
        )
    return pd.DataFrame(rows)
