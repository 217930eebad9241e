"""Scenario section of channels of contagion."""

from typing import ClassVar

from hashcredit.simulator.scenario.fields.base import Section, field
from hashcredit.simulator.scenario.fields.types import Switch


class Channels(Section):
    """Which channels of contagion are on."""

    open_to_policy: ClassVar[bool] = True

    fire_sale: Switch = field(True, "off: sales and marks at orderly value")
    repo: Switch = field(True, "off: lenders' haircut stays where it was, and nobody is rationed")
    lender_credit: Switch = field(True, "off: lenders' losses and failures take nothing from lending")
    interlender: Switch = field(True, "off: a guarantor outside pays what failed lenders owe to others")
    macro_funding: Switch = field(True, "this economy's debts and forced sales move tightness and BTC")
