"""New machines: when a borrower buys, how it is financed, and what happens when they arrive.

Used machines are bought in `market`.
"""
