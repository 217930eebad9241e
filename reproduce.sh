#!/usr/bin/env bash
# Everything that results/reference has: six papers, two episodes, eleven named scenarios, the summaries of the baseline
# and of the fire sale, at full size, in an environment from exact versions. Ends with 0 if every number is the one
# stored. About forty minutes on two cores. OUT=folder chooses where tables and figures go; it must be new or empty.
set -euo pipefail
cd "$(dirname "$0")"
make warm
exec .venv/bin/hashcredit reproduce papers scenarios runs --out "${OUT:-reproduced}"
