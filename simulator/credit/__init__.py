"""A borrower and its loans: cash flow, covenants, enforcement, rollover, claims on a facility in default.

What becomes of a borrower that fails is in `resolution`; how a lender funds itself is in `lenders`.
"""
