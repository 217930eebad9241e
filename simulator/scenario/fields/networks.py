"""Scenario section of networks."""

from enum import IntEnum
from typing import Annotated, Self

from pydantic import ValidationInfo, field_validator, model_validator

from hashcredit.simulator.scenario.fields.base import Section, field, refused
from hashcredit.simulator.scenario.fields.types import MaybeText, choice, unit
from hashcredit.simulator.scenario.network_files import NETWORKS, pinned


class NetworkKind(IntEnum):
    """How a network is made; of what each means see `setup.networks`."""

    ERDOS_RENYI = 0
    SCALE_FREE = 1
    CORE_PERIPHERY = 2
    BLOCK = 3
    COMPLETE = 4
    FILE = 5


class ExposureKind(IntEnum):
    """How the network of lenders is made; of what each means see `setup.interlender`."""

    ERDOS_RENYI = 0
    SCALE_FREE = 1
    CORE_PERIPHERY = 2
    BLOCK = 3
    COMPLETE = 4
    MAXIMUM_ENTROPY = 5
    MINIMUM_DENSITY = 6
    FILE = 7


Lenders = Annotated[float, unit("lenders", 1.0, 1000.0)]
Bidders = Annotated[float, unit("bidders", 0.0, 1e5)]


class Networks(Section):
    """Who lends to whom and who sells to whom."""

    credit_kind: Annotated[str, choice(NetworkKind)] = field(
        "erdos-renyi", "generator of the borrower-lender network, or 'file'"
    )
    credit_file: MaybeText = field(None, "GraphML or CSV file with the borrower-lender network, or 'none'")
    credit_degree: Lenders = field(5.0, "mean number of lenders that a borrower knows")
    trade_kind: Annotated[str, choice(NetworkKind)] = field(
        "erdos-renyi", "generator of the seller-bidder network, or 'file'"
    )
    trade_file: MaybeText = field(None, "GraphML or CSV file with the seller-bidder network, or 'none'")
    trade_degree_peers: Bidders = field(12.0, "mean number of peers that a seller knows")
    trade_degree_buyers: Bidders = field(20.0, "mean number of outside buyers that a seller knows")

    interlender_kind: Annotated[str, choice(ExposureKind)] = field(
        "core-periphery",
        "generator of the lender-lender network, 'maximum-entropy', 'minimum-density' or 'file'",
    )
    interlender_file: MaybeText = field(None, "GraphML or CSV file with the lender-lender network, or 'none'")
    interlender_degree: Lenders = field(4.0, "mean number of lenders that a lender owes money")

    @field_validator("credit_file", "trade_file", "interlender_file", mode="after")
    @classmethod
    def _pin_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        """An absolute path and the hash of what the file holds now."""
        return None if value is None else pinned(f"networks.{info.field_name}", value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for network in NETWORKS:
            kind, file = getattr(self, f"{network}_kind"), getattr(self, f"{network}_file")
            if kind == "file" and file is None:
                allowed = f"a GraphML or CSV file, since {network}_kind is 'file'"
                raise refused(f"{network}_file", "none", allowed)
            if kind != "file" and file is not None:
                allowed = f"'file', since {network}_file is given, or {network}_file = 'none'"
                raise refused(f"{network}_kind", kind, allowed)
        return self
