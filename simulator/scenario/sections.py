"""All sections of a scenario under one roof; the fields themselves live in `sections_*.py`."""

from hashcredit.simulator.scenario.fields.agents import Miners, Neoclouds, Population
from hashcredit.simulator.scenario.fields.base import Section
from hashcredit.simulator.scenario.fields.conditions import Channels, Investment, Networks
from hashcredit.simulator.scenario.fields.credit import Credit
from hashcredit.simulator.scenario.fields.earnings import Compute, ForcedDefault, Mining, Shocks
from hashcredit.simulator.scenario.fields.equity import Equity
from hashcredit.simulator.scenario.fields.funding import Assets, Funding, Investors, InvestorTerms
from hashcredit.simulator.scenario.fields.interventions import Intervention
from hashcredit.simulator.scenario.fields.machines import BASELINE_MACHINES, Machine
from hashcredit.simulator.scenario.fields.market import (
    Costs,
    Marking,
    Resolution,
    SecondaryMarket,
    Valuation,
)
from hashcredit.simulator.scenario.fields.repo import Interlender, Repo
from hashcredit.simulator.scenario.fields.terms import Buyers, BuyerTerms, Lenders, LenderTerms

SECTIONS: dict[str, type[Section]] = {
    "population": Population,
    "shocks": Shocks,
    "compute": Compute,
    "mining": Mining,
    "costs": Costs,
    "valuation": Valuation,
    "marking": Marking,
    "credit": Credit,
    "equity": Equity,
    "resolution": Resolution,
    "secondary_market": SecondaryMarket,
    "investment": Investment,
    "funding": Funding,
    "assets": Assets,
    "investors": Investors,
    "repo": Repo,
    "interlender": Interlender,
    "channels": Channels,
    "networks": Networks,
    "miners": Miners,
    "neoclouds": Neoclouds,
    "lenders": Lenders,
    "buyers": Buyers,
}
"""Name in a scenario file -> model, in the order of the file."""

__all__ = [
    "BASELINE_MACHINES",
    "SECTIONS",
    "Assets",
    "BuyerTerms",
    "Buyers",
    "Channels",
    "Compute",
    "Costs",
    "Credit",
    "Equity",
    "ForcedDefault",
    "Funding",
    "Interlender",
    "Intervention",
    "Investment",
    "InvestorTerms",
    "Investors",
    "LenderTerms",
    "Lenders",
    "Machine",
    "Marking",
    "Miners",
    "Mining",
    "Neoclouds",
    "Networks",
    "Population",
    "Repo",
    "Resolution",
    "SecondaryMarket",
    "Section",
    "Shocks",
    "Valuation",
]
