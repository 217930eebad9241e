"""What a run depends on: scenario files, their checks and errors, facts, networks read from files.

Nothing here computes; `setup` turns a scenario into numbers for kernels.
"""
