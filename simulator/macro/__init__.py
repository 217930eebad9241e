"""Money around the market: the funding pool, its investors and asset classes, tightness and policy rate.

Nothing here knows a machine, a loan or an agent of the market.
"""
