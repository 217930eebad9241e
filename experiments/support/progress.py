"""Progress as all experiments show it; the simulator shows its own in the same way."""

from hashcredit.simulator.progress import ProgressBar, duration

__all__ = ["ProgressBar", "duration"]
