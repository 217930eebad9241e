"""Settings that every test shares."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib

from hypothesis import settings

# No deadline: the first example compiles. Derandomised: a check that passed passes again on the same code.
settings.register_profile("hashcredit", deadline=None, derandomize=True)
settings.load_profile("hashcredit")

# One Slurm, and studies that were swept once, for all tests that ask for them.
pytest_plugins = ["slurm_kit", "studies", "stores", "cluster_studies"]
