#!/usr/bin/env bash
# Builds and runs the benchmarks: all, or those named (actions, push, read, start). PostgreSQL takes part when MUMEGA_TEST_POSTGRES names one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dotnet build bench -c Release -v quiet -clp:ErrorsOnly >&2
exec dotnet bench/bin/Release/net10.0/Mumega.Bench.dll "$@"
