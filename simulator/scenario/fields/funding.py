"""Scenario sections of the funding pool: the pool itself, asset classes, macro investors."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hashcredit.simulator.scenario.fields.base import (
    CHOICE,
    Path,
    Section,
    by_kind,
    check_knots,
    kind_defaults,
    path,
    quantity,
    refused,
)

OPENING_TIGHTNESS = (0.01, 0.99)
"""Between these the pool that belongs to a tightness is finite."""

Assets4 = tuple[float, float, float, float]
Assets5 = tuple[float, float, float, float, float]


class Funding(Section):
    """Conditions of funding: a pool with its water and its drain, or a path of tightness; what they cost."""

    rule: Literal["pool", "path"] = quantity(
        "pool", unit="none", meaning="whether tightness is that of the pool or is read from its path"
    )
    tightness: Path = path(
        0.2,
        unit="none",
        low=0.0,
        high=1.0,
        meaning="rule 'path': tightness, a constant or [week, value] pairs; rule 'pool': that of the opening",
    )
    premium: float = quantity(
        0.02, unit="1/yr", low=0.0, high=0.5, meaning="cost of capital over the policy rate at tightness 0"
    )
    premium_convexity: float = quantity(
        0.06, unit="1/yr", low=0.0, high=0.5, meaning="cost of capital added at tightness 1 (with its square)"
    )
    # Neo-clouds' loans on GPUs (20 bn$) and miners' debts (12.7 bn$) over the 6.5 bn$ of the opening here.
    scale: float = quantity(
        5.0,
        unit="ratio",
        low=0.0,
        high=1000.0,
        meaning="what this economy stands for over what it is, in debts and in sales of coins",
    )
    # With 1000 a further 10 bn$ of bonds cost 1.5 basis points at the opening, in the range of crowding.beta.
    normal: float = quantity(
        1000.0, unit="bn$", low=1.0, high=1e5, meaning="size of the pool at which tightness is one half"
    )
    steepness: float = quantity(
        4.0, unit="none", low=0.1, high=50.0, meaning="slope of tightness in the pool over its normal size"
    )
    saving: float = quantity(
        802.0,
        unit="bn$/yr",
        low=0.0,
        high=1e4,
        meaning="saving that looks for credit and securities, part of it through investors",
        source="ig.net_issuance.2026f",
        evidence="S",
    )
    saving_response: float = quantity(
        4000.0,
        unit="bn$/yr",
        low=0.0,
        high=1e5,
        meaning="saving added where capital costs 1 (100 %) more than in the opening",
    )
    purchases: Path = path(
        0.0,
        unit="bn$/yr",
        low=-1e4,
        high=1e4,
        meaning="securities bought by the authority, a constant or [week, value] pairs; negative: it sells",
    )
    plumbing: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of the authority's purchases that reaches the pool",
    )
    # 802 + 0.2 * 0.8 * 410 - 0.348 * 652: the first week is in balance to 1 bn$ a year, investors apart.
    fiscal: Path = path(
        641.0,
        unit="bn$/yr",
        low=-1e4,
        high=1e4,
        meaning="claims of the government and of other borrowers, a constant or [week, value] pairs",
    )
    # From 410 in mid-2025 to 725 in mid-2026 (hyper.capex.2025, hyper.capex.2026); what follows is a guess.
    capex: Path = path(
        ((0, 652.0), (12, 725.0), (64, 850.0), (116, 950.0), (168, 1000.0)),
        unit="bn$/yr",
        low=1.0,
        high=1e5,
        meaning="hyperscalers' capital expenditure, a constant or [week, value] pairs",
    )
    external_share: Path = path(
        0.348,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of it that others pay for, a constant or [week, value] pairs",
        source="hyper.external_share",
        evidence="D",
    )
    lagged_capex0: float = quantity(
        410.0,
        unit="bn$/yr",
        low=0.0,
        high=1e5,
        meaning="trailing mean of capital expenditure in the opening",
        source=CHOICE,
    )
    multiplier: float = quantity(
        0.2,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of lagged capital expenditure that comes back as saving at tightness 0",
    )
    multiplier_weeks: float = quantity(
        26.0, unit="weeks", low=1.0, high=520.0, meaning="mean lag with which it does"
    )
    hoarding: float = quantity(
        0.1,
        unit="fraction",
        low=0.0,
        high=5.0,
        meaning="taken from the pool of each dollar that investors' portfolio lies under its trailing mean",
    )
    hoarding_weeks: float = quantity(52.0, unit="weeks", low=1.0, high=520.0, meaning="memory of that mean")

    @property
    def opening_tightness(self) -> float:
        """Tightness in the first week, of a constant or of a path."""
        return self.tightness[0][1] if isinstance(self.tightness, tuple) else self.tightness

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("tightness", "purchases", "fiscal", "capex", "external_share"):
            knots = getattr(self, name)
            check_knots(name, knots)
            if knots == ():
                raise refused(name, [], "a number or at least one [week, value] pair")
        if self.rule == "pool":
            low, high = OPENING_TIGHTNESS
            if isinstance(self.tightness, tuple) or not low <= self.tightness <= high:
                allowed = (
                    f"a number from {low} to {high} (the opening) where rule is 'pool', or rule = 'path'"
                )
                raise refused("tightness", self.tightness, allowed)
        return self


class Assets(Section):
    """Asset classes, in the order BTC, software equity, memory equity, hedge-fund units, sovereign bonds."""

    duration: Assets5 = quantity(
        (15.0, 12.0, 4.0, 3.0, 6.0),
        unit="years",
        low=0.0,
        high=30.0,
        meaning="log fall of a price for a rise of the cost of capital by 1 (100 %)",
    )
    depth: Assets5 = quantity(
        (100.0, 400.0, 500.0, 150.0, 5000.0),
        unit="bn$",
        low=0.01,
        high=1e6,
        meaning="investors' sales that move a price by a factor e",
    )
    recovery: Assets4 = quantity(
        (4.0, 4.0, 4.0, 8.0),
        unit="1/yr",
        low=0.0,
        high=520.0,
        meaning="speed at which the impact of sales fades, without BTC (credit.btc_recovery)",
    )
    volatility: Assets4 = quantity(
        (0.30, 0.40, 0.08, 0.06),
        unit="1/yr^0.5",
        low=0.0,
        high=3.0,
        meaning="annual volatility of log prices, the funding pool's share included, without BTC"
        " (shocks.btc_volatility)",
    )
    loading: Assets4 = quantity(
        (0.8, 0.7, 0.6, -0.2),
        unit="correlation",
        low=-1.0,
        high=1.0,
        meaning="correlation of a class's innovation with the common factor, without BTC",
    )
    btc_loading: float = quantity(
        0.4, unit="correlation", low=-1.0, high=1.0, meaning="correlation of BTC's with it"
    )


class InvestorTerms(Section):
    """One macro investor; in the order sovereign fund, conglomerate, hedge funds, retail, pension."""

    cash: float = by_kind(
        (20.0, 10.0, 20.0, 100.0, 50.0),
        unit="bn$",
        low=0.0,
        high=1e5,
        meaning="cash in the opening; what exceeds it later is placed in the pool",
    )
    holdings: Assets5 = by_kind(
        (
            (1.0, 150.0, 150.0, 100.0, 300.0),
            (2.0, 60.0, 60.0, 0.0, 10.0),
            (15.0, 200.0, 200.0, 0.0, 100.0),
            (100.0, 500.0, 400.0, 0.0, 100.0),
            (2.0, 500.0, 500.0, 300.0, 1500.0),
        ),
        unit="bn$",
        low=0.0,
        high=1e6,
        meaning="holdings of each asset class in the opening",
    )
    conviction: Assets5 = by_kind(
        (
            (1.0, 3.0, 4.0, 2.0, 5.0),
            (1.0, 3.0, 4.0, 5.0, 2.0),
            (2.0, 3.0, 4.0, 5.0, 1.0),
            (3.0, 2.0, 4.0, 5.0, 1.0),
            (1.0, 3.0, 4.0, 2.0, 5.0),
        ),
        unit="none",
        low=0.0,
        high=100.0,
        meaning="conviction in each asset class: the least is sold first, of equals the earlier",
    )
    commitment: float = by_kind(
        (15.0, 30.0, 0.0, 0.0, 0.0),
        unit="bn$/yr",
        low=0.0,
        high=1e4,
        meaning="capital expenditure that it has promised to pay for",
    )
    inflow: float = by_kind(
        (10.0, 0.0, 0.0, 50.0, 100.0),
        unit="bn$/yr",
        low=0.0,
        high=1e4,
        meaning="saving entrusted to it",
    )
    redemption_threshold: float = by_kind(
        (1.0, 0.4, 0.15, 0.25, 1.0),
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="fall of its portfolio from the peak at which clients ask money back; 1: never",
    )
    redemption_share: float = by_kind(
        (0.0, 0.5, 1.0, 0.5, 0.0),
        unit="1/yr",
        low=0.0,
        high=52.0,
        meaning="share of the portfolio that they ask back in a year while it lies there",
    )


class Investors(Section):
    """Macro investors: what they hold, believe in and have promised."""

    sovereign_fund: InvestorTerms = Field(default=kind_defaults(InvestorTerms, 0))
    conglomerate: InvestorTerms = Field(default=kind_defaults(InvestorTerms, 1))
    hedge_funds: InvestorTerms = Field(default=kind_defaults(InvestorTerms, 2))
    retail: InvestorTerms = Field(default=kind_defaults(InvestorTerms, 3))
    pension: InvestorTerms = Field(default=kind_defaults(InvestorTerms, 4))
