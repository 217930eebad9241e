"""From a scenario to an economy: parameters, networks, rules of users, and the allocated tables.

It is done once for all replicates of a (scenario, seed); nothing here runs in a week.
"""
