"""Small economies: for networks from files, one in which a holder of H100s fails, one with cascades."""

from hashcredit.simulator import Scenario

SMALL = Scenario.load("dump_10k_h100").with_changes(
    {
        "horizon_weeks": 12,
        "population.miners": 6,
        "population.neoclouds": 5,
        "population.banks": 2,
        "population.private_credit": 1,
        "population.bond_funds": 1,
        "population.operators": 3,
        "population.scrap_dealers": 2,
        "networks.credit_degree": 2,
        "networks.trade_degree_peers": 4,
        "networks.trade_degree_buyers": 8,
    }
)

FIRE_SALE = Scenario.load().with_changes(
    {
        "name": "small",
        "horizon_weeks": 30,
        "population.miners": 12,
        "population.neoclouds": 12,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 2000},
        "resolution.stay_low": 1,
        "resolution.stay_high": 6,
    }
)

CASCADE = Scenario.load("double_leverage").with_changes(
    {
        "name": "cascade",
        "horizon_weeks": 40,
        "population.miners": 12,
        "population.neoclouds": 12,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 500},
        "interventions": [{"week": 8, "field": "credit.policy_rate", "value": 0.08}],
    }
)
"""Many fail, lenders too, some because of others; a holder of H100s by command."""


def with_files(scenario, credit=None, trade=None):
    """The scenario with one network or both from files."""
    changes = {}
    for network, file in (("credit", credit), ("trade", trade)):
        if file is not None:
            changes |= {f"networks.{network}_kind": "file", f"networks.{network}_file": str(file)}
    return scenario.with_changes(changes)
