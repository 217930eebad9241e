"""Scenario sections by kind of agent: the terms of lenders and of secondary buyers."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hashcredit.simulator.scenario.fields.base import Section, by_kind, kind_defaults, refused


class LenderTerms(Section):
    """Terms of one kind of lender; defaults in the order bank, private credit, bond fund."""

    advance_rate: float = by_kind(
        (0.525, 0.60, 0.65),
        unit="fraction",
        low=0.0,
        high=0.95,
        meaning="machine loan over the installed price that this kind offers",
        source=("gpuloan.ltv.bank", "gpuloan.ltv.private_credit", "gpuloan.ltv.abl"),
        evidence="E",
    )
    equity_ratio: float = by_kind(
        (0.12, 0.40, 0.95), unit="fraction", low=0.0, high=2.0, meaning="equity over loans in the first week"
    )
    capital_target: float = by_kind(
        (0.10, 0.30, 0.80),
        unit="fraction",
        low=0.0,
        high=2.0,
        meaning="equity over loans below which it lends no more",
    )
    capital_minimum: float = by_kind(
        (0.07, 0.20, 0.60),
        unit="fraction",
        low=0.0,
        high=2.0,
        meaning="equity over loans below which it accelerates whatever is in breach, and rolls nothing over",
    )
    spread: float = by_kind(
        (0.05, 0.09, 0.08),
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="its discount rate over the market's cost of capital",
    )
    cash_share: float = by_kind(
        (0.05, 0.05, 0.05), unit="fraction", low=0.0, high=2.0, meaning="cash over loans in the first week"
    )
    belief: Literal["utility", "venture", "learned"] = by_kind(
        ("utility", "venture", "learned"),
        unit="none",
        meaning="how it expects rents to move over the life of a loan",
    )
    payout: float = by_kind(
        (0.5, 0.5, 0.5), unit="fraction", low=0.0, high=1.0, meaning="share of income that it distributes"
    )
    market_share: float = by_kind(
        (0.25, 0.50, 0.25),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="its weight where a borrower knows several lenders",
    )
    recovery_prior: float = by_kind(
        (0.6, 0.6, 0.6),
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="recovery that it expects before it has seen any",
    )
    headroom: float = by_kind(
        (0.15, 0.15, 0.15),
        unit="fraction",
        low=0.0,
        high=10.0,
        meaning="undrawn lending capacity over loans at the start",
    )
    repo_share: float = by_kind(
        (0.0, 1.0, 1.0),
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of its debts in the first week that is back-leverage on loans; banks have deposits",
    )
    interlender_claims: float = by_kind(
        (1.0, 0.25, 0.5),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weight of a lender of this kind among those that lend to lenders",
    )
    interlender_debts: float = by_kind(
        (0.5, 1.0, 0.1),
        unit="weight",
        low=0.0,
        high=1e6,
        meaning="weight of a lender of this kind among those that owe to lenders",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.capital_minimum > self.capital_target:
            raise refused(
                "capital_minimum", self.capital_minimum, f"at most capital_target = {self.capital_target}"
            )
        if self.equity_ratio < self.capital_minimum:
            raise refused(
                "equity_ratio", self.equity_ratio, f"at least capital_minimum = {self.capital_minimum}"
            )
        return self


class Lenders(Section):
    """Terms of the three kinds of lender."""

    bank: LenderTerms = Field(default=kind_defaults(LenderTerms, 0))
    private_credit: LenderTerms = Field(default=kind_defaults(LenderTerms, 1))
    bond_fund: LenderTerms = Field(default=kind_defaults(LenderTerms, 2))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.bank.market_share + self.private_credit.market_share + self.bond_fund.market_share > 0.0:
            raise refused(
                "bank.market_share", 0.0, "market shares of the three kinds that do not sum to zero"
            )
        return self


class BuyerTerms(Section):
    """Terms of one kind of buyer; defaults in the order operator, broker, refurbisher, scrap dealer."""

    cash: float = by_kind(
        (25.0, 10.0, 6.0, 8.0), unit="M$", low=0.0, high=1e6, meaning="median cash in the first week"
    )
    cash_log_sd: float = by_kind(
        (1.0, 1.0, 1.0, 1.0),
        unit="log",
        low=0.0,
        high=3.0,
        meaning="standard deviation of log cash and log slots",
    )
    refill_weeks: float = by_kind(
        (52.0, 52.0, 52.0, 52.0),
        unit="weeks",
        low=1.0,
        high=1e4,
        meaning="weeks in which spent cash returns, by a factor e",
    )
    slots_asic: int = by_kind(
        (2000, 3000, 3000, 0), unit="units", low=0, high=10**7, meaning="median free ASIC slots"
    )
    slots_air: int = by_kind(
        (800, 400, 200, 0), unit="units", low=0, high=10**7, meaning="median free air-cooled slots"
    )
    slots_liquid: int = by_kind(
        (300, 0, 0, 0), unit="units", low=0, high=10**7, meaning="median free liquid-cooled slots"
    )
    slot_build_weeks: float = by_kind(
        (104.0, 104.0, 104.0, 104.0),
        unit="weeks",
        low=1.0,
        high=1e4,
        meaning="weeks in which used slots are rebuilt",
    )
    spread: float = by_kind(
        (0.10, 0.18, 0.22, 0.25),
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="its discount rate over the market's cost of capital",
    )
    site_class: int = by_kind(
        (2, 2, 3, 3), unit="none", low=0, high=3, meaning="site class whose power price it pays"
    )
    margin: float = by_kind(
        (0.0, 0.12, 0.20, 0.0),
        unit="fraction",
        low=0.0,
        high=0.95,
        meaning="share of a machine's value that it keeps",
    )
    moving_cost: float = by_kind(
        (1500.0, 800.0, 1500.0, 100.0),
        unit="USD/unit",
        low=0.0,
        high=1e5,
        meaning="freight and installation of a GPU",
    )
    moving_cost_asic: float = by_kind(
        (120.0, 80.0, 150.0, 10.0),
        unit="USD/unit",
        low=0.0,
        high=1e5,
        meaning="freight and installation of an ASIC",
    )


class Buyers(Section):
    """Terms of the four kinds of secondary buyer."""

    operator: BuyerTerms = Field(default=kind_defaults(BuyerTerms, 0))
    broker: BuyerTerms = Field(default=kind_defaults(BuyerTerms, 1))
    refurbisher: BuyerTerms = Field(default=kind_defaults(BuyerTerms, 2))
    scrap_dealer: BuyerTerms = Field(default=kind_defaults(BuyerTerms, 3))
