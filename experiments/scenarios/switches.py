"""Arms that several studies share: a channel of contagion switched off, a kind of lender that fails."""

from hashcredit.experiments.scenarios.study import SCENARIO, Change

CHANNELS = ("fire_sale", "repo", "lender_credit", "interlender", "macro_funding")
CHANNELS_OFF = {f"{channel} off": Change({f"channels.{channel}": False}) for channel in CHANNELS}
"""One channel off at a time, the others on."""


def channel_effects() -> dict[str, tuple[str, str]]:
    """Columns of a table: what each channel adds, with all others on."""
    return {f"{channel} on, less off": (SCENARIO, f"{channel} off") for channel in CHANNELS}


KINDS = {"bank": "banks", "private_credit": "private credit funds", "bond_fund": "bond funds"}
WEEK_OF_FAILURE = 26
LENDERS_FAIL = {
    f"all {words} fail": Change(
        {"shocks.forced_lender_failure": {"week": WEEK_OF_FAILURE, "kind": kind, "share": 1.0}}
    )
    for kind, words in KINDS.items()
}
"""All lenders of a kind fail in one week."""


def failure_effects() -> dict[str, tuple[str, str]]:
    """Columns of a table: what the failure of all lenders of a kind adds."""
    return {f"{arm}, less none": (arm, SCENARIO) for arm in LENDERS_FAIL}
