"""The dated facts of the scorecard: how each is compared, and how far it can be trusted.

Value, tolerance and source of a fact are in `published.csv`, next to this file. Here is what a comparison
needs besides: its scale, the forecast "nothing changes", the error of a fact that rests on few cases, and
the discrepancy of the model, which is how far it may be off although its parameters are right (Kennedy and
O'Hagan 2001). None was fitted: each is set by the reason next to it, before
any point of the prior was run.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hashcredit.experiments.papers.hindcast_2023 import measures as m
from hashcredit.experiments.papers.replication import Published, read_published

FILE = Path(__file__).parent / "published.csv"
LEAST = 0.01
"""Least number of which a logarithm is taken."""

SECTOR = "the sector of the facts was two or three firms from nothing, the model's are ten of random size"
ONE_FIRM = "one firm, where the model has no names"
GRADES = "a customer's grade is broader than one customer"
RESIDUALS = (
    "two published curves of resale prices differ by .16 of the price when new, a quarter of it (gpu.resid)"
)
VENDORS = "a vendor's price does not move in the model, and did"
NOTHING_KNOWN = "a choice: nothing tells it"


@dataclass(frozen=True)
class Evidence:
    """How one dated fact is compared."""

    quantity: str
    group: str
    is_log: bool
    """Whether errors are relative: the logarithm is compared."""
    naive: float | None
    """The forecast "nothing changes"; None: what the scenario itself opens with."""
    discrepancy: float
    """Standard deviation of the model's own error, in logs or in the unit."""
    why: str
    sampling: float = 0.0
    """Standard deviation of a fact that rests on few cases, in logs or in the unit."""

    @property
    def published(self) -> Published:
        return published()[self.quantity]

    def scaled(self, value: float) -> float:
        """A value on the scale of the comparison; what is repaid in full counts as a hundredth in logs."""
        return math.log(max(value, LEAST)) if self.is_log and not math.isnan(value) else value

    @property
    def observation(self) -> float:
        """Standard deviation of the fact: its tolerance as half of a uniform range, and few cases."""
        fact = self.published
        reach = math.log1p(fact.tolerance / fact.value) if self.is_log else fact.tolerance
        return math.hypot(reach / math.sqrt(3.0), self.sampling)


def binomial_error(successes: int, cases: int) -> float:
    """Standard deviation of a probability after so many successes: of Beta(s + 1, n - s + 1)."""
    a, b = successes + 1, cases - successes + 1
    return math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))


RECOVERIES = (0.37, 0.626, 1.0, 1.0)
"""Known ones of loans on mining machines: Bitfarms' vehicle, Iris' vehicles, Core Scientific, Rhodium."""


def few_cases(values: tuple[float, ...]) -> float:
    """Standard deviation of one case, from the cases that are known."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


DEBTS, TERMS, FAILURES, PRICES = "debts", "terms", "failures", "prices"
ONE_CASE = few_cases(RECOVERIES)

EVIDENCE: tuple[Evidence, ...] = (
    Evidence(m.SECTOR_2024, DEBTS, True, 1.0, 0.5, SECTOR),
    Evidence(m.SECTOR_2025, DEBTS, True, 1.0, 0.5, SECTOR),
    Evidence(m.FIRM, DEBTS, True, 1.0, 0.2, ONE_FIRM),
    Evidence(m.DUE, DEBTS, False, None, 0.15, ONE_FIRM),
    Evidence(m.INTEREST, DEBTS, False, None, 0.1, ONE_FIRM),
    Evidence(m.BACKLOG, DEBTS, True, None, 0.5, ONE_FIRM),
    Evidence(m.MINERS, DEBTS, True, 1.0, 0.5, "convertibles bought coins, a motive that the model has not"),
    *(Evidence(name, DEBTS, False, 0.0, 0.5, "the same") for name in m.ISSUED.values()),
    Evidence(m.SPREAD_BEST, TERMS, False, None, 0.01, GRADES),
    Evidence(m.SPREAD_OTHER, TERMS, False, None, 0.01, GRADES),
    Evidence(
        m.PREMIUM, TERMS, False, None, 0.005, "the fact is of high-yield bonds, the model's of all capital"
    ),
    Evidence(m.FAILED_CLOUDS, FAILURES, False, 0.0, 0.05, NOTHING_KNOWN, binomial_error(0, 4)),
    Evidence(m.FAILED_MINERS, FAILURES, False, 0.0, 0.05, NOTHING_KNOWN, binomial_error(2, 25)),
    Evidence(m.VEHICLES, FAILURES, False, 1.0, 0.1, NOTHING_KNOWN, ONE_CASE),
    Evidence(m.WHOLE, FAILURES, False, 1.0, 0.1, NOTHING_KNOWN, ONE_CASE),
    Evidence(m.WAIVED, FAILURES, False, 1.0, 0.1, NOTHING_KNOWN, binomial_error(1, 1)),
    Evidence(m.H100_2023, PRICES, True, None, 0.25, RESIDUALS),
    Evidence(m.H100_2026, PRICES, True, None, 0.25, RESIDUALS),
    Evidence(m.A100_2026, PRICES, True, None, 0.25, RESIDUALS),
    Evidence(m.S19_PRO, PRICES, True, None, 0.3, VENDORS),
    Evidence(m.S19_XP, PRICES, True, None, 0.3, VENDORS),
)

NOT_REPRESENTED: tuple[tuple[str, str, str], ...] = (
    ("rents of 8 USD/h and more at the peak of 2023", "gpu.h100.rent.peak",
     "a spot price; rents are fed in here, as those of contracts of one year"),
    ("breach of covenants waived, and 500 M$ more lent", "crwv.technical_default",
     "a waiver has a fee, off as none was found, and brings no money. What is let pass is scored"),
    ("first loan 2.3 bn$ in August 2023, drawn over time", "crwv.ddtl1.amount",
     "orders are promised a loan each; there is no facility that is drawn, and so no date of signing"),
    ("effective rates of 15 and 11 % on the first two loans", "crwv.ddtl1.eff_rate",
     "fees and discounts of loans are not in the model"),
    ("five-year CDS at 675, 881 and 452 basis points", "crwv.debt.growth",
     "nothing in the model is priced by the risk of a firm; of its facts the debts are carried over"),
    ("vendor financing at 9 to 10 %", "crwv.oem_fin.rate",
     "what part of a price vendors lend is not known, so theirs are off"),
    ("notes secured by a site, at 94 % of its cost, with a backstop", "wulf.notes.coupon",
     "loans on slots are off; sites themselves are leased, and nobody builds one"),
    ("70 bn$ of contracts of miners for AI", "miner.debt.total",
     "miners may buy GPUs, but do not convert sites; of it only the debt is in the scorecard"),
    ("a plan that hands 87.5 % of the equity to the lender", "miner.failed.2023_2026",
     "creditors get machines and cash, never shares"),
    ("a loan settled at .37 while the borrower keeps the machines", "asicloan.blockfi_bitfarms.recovery",
     "a facility is paid, waited for or enforced, never bargained over; the recovery is in the scorecard"),
)  # fmt: skip
"""Dated facts that no number of the model can meet: what, a key of the calibration tables, and why."""


@cache
def published() -> dict[str, Published]:
    """Rows of `published.csv` by quantity."""
    return {row.quantity: row for row in read_published(FILE)}
