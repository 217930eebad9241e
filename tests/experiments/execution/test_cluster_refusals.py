"""What a machine cannot do is refused before anything is written."""

import os

import pytest
from studies import call


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "dask", "--scheduler", "tcp://127.0.0.1:1"], "distributed is not installed; pip"),
        (["--executor", "slurm"], "distributed is not installed; pip"),
        (["--executor", "array"], "there is no sbatch on this machine"),
        (["--executor", "array", "--out", "a\nb"], "characters that scripts for Slurm cannot take"),
        (["--executor", "dask"], "--scheduler"),
        (
            ["--executor", "slurm", "--partition", "short\n#SBATCH --uid=0"],
            "--partition: 'short\\n#SBATCH --uid=0' is not allowed; expected printable letters in one line",
        ),
        (
            ["--executor", "array", "--sbatch=--exclusive\nrm x"],
            "--sbatch: '--exclusive\\nrm x' is not allowed",
        ),
        (["--partition", "short"], "--partition: 'short' is not allowed; expected this option with"),
        (["--executor", "array", "--interface", "ib0"], "--interface"),
        (["--executor", "array", "--shard", "0/2"], "--shard"),
    ],
)
def test_refusals_before_anything_is_written(options, said, short_study, tmp_path):
    """One line, exit code 2; Dask is hidden and the PATH is empty."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "distributed.py").write_text("raise ImportError('hidden', name='distributed')\n")
    path = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    out = tmp_path / "store"
    words = ["sweep", short_study, "--out", out, *options]
    _, err = call(*words, code=2, PATH=str(hidden), PYTHONPATH=path)
    assert said in err and err.count("\n") == 1
    assert not out.exists()


def test_walltime_is_left_to_the_partition():
    from hashcredit.experiments.execution.slurm_jobs import SlurmOptions, _arguments

    jobqueue = pytest.importorskip("dask_jobqueue")

    def header(**options):
        arguments = _arguments(SlurmOptions(**options))
        return jobqueue.slurm.SLURMJob("tcp://x:1", "name", **_of_a_job(arguments)).job_header

    assert "#SBATCH -t" not in header() and "#SBATCH -A a-team" in header(account="a-team")
    assert "#SBATCH -t 00:07:00" in header(walltime="00:07:00")


def _of_a_job(arguments):
    return {name: value for name, value in arguments.items() if name not in ("scheduler_options",)}
