"""The few numbers of a run, or their means over many, that come first; with their units."""

from collections.abc import Mapping

from hashcredit.simulator.display import counted
from hashcredit.simulator.scenario.scenario import Scenario


def length_of(scenario: Scenario) -> str:
    """How long a scenario runs."""
    return f"{counted(scenario.horizon_weeks, 'week')} from {scenario.start_date}"


def agents_of(scenario: Scenario) -> str:
    """How many agents it has."""
    people = scenario.population
    borrowers = people.miners + people.neoclouds
    lenders = people.banks + people.private_credit + people.bond_funds
    buyers = people.operators + people.brokers + people.refurbishers + people.scrap_dealers
    return ", ".join([counted(borrowers, "borrower"), counted(lenders, "lender"), counted(buyers, "buyer")])


def headline(summary: Mapping[str, float]) -> dict[str, str]:
    """What became of borrowers, lenders, creditors and machines, from the scalars of one run."""
    borrowers = _failed(int(summary["defaults"]), int(summary["extra_defaults"]), "borrower")
    lenders = _failed(int(summary["lender_failures"]), int(summary["extra_lender_failures"]), "lender")
    alone = counted(int(summary["facility_defaults"]), "facility", "facilities")
    return {
        "failed": f"{borrowers} and {lenders}",
        "failed alone": f"{alone}, {int(summary['hand_backs']):,} of them handed back",
        **_settled(int(summary["waivers"]), int(summary["control_taken"])),
        "creditors lost": f"{summary['creditor_loss_musd']:,.1f} M$",
        "unsold": counted(int(summary["units_unsold"]), "machine"),
    }


def _failed(number: int, extra: int, one: str) -> str:
    """How many failed, and how many of them the scenario made fail."""
    forced = f" ({number - extra:,} of them forced)" if extra < number else ""
    return counted(number, one) + forced


def _settled(waivers: int, taken: int) -> dict[str, str]:
    """What lenders did about breaches besides, where a scenario lets them."""
    if waivers + taken == 0:
        return {}
    return {
        "settled": f"{counted(waivers, 'breach', 'breaches')} waived, "
        f"{counted(taken, 'vehicle')} taken in control"
    }


def mean_headline(means: Mapping[str, float]) -> str:
    """The same from means over replicates, in one line."""
    return (
        f"{means['defaults']:,.2f} defaults, creditors lost {means['creditor_loss_musd']:,.1f} M$, "
        f"{means['units_unsold']:,.0f} machines unsold"
    )
