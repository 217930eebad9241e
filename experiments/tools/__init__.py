"""For those who develop hashcredit: benchmarks, and the generated tables and pages.

Nothing of the package imports it.
"""
