#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The simulator's speed: jobs, events and decisions a second by policy, beside the peers' own simulators.
# usage: sh bench/simulate.sh      ERGON: another binary
set -eu
cd "$(dirname "$0")/.."
[ -d ../shared/data/traces ] || { echo "left out: ../shared/data/traces is not here"; exit 0; }
exec python3 bench/simulation.py --speed
