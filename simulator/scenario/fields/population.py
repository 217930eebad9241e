"""Scenario section of the number of agents."""

from typing import Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Section, field, refused
from hashcredit.simulator.scenario.fields.types import Agents


class Population(Section):
    """How many agents of each kind."""

    miners: Agents = field(60, "Bitcoin miners")
    neoclouds: Agents = field(60, "GPU clouds")
    banks: Agents = field(6, "banks")
    private_credit: Agents = field(12, "private credit funds")
    bond_funds: Agents = field(6, "bond funds")
    operators: Agents = field(30, "buyers from other industries that run machines")
    brokers: Agents = field(25, "brokers")
    refurbishers: Agents = field(15, "refurbishers")
    scrap_dealers: Agents = field(10, "scrap dealers")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.miners + self.neoclouds < 1:
            raise refused("miners", self.miners, "at least one miner or neo-cloud")
        if self.banks + self.private_credit + self.bond_funds < 1:
            raise refused("banks", self.banks, "at least one lender of any kind")
        return self
