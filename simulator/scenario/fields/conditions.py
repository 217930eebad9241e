"""Scenario sections of investment, back-leverage, channels of contagion and networks."""

from typing import Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from hashcredit.simulator.scenario.fields.base import Section, quantity, refused
from hashcredit.simulator.scenario.network_files import NETWORKS, pinned

NetworkKind = Literal["erdos-renyi", "scale-free", "core-periphery", "block", "complete", "file"]
ExposureKind = Literal[
    "erdos-renyi",
    "scale-free",
    "core-periphery",
    "block",
    "complete",
    "maximum-entropy",
    "minimum-density",
    "file",
]


class Investment(Section):
    """What borrowers do with free cash."""

    buffer_weeks: float = quantity(
        13.0, unit="weeks", low=0.0, high=260.0, meaning="weeks of fixed costs and debt service kept in cash"
    )
    decision_weeks: int = quantity(
        13, unit="weeks", low=1, high=260, meaning="weeks between two investment decisions of a borrower"
    )
    spend_share: float = quantity(
        0.6,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of free cash above the buffer that is invested",
    )
    hurdle: float = quantity(
        0.05, unit="fraction", low=-0.5, high=2.0, meaning="value over cost that an investment must exceed"
    )
    growth_cap: float = quantity(
        0.5, unit="1/yr", low=0.0, high=10.0, meaning="new slots a year as a share of a borrower's own slots"
    )
    lead_weeks: int = quantity(
        17,
        unit="weeks",
        low=0,
        high=104,
        meaning="weeks between the order of a new GPU and its arrival; 0: bought on the spot",
        source="iren.dell.lead",
        evidence="D",
    )
    lead_weeks_asic: int = quantity(
        18,
        unit="weeks",
        low=0,
        high=104,
        meaning="weeks between the order of a new ASIC and its arrival; 0: bought on the spot",
        source="asic.order.lead",
        evidence="D",
    )
    deposit_share: float = quantity(
        0.1,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of the price of a new GPU that is paid with the order",
    )
    deposit_share_asic: float = quantity(
        0.1,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of the price of a new ASIC that is paid with the order",
        source="asic.order.deposit",
        evidence="D",
    )
    hold_weeks: int = quantity(
        4,
        unit="weeks",
        low=0,
        high=52,
        meaning="weeks that the vendor holds machines for a buyer who cannot take them when they arrive",
    )
    commitment_fee: float = quantity(
        0.004,
        unit="1/yr",
        low=0.0,
        high=0.1,
        meaning="fee on a loan promised for machines on order, until they arrive",
        source="iren.gpufin.commitment_fee",
        evidence="S",
    )
    contract_share: float = quantity(
        0.6, unit="fraction", low=0.0, high=1.0, meaning="share of new machines that is let under a contract"
    )
    contract_weeks: int = quantity(
        156, unit="weeks", low=1, high=1040, meaning="length of a new rental contract"
    )
    contract_discount: float = quantity(
        0.05,
        unit="fraction",
        low=-1.0,
        high=0.9,
        meaning="discount of a new contract's rent on the spot rent",
    )
    used_share: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of free cash that a peer may bid for used machines",
    )


class Channels(Section):
    """Which channels of contagion are on."""

    fire_sale: bool = quantity(True, unit="none", meaning="off: sales and marks at orderly value")
    repo: bool = quantity(
        True,
        unit="none",
        meaning="off: lenders' haircut stays where it was, and nobody is rationed",
    )
    lender_credit: bool = quantity(
        True, unit="none", meaning="off: lenders' capital and their end are ignored in credit decisions"
    )
    interlender: bool = quantity(
        True, unit="none", meaning="off: a guarantor outside pays what failed lenders owe to others"
    )
    macro_funding: bool = quantity(
        True, unit="none", meaning="this economy's debts and forced sales move tightness and BTC"
    )


class Networks(Section):
    """Who lends to whom and who sells to whom."""

    credit_kind: NetworkKind = quantity(
        "erdos-renyi", unit="none", meaning="generator of the borrower-lender network, or 'file'"
    )
    credit_file: str | None = quantity(
        None, unit="none", meaning="GraphML or CSV file with the borrower-lender network, or 'none'"
    )
    credit_degree: float = quantity(
        5.0, unit="lenders", low=1.0, high=1000.0, meaning="mean number of lenders that a borrower knows"
    )
    trade_kind: NetworkKind = quantity(
        "erdos-renyi", unit="none", meaning="generator of the seller-bidder network, or 'file'"
    )
    trade_file: str | None = quantity(
        None, unit="none", meaning="GraphML or CSV file with the seller-bidder network, or 'none'"
    )
    trade_degree_peers: float = quantity(
        12.0, unit="bidders", low=0.0, high=1e5, meaning="mean number of peers that a seller knows"
    )
    trade_degree_buyers: float = quantity(
        20.0, unit="bidders", low=0.0, high=1e5, meaning="mean number of outside buyers that a seller knows"
    )

    interlender_kind: ExposureKind = quantity(
        "core-periphery",
        unit="none",
        meaning="generator of the lender-lender network, 'maximum-entropy', 'minimum-density' or 'file'",
    )
    interlender_file: str | None = quantity(
        None, unit="none", meaning="GraphML or CSV file with the lender-lender network, or 'none'"
    )
    interlender_degree: float = quantity(
        4.0, unit="lenders", low=1.0, high=1000.0, meaning="mean number of lenders that a lender owes money"
    )

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
