"""Scenario sections of lenders: their terms, their back-leverage, what they owe each other."""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from hashcredit.agents.dimensions import Belief, Receivership
from hashcredit.simulator.scenario.fields.base import InOrder, Section, by_kind, field, kind_defaults, refused
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    Delay,
    Fraction,
    Growth,
    Number,
    Path,
    PerYear,
    Share,
    Switch,
    Volatility,
    Weeks,
    Weight,
    choice,
    knots,
)


class LenderTerms(Section):
    """Terms of one kind of lender; defaults in the order bank, private credit, bond fund."""

    in_order: ClassVar[InOrder] = (
        ("capital_minimum", "at most", "capital_target"),
        ("equity_ratio", "at least", "capital_minimum"),
    )

    advance_rate: Share = by_kind(
        (0.525, 0.60, 0.65),
        "machine loan over the installed price that this kind offers",
        high=0.95,
        source=("E: gpuloan.ltv.bank", "E: gpuloan.ltv.private_credit", "E: gpuloan.ltv.abl"),
    )
    equity_ratio: Fraction = by_kind((0.12, 0.40, 0.95), "equity over loans in the first week", at_start=True)
    capital_target: Fraction = by_kind((0.10, 0.30, 0.80), "equity over loans below which it lends no more")
    capital_minimum: Fraction = by_kind(
        (0.07, 0.20, 0.60),
        "equity over loans below which it accelerates whatever is in breach, and rolls nothing over",
    )
    spread: AnnualRate = by_kind((0.05, 0.09, 0.08), "its discount rate over the market's cost of capital")
    cash_share: Fraction = by_kind((0.05, 0.05, 0.05), "cash over loans in the first week")
    belief: Annotated[str, choice(Belief)] = by_kind(
        ("utility", "venture", "learned"), "how it expects rents to move over the life of a loan"
    )
    payout: Share = by_kind((0.5, 0.5, 0.5), "share of income that it distributes")
    market_share: Weight = by_kind(
        (0.25, 0.50, 0.25), "its weight where a borrower knows several lenders", at_start=True
    )
    recovery_prior: Share = by_kind((0.6, 0.6, 0.6), "recovery that it expects before it has seen any")
    headroom: Fraction = by_kind(
        (0.15, 0.15, 0.15),
        "undrawn lending capacity over loans at the start, and for which funds take subscriptions",
        high=10.0,
    )
    # CoreWeave's debt grew from 8,034 to 11,171 M$ in half a year (crwv.debt.total): .66 a year in logs. At
    # the same leverage the equity of who lends it grows as fast. From 0 to 2 is worth trying.
    inflow: PerYear = by_kind(
        (0.0, 0.66, 0.66),
        "equity that savers add in a year, over its own, at the opening's slack and its cost of capital",
        high=20.0,
        source=("C: modelling choice", "D: crwv.debt.growth", "D: crwv.debt.growth"),
    )
    gate: PerYear = by_kind(
        (0.0, 0.20, 0.20),
        "equity that clients may take out in a year, over its own",
        high=20.0,
        source=("C: modelling choice", "U: modelling choice", "U: modelling choice"),
    )
    # 38 bn USD of construction debt took over half a year to sell (event.failed_syndication.orcl); what part
    # of their promises lenders mean to sell was not found. From 0 to .8 is worth trying.
    syndication: Share = by_kind(
        (0.0, 0.0, 0.0),
        "share of the loans it promises (by number) that it means to sell to another lender when drawn",
    )
    repo_share: Share = by_kind(
        (0.0, 1.0, 1.0),
        "share of its debts in the first week that is back-leverage on loans; banks have deposits",
    )
    interlender_claims: Weight = by_kind(
        (1.0, 0.25, 0.5), "weight of a lender of this kind among those that lend to lenders", at_start=True
    )
    interlender_debts: Weight = by_kind(
        (0.5, 1.0, 0.1), "weight of a lender of this kind among those that owe to lenders", at_start=True
    )


class Lenders(Section):
    """Terms of the three kinds of lender."""

    open_to_policy: ClassVar[bool] = True

    bank: LenderTerms = kind_defaults(LenderTerms, 0)
    private_credit: LenderTerms = kind_defaults(LenderTerms, 1)
    bond_fund: LenderTerms = kind_defaults(LenderTerms, 2)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.bank.market_share + self.private_credit.market_share + self.bond_fund.market_share > 0.0:
            raise refused(
                "bank.market_share", 0.0, "market shares of the three kinds that do not sum to zero"
            )
        return self


class Repo(Section):
    """Lenders' back-leverage on their loans: its haircut, its pool, and the standing facility."""

    open_to_policy: ClassVar[bool] = True
    in_order: ClassVar[InOrder] = (("highest_haircut", "at least", "lowest_haircut"),)

    haircut: Annotated[Path, knots("fraction", 0.0, 1.0)] = field(
        0.20, "haircut on lenders' back-leverage in a calm market: a constant or [week, value] pairs"
    )
    calm_volatility: Volatility = field(
        0.10, "volatility of appraisals up to which the haircut is that of a calm market", high=5.0
    )
    volatility_weight: Number = field(0.5, "haircut added a unit of volatility of appraisals above that")
    unsold_weight: Number = field(
        0.10, "haircut added when nothing of what is on sale finds a buyer", high=1.0
    )
    tightness_weight: Number = field(
        0.25, "haircut added a unit of tightness over that of the first week", high=2.0
    )
    lowest_haircut: Share = field(0.05, "least haircut, whatever the market does")
    highest_haircut: Share = field(
        0.45, "largest haircut, whatever the market does", source="U: repo.haircut.2008-end"
    )
    memory_weeks: Weeks = field(
        8.0, "weeks in which volatility and unsold machines are forgotten, by a factor e", low=0.1, high=520.0
    )
    pool_headroom: Fraction = field(
        0.25, "back-leverage to be had beyond that of the first week, over the latter", high=100.0
    )
    pool_growth: Growth = field(0.10, "growth of the pool of back-leverage")
    pool_tightness: Number = field(
        1.0, "share of the pool lost a unit of tightness over that of the first week"
    )
    cure_weeks: Delay = field(4, "weeks that a lender may leave a call unmet before it is unfunded")
    standing_facility: Switch = field(False, "whether the authority lends against seized machines")
    facility_haircut: Share = field(
        0.50, "haircut of the standing facility on the appraisal of seized machines"
    )


class Interlender(Section):
    """What lenders owe each other, and what becomes of a lender that fails."""

    open_to_policy: ClassVar[bool] = True

    exposure_share: Share = field(
        0.05, "debts between lenders over all loans in the first week", high=0.5, at_start=True
    )
    asset_recovery: Share = field(
        0.9, "share of a failed lender's cash that reaches its creditors (alpha of Rogers and Veraart)"
    )
    claim_recovery: Share = field(
        0.9, "share of what other lenders pay it that reaches them (beta of Rogers and Veraart)"
    )
    receivership: Annotated[str, choice(Receivership)] = field(
        "run-off", "whether a failed lender keeps its loans or offers them to others"
    )
