#!/usr/bin/env bash
# Builds and runs the benchmarks: all, or those named (actions, push, read, authority, packets, start, cedar, log). PostgreSQL takes part with a server of its own on
# loopback, or with the one that MUMEGA_TEST_POSTGRES names; without either the figures say that it was left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
started=
cleanup() {
  [ -z "$started" ] || as_postgres "$pg/pg_ctl -D '$work/pg' -m immediate stop" >/dev/null 2>&1
  rm -rf "$work"
}
trap cleanup EXIT
as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$1"; else bash -c "$1"; fi; }

pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
if [ -z "${MUMEGA_TEST_POSTGRES:-}" ] && [ -n "$pg" ]; then
  port=$(node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  chmod 755 "$work"
  mkdir "$work/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$work/pg"; }
  as_postgres "$pg/initdb -D '$work/pg' -A trust -U postgres -E UTF8 --locale=C.UTF-8" >/dev/null
  as_postgres "$pg/pg_ctl -D '$work/pg' -w -l '$work/pg/log' -o '-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300' start" >/dev/null
  started=1
  export MUMEGA_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=postgres;Database=postgres"
fi

if [ -n "${MUMEGA_TEST_POSTGRES:-}" ] && { [ $# -eq 0 ] || [[ " $* " == *" read "* ]]; }; then
  [ -d bench/postgraphile/node_modules ] || npm --prefix bench/postgraphile ci --no-audit --no-fund --loglevel=error >&2 || true
fi

if [ $# -eq 0 ] || [[ " $* " == *" cedar "* ]]; then
  [ -d tests/Cedar.Tests/oracle/node_modules ] || npm --prefix tests/Cedar.Tests/oracle ci --no-audit --no-fund --loglevel=error >&2 || true
fi

dotnet build bench -c Release -v quiet -clp:ErrorsOnly >&2
dotnet bench/bin/Release/net10.0/Mumega.Bench.dll "$@"
