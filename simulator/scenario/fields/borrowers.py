"""Fields that the balance sheets of miners and of neo-clouds share; only their defaults differ."""

from typing import Annotated

from hashcredit.simulator.scenario.fields.types import (
    Fraction,
    Log,
    Probability,
    Share,
    SiteClassWeights,
    Weeks,
    meaning,
    unit,
)

BondProbability = Annotated[Probability, meaning("probability of an unsecured bond")]
BondShare = Annotated[Fraction, meaning("face of such a bond as a share of assets at the prices paid")]
ConvertibleShare = Annotated[
    Share, meaning("share of such bonds that are convertible; the others are high yield")
]
CashWeeks = Annotated[
    Weeks, meaning("median cash in weeks of leases, overhead and debt service at terms equal for all")
]
CashSpread = Annotated[Log, meaning("standard deviation of log cash in weeks")]
SiteClasses = Annotated[SiteClassWeights, meaning("weights of site classes, cheapest first")]
FreeSlotShare = Annotated[
    float, unit("fraction", 0.0, 5.0), meaning("free slots over occupied ones in the first week")
]
