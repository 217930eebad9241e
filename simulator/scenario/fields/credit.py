"""Scenario sections of loan contracts and share issues."""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from hashcredit.agents.dimensions import Enforcement
from hashcredit.simulator.scenario.fields.base import InOrder, Section, field, refused
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    Delay,
    Fraction,
    GradeRates,
    Log,
    MillionUSD,
    PerYear,
    Ratio,
    Share,
    Switch,
    Weeks,
    WholeWeeks,
    Years,
    choice,
    unit,
)

BaseRate = Annotated[float, unit("1/yr", -0.01, 0.25)]


class Credit(Section):
    """Loan contracts: prices, covenants, margins, and what a lender does about a breach."""

    open_to_policy: ClassVar[bool] = True
    in_order: ClassVar[InOrder] = (
        ("btc_initial_ltv", "less than", "btc_call_ltv"),
        ("btc_call_ltv", "less than", "btc_liquidation_ltv"),
        ("bullet_weeks_high", "at least", "bullet_weeks_low"),
    )

    policy_rate: BaseRate = field(
        0.0383, "policy rate, the base of floating loans", source="D: rate.sofr_swap.implied"
    )
    floor: BaseRate = field(0.0, "floor under the base rate of floating loans", source="P: crwv.ddtl2.floor")
    spread_by_grade: GradeRates = field(
        (0.0225, 0.045, 0.06, 0.13),
        "spread of a machine loan by grade of the customer behind it, best first",
        source=(
            "S: crwv.ddtl4.margin",
            "S: crwv.ddtl5.margin",
            "P: crwv.ddtl2.margin.ig",
            "P: crwv.ddtl2.margin.nonig",
        ),
    )
    borrower_spread_by_grade: GradeRates = field(
        (0.06, 0.08, 0.10, 0.14),
        "borrower's discount rate over the market's cost of capital by its grade, best first",
    )
    origination_ltv: Share = field(
        0.60,
        "machine loan over the installed price at origination, mean; each loan's is at least 0.05",
        low=0.05,
        high=0.95,
        source="E: gpuloan.ltv.private_credit",
        at_start=True,
    )
    ltv_sd: Share = field(
        0.05, "standard deviation of the loan to value at origination", high=0.3, at_start=True
    )
    loan_age_weeks: WholeWeeks = field(
        104,
        "largest age of machines, and of the loans on them, in the first week; ages are uniform",
        low=0,
        high=519,
        at_start=True,
    )
    # The tenor of the baseline; a field of its own, so that another tenor meets the same debts.
    repayment_weeks: WholeWeeks = field(
        208,
        "weeks over which level instalments have repaid the machine loans of the first week so far; as much"
        " of their tenor is over as of their face",
        low=4,
        at_start=True,
    )
    tenor_weeks: WholeWeeks = field(208, "life of a machine loan without a customer's contract", low=4)
    # Draws of CoreWeave's second facility mature five years after the draw (crwv.ddtl2.draw_weeks).
    utility_tenor_weeks: WholeWeeks = field(
        260,
        "life of a new machine loan by a lender who takes machines for a utility",
        low=4,
        source="P: crwv.ddtl2.draw_weeks",
    )
    balloon_share: Share = field(
        0.0,
        "share of the face of a machine loan that instalments do not repay: it falls due at maturity",
        source="D: crwv.ddtl2.balloon",
    )
    # Off: sites have been refinanced by larger loans (apld.refinancing.size), of machines none was found.
    top_up: Switch = field(
        False,
        "whether borrowers that lack means for a plan refinance machine loans by larger ones",
    )
    # Off: loans on sites are known of a few firms that build for one customer of the best grade, who leases
    # the whole of it for ten years or more (galaxy.helios.ltc: .80 of cost, wulf.flash.ltv: .94). Rack slots
    # that are fitted out in a leased hall for a contract of three years are another thing.
    site_advance: Share = field(
        0.0, "loan on new rack slots for machines that are let, over the cost of fitting them out; 0: none"
    )
    # Five years: what is known of the payments of TeraWulf's notes.
    site_tenor_weeks: WholeWeeks = field(260, "life of a loan on rack slots", low=4)
    site_balloon: Share = field(
        0.82,
        "share of the face of a loan on rack slots that instalments do not repay: it falls due at maturity",
        source="D: wulf.flash.balloon",
    )
    site_sweep: Share = field(
        0.5,
        "share of the cash flow after debt service that repays a loan on slots, of its part by debts",
        source="S: wulf.flash.sweep",
    )
    # A lender got so much of its claim, more than its machines were worth: the site was the rest. A bare
    # site fetched 65 USD/kW (site.cedarvale.sale), a powered one paid its lender (asic.argo.site).
    site_recovery: Share = field(
        0.37,
        "what a landlord or rival pays for the fitted-out slots of a failed tenant, over their cost new",
        source="D: asicloan.blockfi_bitfarms.recovery",
    )
    # One such promise is known, by one of the largest firms (wulf.flash.backstop).
    site_backstop: Share = field(
        0.0, "share of the claim on a failed tenant that its customer's guarantor pays"
    )
    dscr_covenant: Ratio = field(
        1.10, "debt service cover that a borrower must keep", high=3.0, source="C: dscr.covenant.generic"
    )
    cure_weeks: Delay = field(4, "weeks to cure a breach of covenant")
    grace_weeks: Delay = field(4, "weeks before a missed payment is a default")
    marked_share: Share = field(0.25, "share of machine loans with a borrowing base that is marked to market")
    recourse_share: Share = field(0.5, "share of machine loans with recourse to the borrower")
    cross_default_share: Share = field(0.7, "share of loans with a cross-default clause")
    hand_back: Switch = field(
        True, "whether owners hand back the machines of facilities without recourse when that pays"
    )
    refinancing_sweep_share: Share = field(
        0.2, "share of high-yield bonds for which a refused refinancing starts a cash sweep", at_start=True
    )
    sweep_weeks: WholeWeeks = field(104, "weeks by which such a sweep puts the maturity off")
    sweep_step_up: AnnualRate = field(0.02, "added to the rate during such a sweep")
    conversion_premium: Fraction = field(
        0.35,
        "gain of the borrower's equity since the issue, or the first week, at which notes convert",
        high=10.0,
    )
    sweep_share: Share = field(0.5, "share of free cash that is swept to a loan under its covenant")
    btc_initial_ltv: Share = field(
        0.50,
        "BTC margin loan over the value of its coins at origination",
        low=0.01,
        high=0.95,
        source="E: btcloan.ltv",
    )
    btc_call_ltv: Share = field(
        0.65, "loan to value of a margin call on BTC", low=0.02, high=0.98, source="N: modelling choice"
    )
    btc_liquidation_ltv: Share = field(
        0.75, "loan to value at which pledged BTC is sold", low=0.03, source="N: modelling choice"
    )
    btc_spread: AnnualRate = field(
        0.045, "spread of a BTC margin loan", source="S: riot.btcloan.spread", at_start=True
    )
    btc_depth: MillionUSD = field(20000.0, "forced sales that move BTC by a factor e", low=1.0, high=1e9)
    btc_recovery: PerYear = field(8.0, "speed at which the impact of BTC sales fades", high=520.0)
    btc_tenor_weeks: WholeWeeks = field(
        52, "life of a BTC loan between rollovers", source="S: riot.btcloan.weeks"
    )
    bullet_weeks_low: WholeWeeks = field(
        26, "shortest remaining life of a bond in the first week", at_start=True
    )
    bullet_weeks_high: WholeWeeks = field(
        260, "longest remaining life of a bond in the first week", at_start=True
    )
    bond_weeks: WholeWeeks = field(286, "life of a bond issued for growth", source="P: crwv.notes2031.weeks")
    bond_least: MillionUSD = field(5.0, "smallest bond that is issued", low=1e-3)
    base_headroom: Ratio = field(
        1.15,
        "borrowing-base advance rate over the lender's advance rate at origination; in the first week at"
        " least so much over the loan's face to appraisal",
        low=1.0,
        high=3.0,
    )
    learning_weight: Share = field(0.2, "weight of a new outcome in a lender's learned recovery")
    high_yield_coupon: AnnualRate = field(
        0.09, "coupon of high-yield bonds", source="P: crwv.notes2031.coupon"
    )
    convertible_coupon: AnnualRate = field(
        0.0, "coupon of convertible notes", source="S: mara.conv.2032.coupon"
    )
    enforcement: Annotated[str, choice(Enforcement)] = field(
        "choice", "what a lender does about an uncured breach: accelerate, compare, forbear"
    )
    reserve_weeks: Weeks = field(
        4.0,
        "obligations that a borrower keeps in cash while it meets a margin or borrowing-base call",
        high=104.0,
    )
    review_weeks: WholeWeeks = field(
        4, "weeks between a lender's decisions on a loan left in breach", high=52
    )
    # Waived breaches are known of (crwv.technical_default), what was paid for them is not. Syndicated lenders
    # get .125 to .25 % in cash for their consent (waiver.fee.generic).
    waiver_fee: Share = field(
        0.0,
        "fee for a waiver of a breach, of the principal: paid from cash beyond the reserve, the rest is added"
        " to the face; 0: no waivers, lenders only forbear",
        high=0.1,
    )
    # Financial covenants are as a rule tested each quarter: a waiver is one of the next test.
    waiver_weeks: WholeWeeks = field(
        13, "weeks for which a waiver suspends the covenants of its loan", high=520
    )
    # One case is known (asicloan.compute_north.control): a share of contracts does not follow from it.
    control: Switch = field(
        False,
        "whether facilities without recourse pledge the shares of their vehicle, so that a lender may take"
        " control of it after a breach instead of calling the loan",
    )
    waiting_hazard: PerYear = field(0.15, "hazard of failure that a lender assumes while it waits", high=5.0)
    waiting_years: Years = field(
        2.0, "years of debt service that a waiting lender counts", low=0.1, high=10.0
    )
    offtaker_hazard: GradeRates = field(
        (0.002, 0.01, 0.03, 0.08),
        "hazard that a customer fails at tightness 0, by grade, best first",
        high=5.0,
    )
    offtaker_tightness: Log = field(2.0, "log hazard of customers added at tightness 1", high=6.0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.loan_age_weeks >= self.repayment_weeks:
            allowed = f"less than repayment_weeks = {self.repayment_weeks}, or a loan would be repaid already"
            raise refused("loan_age_weeks", self.loan_age_weeks, allowed)
        return self


class Equity(Section):
    """Which borrowers can sell shares, when, and how much."""

    open_to_policy: ClassVar[bool] = True

    listed_miners: Share = field(0.6, "share of miners whose shares are listed", at_start=True)
    listed_neoclouds: Share = field(0.2, "share of neo-clouds whose shares are listed", at_start=True)
    average_weeks: Weeks = field(
        26.0, "memory of the trailing means of BTC and compute rents", low=1.0, high=520.0
    )
    window_tolerance: Share = field(
        0.10,
        "fall of BTC (miners) or rents (neo-clouds) below its trailing mean that closes the window",
        low=-1.0,
    )
    issue_share: Share = field(0.05, "largest issue as a share of the borrower's equity at appraisal")
    spacing_weeks: WholeWeeks = field(13, "weeks between two issues", high=520)
    low_weeks: Weeks = field(
        4.0, "obligations in cash below which a borrower sells shares to refill its buffer", high=104.0
    )
