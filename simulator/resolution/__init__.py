"""The end of a borrower: stay, seizure, waterfall, sites that a rival takes over.

A facility that fails while its borrower lives on is in `credit`.
"""
