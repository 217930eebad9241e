"""`hashcredit doctor`: what is well, what is broken, and what it says to do about it."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest
from studies import call

from hashcredit.experiments.commands import diagnosis, machine
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.commands.doctor import LINE


def findings_of(capsys, *words, code=0):
    """What the command finds, by section and name; it must end with this exit code."""
    assert main(["doctor", "--json", *words]) == code
    record = json.loads(capsys.readouterr().out)
    assert record["well"] == (code == 0)
    return {(each["section"], each["name"]): each for each in record["findings"]}


@pytest.fixture
def without(monkeypatch):
    """Let packages be missing, or have another version; nothing is imported for a look."""
    monkeypatch.setattr(diagnosis, "imports", lambda: [])

    def pretend(**versions):
        true = diagnosis.installed_version

        def version(name):
            return versions[name] if name in versions else true(name)

        monkeypatch.setattr(diagnosis, "installed_version", version)

    return pretend


def test_a_good_installation_is_well(capsys):
    """All of it, with a run that is timed."""
    assert main(["run", "--set", "horizon_weeks=2", "--seeds", "1", "--replicates", "1", "--quiet"]) == 0
    capsys.readouterr()  # whatever had to be compiled is
    found = findings_of(capsys)
    assert " ms a run" in found["probe run", "baseline"]["found"]
    assert found["probe run", "kernels"]["found"] == "none had to be compiled"
    assert not [each for each in found.values() if each["state"] == "broken"]
    required = {"numpy", "numba", "pandas", "pyarrow", "scipy", "mesa", "llvmlite"}
    for name in required:
        assert found["packages", name]["found"] == importlib.metadata.version(name)
    assert "all of these" in found["packages", "imports"]["found"]
    assert found["processors", "seen"]["found"].startswith(str(len(os.sched_getaffinity(0))))
    assert {"packages", "extras", "kernel cache", "processors", "clusters", "probe run"} <= {
        section for section, _ in found
    }


def test_every_trouble_has_an_advice_and_fits_the_terminal(capsys, without, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    without(numpy=None, pandas="1.0", dask=None)
    findings = [*diagnosis.versions(), *diagnosis.extras(), *machine.clusters()]
    troubles = [each for each in findings if each.state != "well"]
    assert {each.name for each in troubles} >= {"numpy", "pandas", "dask", "slurm"}
    assert all(each.advice for each in troubles)
    assert main(["doctor", "--no-probe"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "2 things broken: see the lines with !" in lines
    assert [line.split()[1] for line in lines if line.startswith("!")] == ["numpy", "pandas"]
    words_alone = [line for line in lines if len(line.split()) > 2]  # a long path cannot be cut
    assert max(map(len, words_alone)) <= LINE


def test_a_version_out_of_bounds_is_told_with_its_bounds(capsys, without):
    without(pandas="1.0")
    found = findings_of(capsys, "--no-probe", code=1)["packages", "pandas"]
    assert found["state"] == "broken"
    assert found["found"].startswith("1.0; needed is >=")
    assert f"{sys.executable} -m pip install 'pandas>=" in found["advice"]


def test_a_missing_extra_is_a_remark(capsys, without):
    """Nothing is broken; whoever wants it is told how to have it, and that others have it still."""
    without(h5netcdf=None)
    found = findings_of(capsys, "--no-probe")
    assert found["extras", "netcdf"]["state"] == "remark"
    assert "h5netcdf missing" in found["extras", "netcdf"]["found"]
    assert "pip install 'hashcredit[netcdf]'" in found["extras", "netcdf"]["advice"]
    assert found["extras", "dask"]["state"] == "well"


def test_a_package_that_cannot_be_imported_is_named(monkeypatch, tmp_path):
    """In a process of its own: this one has it already."""
    (tmp_path / "networkx.py").write_text("raise ImportError('no such symbol')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    (finding,) = diagnosis.imports()
    assert finding.state == "broken"
    assert finding.found == "networkx cannot be imported: ImportError: no such symbol"
    assert finding.advice.endswith("--force-reinstall networkx")


def test_a_broken_cache_folder_is_broken(tmp_path):
    """A file in its place: no privilege can write below it."""
    (tmp_path / "file").write_text("in the way")
    place = str(tmp_path / "file")
    out, err = call("doctor", code=1, HASHCREDIT_CACHE_DIR=place)
    assert "! folder " in out and "not kept" in out and place in out
    assert "HASHCREDIT_CACHE_DIR" in out and "not tried" in out
    assert "Traceback" not in err and "warning" not in err
    assert (tmp_path / "file").read_text() == "in the way"


def test_without_compiled_kernels_it_says_warmup_and_compiles_nothing(tmp_path):
    out, _ = call("doctor", HASHCREDIT_CACHE_DIR=str(tmp_path / "cache"))
    assert "- kernels" in out and "0 of about" in out
    assert out.count("hashcredit warmup") == 2  # the cache, and the probe that was not tried
    assert not list((tmp_path / "cache").rglob("*.nbc"))


def test_a_numba_that_cannot_be_loaded_is_told(tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 1.9 or less')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    out, err = call("doctor", code=1, PYTHONPATH=path)
    assert "! imports" in out and "numba cannot be imported: ImportError: Numba needs NumPy" in out
    assert "! folder" in out and "Numba cannot be loaded" in out and "Traceback" not in err


def test_limits_of_control_groups_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_groups", lambda _: iter([tmp_path / "inner", tmp_path]))
    (tmp_path / "inner").mkdir()
    assert machine.processor_limit() is None and machine.memory_limit() is None
    (tmp_path / "inner" / "cpu.max").write_text("max 100000\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.processor_limit() == 0.5
    (tmp_path / "inner" / "cpu.cfs_quota_us").write_text("150000\n")
    (tmp_path / "inner" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.processor_limit() == 1.5  # the older version
    (tmp_path / "inner" / "memory.max").write_text("max\n")
    (tmp_path / "memory.max").write_text("1000000000\n")
    assert machine.memory_limit() == 10**9
    limit = next(each for each in machine.processors() if each.name == "limit")
    assert (limit.state, "--threads 1" in limit.advice) == (
        ("remark", True) if len(os.sched_getaffinity(0)) > 1 else ("well", False)
    )


def test_a_job_with_fewer_processors_than_seen_is_told(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    monkeypatch.setenv("SLURM_JOB_ID", "123")
    (found,) = [each for each in machine.processors() if each.name == "Slurm"]
    assert found.state == "remark" and "--workers 4" in found.advice
    (job,) = [each for each in machine.clusters() if each.name == "job"]
    assert job.found.startswith("in job 123")


def test_other_commands_do_not_load_it():
    code = (
        "import sys, hashcredit.experiments.commands.cli as cli; cli.main(['scenario', 'list']);"
        "sys.exit(any(name.endswith(('.diagnosis', '.machine')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
