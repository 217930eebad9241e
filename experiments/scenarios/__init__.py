"""The named scenarios against their controls: arms, measures, verdicts, tables.

Their files are in `simulator/scenarios`; pages about them in `docs/scenarios`.
"""
