#!/usr/bin/env bash
# The short version: an environment from exact versions, then two papers and the baseline in smaller samples, held
# against results/reference. Ends with 0 if nothing has drifted beyond its Monte Carlo error. About five minutes on two
# cores, nearly all to install and compile. The whole is reproduce.sh. OUT=folder chooses where tables and figures go; it
# must be new or empty.
set -euo pipefail
cd "$(dirname "$0")"
make warm
exec .venv/bin/hashcredit reproduce gai_kapadia_2010 asic_loans_2022 baseline_2026 --quick \
    --out "${OUT:-reproduced_min}"
