# make run    a calibrated economy, 20 times over, with its figures in results/baseline_2026
# make test   every check: style, types, layers, unit tests
# make test-faults   long sweeps under kills, on full disks, with torn files
# make test-papers   replications of published results
# make test-fuzz     ten thousand random scenarios, two thousand broken files
# make test-packaging   the built wheel, installed, run, upgraded and removed; needs a package index
# make test-cluster     runs on a real Slurm, which the tests start and end; needs root on Debian or its like
# make test-dashboard   the page in a headless Chromium; installs Debian's where there is none and root may
# make lint   the checks that run no code
# make docs   the documentation as a site, in site/; warnings are errors
# make bench  speed and memory of the kernels
# make regenerate   write the generated tables and files anew
# make clean  remove the environment and all caches; results stay
#
# Needs Python 3.11, 3.12 or 3.13 and nothing else; PYTHON=... chooses which.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PYTEST := $(BIN)/python -m pytest
WORKERS ?= $(shell nproc)
# Tests of one file stay together, since they share what is dear to make.
SPREAD := --numprocesses $(WORKERS) --dist loadfile

# What has a target of its own stays out of `make test`.
PLAIN := not slow and not packaging and not cluster and not dashboard and not faults and not papers and not fuzz

# Work with an absent or unwritable home folder, and leave the user's own settings out of the picture.
# Compiled code is where `hashcredit` itself looks for it, so that nothing is compiled twice.
export HASHCREDIT_CACHE_DIR ?= $(shell test -w "$${HOME:-/nonexistent}" || echo "$(CURDIR)/.cache/hashcredit")
export MPLCONFIGDIR ?= $(CURDIR)/.cache/matplotlib
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME

.PHONY: run test warm test-faults test-papers test-fuzz test-packaging test-cluster test-dashboard lint docs bench \
    regenerate clean
.DELETE_ON_ERROR:

run: $(READY)
	rm -rf results/baseline_2026
	$(BIN)/hashcredit run baseline_2026 --replicates 1 --out results/baseline_2026

test: $(READY)
	$(MAKE) --jobs 2 --output-sync lint warm
	$(PYTEST) $(SPREAD) -m "$(PLAIN)"

# Fill the cache of compiled code once, before several processes want it.
warm: $(READY)
	$(BIN)/hashcredit warmup

test-faults: warm
	$(PYTEST) -m faults

test-papers: warm
	$(PYTEST) --numprocesses $(WORKERS) -m papers

test-fuzz: warm
	$(PYTEST) --numprocesses $(WORKERS) -m fuzz

test-packaging: warm
	$(PYTEST) -m packaging

test-cluster: warm
	$(PYTEST) -m cluster

test-dashboard: warm
	$(PYTEST) -m dashboard

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

docs: $(READY)
	rm -rf site
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs auto -c docs/site . site
	@echo "site/index.html: $$(find site -name '*.html' | wc -l) files to read"

bench: $(READY)
	$(BIN)/python -m hashcredit.experiments.tools.benchmark

regenerate: $(READY)
	$(BIN)/python -m hashcredit.experiments.tools.regenerate

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "hashcredit needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is" \
	        "$$($(PYTHON) --version 2>&1); choose another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .cache build site hashcredit.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	    .import_linter_cache
	find agents simulator experiments tests -name __pycache__ -prune -exec rm -rf {} +
