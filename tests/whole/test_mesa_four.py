"""The Mesa face under the pre-release of Mesa 4, where a Python has one: the same market, and its bits."""

import json
import os
import subprocess
import sys

import pytest
from installs import call, other_pythons, pip, unavailable
from repository import ROOT

PRE_RELEASE = "mesa>=4.0a0"
SCRIPT = """
import json
import warnings

import mesa

from hashcredit.simulator import MarketModel, Scenario, simulate

KINDS = {"miners": 3, "neoclouds": 3, "banks": 2, "private_credit": 2, "bond_funds": 2, "operators": 3,
         "brokers": 2, "refurbishers": 2, "scrap_dealers": 1}
small = {f"population.{kind}": count for kind, count in KINDS.items()}
scenario = Scenario.load().with_changes({"horizon_weeks": 4, **small})
model = MarketModel(scenario, rng=1)
weeks = []
while model.running:
    weeks.append(model.week)
    model.step()
ids = [agent.unique_id for agent in model.agents]
same = json.dumps(model.result.summary) == json.dumps(simulate(scenario, seed=1).summary)
print(json.dumps({"mesa": mesa.__version__, "weeks": weeks, "same": same, "ids": ids,
                  "scenario": model.scenario.name, "seed": model.seed, "batch": hasattr(mesa, "batch_run")}))
"""
"""Uncompiled: four weeks of a small market take less than compiling it for another Python."""


def result_of(python, folder):
    """What the script prints under a Python with everything that the project needs."""
    done = subprocess.run(
        [python, "-c", SCRIPT],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT / ".typing")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.packaging
def test_the_face_works_under_mesa_4(tmp_path):
    pythons = [python for name, python in other_pythons().items() if name in ("3.12", "3.13")]
    if sys.version_info >= (3, 12):
        pythons.insert(0, sys.executable)
    if not pythons:
        unavailable("the pre-release of Mesa 4 needs Python 3.12 or later, and there is none")
    place = tmp_path / "place"
    call([pythons[0], "-I", "-m", "venv", place])
    python = place / "bin" / "python"
    libraries = [
        "numpy",
        "numba",
        "networkx",
        "pydantic",
        "pandas",
        "pyarrow",
        "scipy",
        "matplotlib",
        "tqdm",
        "SALib",
    ]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.lower().startswith("mesa")]
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n")
    pip(python, "install", "--pre", "--constraint", constraints, PRE_RELEASE, *libraries)
    four, three = result_of(python, tmp_path), result_of(sys.executable, tmp_path)
    assert four["mesa"].startswith("4.") and not four["batch"]
    assert three["mesa"].startswith("3.")
    assert four["same"] and three["same"]
    for name in ("weeks", "ids", "scenario", "seed"):
        assert four[name] == three[name], name
    assert four["weeks"] == [0, 1, 2, 3]
