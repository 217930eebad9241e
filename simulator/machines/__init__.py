"""Machines and what they earn: joint shocks, rents and hashprice, launches, fundamental values, appraisals.

Nothing here knows who owns or finances a machine.
"""
