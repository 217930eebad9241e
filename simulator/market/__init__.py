"""The market of used machines: what is on sale, who bids how much, and how a week is matched.

Who must sell is decided in `credit` and `resolution`.
"""
