"""All sections of a scenario under one roof; the fields themselves live in `sections_*.py`."""

from hashcredit.simulator.sections_agents import Miners, Neoclouds, Population
from hashcredit.simulator.sections_base import Section
from hashcredit.simulator.sections_conditions import Channels, Investment, Networks
from hashcredit.simulator.sections_credit import Credit
from hashcredit.simulator.sections_earnings import Compute, ForcedDefault, Mining, Shocks
from hashcredit.simulator.sections_equity import Equity
from hashcredit.simulator.sections_funding import Assets, Funding, Investors, InvestorTerms
from hashcredit.simulator.sections_interventions import Intervention
from hashcredit.simulator.sections_machines import BASELINE_MACHINES, Machine
from hashcredit.simulator.sections_market import Costs, Marking, Resolution, SecondaryMarket, Valuation
from hashcredit.simulator.sections_repo import Interlender, Repo
from hashcredit.simulator.sections_terms import Buyers, BuyerTerms, Lenders, LenderTerms

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
