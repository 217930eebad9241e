"""Fields that the balance sheets of miners and of neo-clouds share; only their defaults differ."""

from typing import Annotated

from hashcredit.simulator.scenario.fields.types import (
    Fraction,
    Log,
    Probability,
    SiteClassWeights,
    Weeks,
    meaning,
    unit,
)

ConvertibleProbability = Annotated[Probability, meaning("probability of a convertible note")]
ConvertibleShare = Annotated[Fraction, meaning("face of such a note as a share of assets")]
HighYieldProbability = Annotated[Probability, meaning("probability of a high-yield bond")]
HighYieldShare = Annotated[Fraction, meaning("face of such a bond as a share of assets")]
CashWeeks = Annotated[Weeks, meaning("median cash in weeks of leases, overhead and debt service")]
CashSpread = Annotated[Log, meaning("standard deviation of log cash in weeks")]
SiteClasses = Annotated[SiteClassWeights, meaning("weights of site classes, cheapest first")]
FreeSlotShare = Annotated[
    float, unit("fraction", 0.0, 5.0), meaning("free slots over occupied ones in the first week")
]
