"""The fields of a scenario, section by section, each with unit, bounds, meaning and source.

Checks across sections are in `scenario.scenario`.
"""
