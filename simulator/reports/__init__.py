"""What a run gives back: summaries, frames, the contagion tree, statistics, and the checks of identities.

They read an economy and never change one.
"""
