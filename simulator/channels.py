"""The channels of contagion that a scenario can switch off (`channels.NAME`).

Where a channel acts, one function asks whether it is on and says what holds when it is off. Light,
because the command line needs the names before anything else.
"""

CHANNELS = ("fire_sale", "repo", "lender_credit", "interlender", "macro_funding")
