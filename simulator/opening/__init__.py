"""The first week: fleets, balance sheets and loans, drawn for every replicate.

Nothing here runs in a later week.
"""
