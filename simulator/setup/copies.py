"""How an economy is copied and pickled: arrays and a user's own rules; its table of addresses is new.

Registered here and not written into `Economy`, whose module every kernel is compiled from.
"""

import copyreg
from typing import Any

import numpy as np

from hashcredit.simulator.setup.rules import Rule, compile_rule
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.decisions import DEFAULT_RULES
from hashcredit.simulator.state.economy import Economy


def register() -> None:
    """Let `copy` and `pickle` take economies, and with them runs."""
    copyreg.pickle(Economy, _reduced)


def _reduced(economy: Economy) -> tuple[Any, ...]:
    own = {name: rule for name, rule in economy.rules.items() if rule is not DEFAULT_RULES[name]}
    return _again, (own, {name: getattr(economy, name) for name in FIELDS})


def _again(own: dict[str, Rule], arrays: dict[str, np.ndarray]) -> Economy:
    """An economy with these arrays. An array that is shared with another object of the copy stays shared."""
    compiled = {name: compile_rule(name, rule) for name, rule in own.items()}
    return Economy({**DEFAULT_RULES, **compiled}, **arrays)
