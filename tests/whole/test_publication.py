"""What goes with a paper: scripts, recipes and records that agree with each other and with the program."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest
from repository import ROOT

from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.reproductions import EVERYTHING

SCRIPTS = ("reproduce.sh", "reproduce_min.sh")
RECIPES = {
    "docker": ["build", "--file", "containers/Dockerfile", "--tag", "hashcredit:test", "."],
    "apptainer": ["build", "{place}", "containers/hashcredit.def"],
}
READY = {
    "docker": ["docker", "pull", "--quiet", "python:3.12-slim"],
    "apptainer": ["apptainer", "inspect", "docker://python:3.12-slim"],
}
"""What works where the tool has a service to build with and may reach its registry of images."""
GROUPS = {"papers", "episodes", "scenarios", "runs"}


def commands_of(script):
    """Words of the `hashcredit` command that a script ends with."""
    text = (ROOT / script).read_text().replace("\\\n", " ")
    (line,) = re.findall(r"\.venv/bin/hashcredit (.*)", text)
    return shlex.split(re.sub(r"\$\{OUT:-(\w+)\}", r"\1", line))


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_ask_for_what_there_is(script):
    arguments = build_parser().parse_args(commands_of(script))
    assert arguments.command == "reproduce"
    assert set(arguments.keys) <= {*EVERYTHING, *GROUPS}
    assert arguments.quick == (script == "reproduce_min.sh")
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_sound_shell(script):
    subprocess.run(["bash", "-n", ROOT / script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", ROOT / script], check=True)


@pytest.mark.papers
def test_the_short_script_finds_no_drift(tmp_path):
    """As a reader would start it, in this clone."""
    done = subprocess.run(
        [ROOT / "reproduce_min.sh"],
        env=os.environ | {"OUT": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / "out").is_dir()


def test_records_of_the_release_agree():
    """Zenodo reads .zenodo.json, everybody else CITATION.cff, and pip setup.cfg."""
    record = json.loads((ROOT / ".zenodo.json").read_text())
    citation = (ROOT / "CITATION.cff").read_text()
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert record["version"] == setup["metadata"]["version"]
    assert record["license"] == setup["metadata"]["license_expression"]
    assert f'title: "{record["title"]}"' in citation
    assert f"version: {record['version']}\n" in citation
    assert [each["name"] for each in record["creators"]] == re.findall(r"^  - name: (.*)$", citation, re.M)
    words = citation.partition("keywords:")[2]
    assert record["keywords"] == re.findall(r"^  - (.*)$", words, re.M)
    assert record["description"] == " ".join(re.findall(r"abstract: >-\n((?:  .*\n)+)", citation)[0].split())


def test_recipes_install_from_pins_that_exist():
    for recipe in ("Dockerfile", "hashcredit.def"):
        text = (ROOT / "containers" / recipe).read_text()
        extras = re.findall(r"'\.\[(.*)\]'", text)
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        assert extras and set(extras[0].split(",")) <= set(setup["options.extras_require"])
        assert text.count("--constraint constraints.txt") == 2
        assert (ROOT / "constraints.txt").is_file()
        assert setup["metadata"]["version"] in text
        python = re.findall(r"python:(3\.\d+)", text)
        classifiers = setup["metadata"]["classifiers"]
        assert python and all(f"Python :: {each}" in classifiers for each in python)


@pytest.mark.packaging
@pytest.mark.parametrize("tool", RECIPES)
def test_recipes_build(tool, tmp_path):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    ready = subprocess.run(READY[tool], capture_output=True, text=True, check=False)
    if ready.returncode:
        pytest.skip(f"{tool} cannot fetch the image that the recipe begins with: {ready.stderr[-200:]}")
    words = [word.format(place=tmp_path / "hashcredit.sif") for word in RECIPES[tool]]
    subprocess.run([tool, *words], cwd=ROOT, check=True)
