"""The market as a Mesa model: the same phases, hooks between them, payments made by hand.

The only room of the simulator that imports Mesa; no rule of the market is written here.
"""
