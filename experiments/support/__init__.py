"""What all experiments use: whole files, progress, stopping, Arrow tables.

Nothing here knows a study, a scenario or a figure.
"""
