"""Settings that every test shares."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib

from hypothesis import settings

# No deadline: the first example compiles. Derandomised: a check that passed passes again on the same code.
settings.register_profile("hashcredit", deadline=None, derandomize=True)
settings.load_profile("hashcredit")

pytest_plugins = ["slurm_kit", "studies"]  # one Slurm and one swept study for all tests that ask for them
