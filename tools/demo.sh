#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One turn of the cycle with the command that was built; says where the report is.
set -eu
cd "$(dirname "$0")/.."
exec build/ergon cycle "$@"
