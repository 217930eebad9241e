"""Measures of a scenario that one would publish: functions that run it in several arms and answer a question.

Each returns an object with tables (DataFrames) that have units and intervals, and has its figure beside it.
They write nothing: result folders are made by `commands`.
"""
