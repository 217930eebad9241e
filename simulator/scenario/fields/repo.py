"""Scenario sections of what lenders owe: back-leverage on loans, and debts to each other."""

from typing import Literal, Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Path, Section, check_knots, path, quantity, refused


class Repo(Section):
    """Lenders' back-leverage on their loans: its haircut, its pool, and the standing facility."""

    haircut: Path = path(
        0.20,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="haircut on lenders' back-leverage in a calm market: a constant or [week, value] pairs",
    )
    calm_volatility: float = quantity(
        0.10,
        unit="1/yr^0.5",
        low=0.0,
        high=5.0,
        meaning="volatility of appraisals up to which the haircut is that of a calm market",
    )
    volatility_weight: float = quantity(
        0.5,
        unit="none",
        low=0.0,
        high=10.0,
        meaning="haircut added a unit of volatility of appraisals above that",
    )
    unsold_weight: float = quantity(
        0.10,
        unit="none",
        low=0.0,
        high=1.0,
        meaning="haircut added when nothing of what is on sale finds a buyer",
    )
    tightness_weight: float = quantity(
        0.25,
        unit="none",
        low=0.0,
        high=2.0,
        meaning="haircut added a unit of tightness over that of the first week",
    )
    lowest_haircut: float = quantity(
        0.05, unit="fraction", low=0.0, high=1.0, meaning="least haircut, whatever the market does"
    )
    highest_haircut: float = quantity(
        0.45,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="largest haircut, whatever the market does",
        source="repo.haircut.2008-end",
        evidence="U",
    )
    memory_weeks: float = quantity(
        8.0,
        unit="weeks",
        low=0.1,
        high=520.0,
        meaning="weeks in which volatility and unsold machines are forgotten, by a factor e",
    )
    pool_headroom: float = quantity(
        0.25,
        unit="fraction",
        low=0.0,
        high=100.0,
        meaning="back-leverage to be had beyond that of the first week, over the latter",
    )
    pool_growth: float = quantity(
        0.10, unit="1/yr", low=-1.0, high=2.0, meaning="growth of the pool of back-leverage"
    )
    pool_tightness: float = quantity(
        1.0,
        unit="none",
        low=0.0,
        high=10.0,
        meaning="share of the pool lost a unit of tightness over that of the first week",
    )
    cure_weeks: int = quantity(
        4,
        unit="weeks",
        low=0,
        high=104,
        meaning="weeks that a lender may leave a call unmet before it is unfunded",
    )
    standing_facility: bool = quantity(
        False, unit="none", meaning="whether the authority lends against seized machines"
    )
    facility_haircut: float = quantity(
        0.50,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="haircut of the standing facility on the appraisal of seized machines",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_knots("haircut", self.haircut)
        if self.haircut == ():
            raise refused("haircut", [], "a number or at least one [week, value] pair")
        if self.highest_haircut < self.lowest_haircut:
            allowed = f"at least lowest_haircut = {self.lowest_haircut}"
            raise refused("highest_haircut", self.highest_haircut, allowed)
        return self


class Interlender(Section):
    """What lenders owe each other, and what becomes of a lender that fails."""

    exposure_share: float = quantity(
        0.05,
        unit="fraction",
        low=0.0,
        high=0.5,
        meaning="debts between lenders over all loans in the first week",
    )
    asset_recovery: float = quantity(
        0.9,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of a failed lender's cash that reaches its creditors (alpha of Rogers and Veraart)",
    )
    claim_recovery: float = quantity(
        0.9,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of what other lenders pay it that reaches them (beta of Rogers and Veraart)",
    )
    receivership: Literal["run-off", "auction"] = quantity(
        "run-off", unit="none", meaning="whether a failed lender keeps its loans or offers them to others"
    )
