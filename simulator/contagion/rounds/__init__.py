"""Kernels of the contagion library: one round of clearing, cascades, distress, fire sales and funds.

Arrays in, arrays out; checks of input are in the modules above.
"""
