"""The state of an economy: what a row of each table holds, the codes in it, units, and the tables together.

Declarations only: nothing here pays, moves or decides.
"""
