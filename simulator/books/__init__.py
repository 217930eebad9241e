"""Bookkeeping that every phase shares: the ledger, loan and order rows, the event log, named random draws.

No phase and no decision lives here; only what keeps the books right whoever calls it.
"""
