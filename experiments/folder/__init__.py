"""The result folder of one command: tables, figures, comparisons, scenario files.

Folders of studies are in `store`.
"""
