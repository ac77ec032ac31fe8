#!/usr/bin/env bash
# Installs what the tests need where it may, and runs them: all, or the parts named. Ends with one line that adds them up.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(format cedar log app browser)
work=$(mktemp -d)
passed=0 failed=0 skipped=0
started_postgres=

say() { printf '\n== %s\n' "$*"; }

cleanup() {
  [ -z "$started_postgres" ] || as_postgres "$pg/pg_ctl -D '$work/pg' -m immediate stop" >/dev/null 2>&1
  rm -rf "$work"
}
trap cleanup EXIT

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$1"; else bash -c "$1"; fi; }

install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing $*"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$work/apt.log" 2>&1 || { tail -5 "$work/apt.log"; return 1; }
}

# A PostgreSQL of our own on loopback, unless the environment names one.
need_postgres() {
  [ -z "${MUMEGA_TEST_POSTGRES:-}" ] || return 0
  pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  if [ -z "$pg" ]; then install postgresql || { echo "PostgreSQL could not be installed; its tests fail to start."; return 1; }; pg=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1); fi
  local port
  port=$(node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  chmod 755 "$work"
  mkdir "$work/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$work/pg"; }
  as_postgres "$pg/initdb -D '$work/pg' -A trust -U postgres -E UTF8 --locale=C.UTF-8" >/dev/null || return 1
  as_postgres "$pg/pg_ctl -D '$work/pg' -w -l '$work/pg/log' -o '-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300' start" >/dev/null || return 1
  started_postgres=1
  export MUMEGA_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=postgres;Database=postgres"
}

need_chromium() {
  [ -n "${MUMEGA_TEST_CHROMIUM:-}" ] || MUMEGA_TEST_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  if [ -z "$MUMEGA_TEST_CHROMIUM" ]; then install chromium fonts-dejavu-core && MUMEGA_TEST_CHROMIUM=$(command -v chromium); fi
  export MUMEGA_TEST_CHROMIUM
}

# Runs one xunit program and adds its totals up.
suite() {
  local name=$1 project=$2; shift 2
  say "$name"
  dotnet build "$project" -v quiet -clp:ErrorsOnly || { failed=$((failed + 1)); return; }
  dotnet run --project "$project" --no-build -- "$@" 2>&1 | sed -u 's/\x1b\[[0-9;]*m//g' | tee "$work/$name.log" | grep -vE '^\s*$' | grep -vE 'Discover(ing|ed)|Start(ing|ed):|xUnit.net v3'
  local line total f s e
  line=$(grep -E 'Total: [0-9]+, Errors' "$work/$name.log" | tail -1)
  if [ -z "$line" ]; then echo "$name did not finish"; failed=$((failed + 1)); return; fi
  total=$(sed -E 's/.*Total: ([0-9]+).*/\1/' <<<"$line"); f=$(sed -E 's/.*Failed: ([0-9]+).*/\1/' <<<"$line")
  s=$(sed -E 's/.*Skipped: ([0-9]+).*/\1/' <<<"$line"); e=$(sed -E 's/.*Errors: ([0-9]+).*/\1/' <<<"$line")
  grep -F -A 12 '[FAIL]' "$work/$name.log" >>"$work/failures"
  passed=$((passed + total - f - s)); failed=$((failed + f + e)); skipped=$((skipped + s))
}

check() {
  local name=$1; shift
  say "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$name FAILED" | tee -a "$work/failures"; fi
}

web_assets() { [ -f web/package.json ] && { [ -d web/node_modules ] || npm --prefix web ci --no-audit --no-fund --loglevel=error; } && npm --prefix web run --silent build; }
oracle_packages() { [ -d tests/Cedar.Tests/oracle/node_modules ] || npm --prefix tests/Cedar.Tests/oracle ci --no-audit --no-fund --loglevel=error; }
log_packages() {
  [ -d tests/TransparencyLog.Tests/independent/node_modules ] || npm --prefix tests/TransparencyLog.Tests/independent ci --no-audit --no-fund --loglevel=error
  [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ] && command -v go >/dev/null || install golang-go golang-golang-x-mod-dev || true
}

# The server that tests kill and start again some hundred times, compiled ahead of time: a start then takes half as much. Without the compiler for this platform they start what was just built.
ahead_of_time() {
  local rid; rid=$(dotnet --info | sed -n 's/^ *RID: *//p')
  say "compiling the server ahead of time"
  dotnet publish src/Api -c Debug -r "$rid" --self-contained false -p:PublishReadyToRun=true -o "$work/server" -v quiet -clp:ErrorsOnly >"$work/ahead.log" 2>&1 \
    && export MUMEGA_TEST_SERVER="$work/server/Mumega.Api.dll" || tail -3 "$work/ahead.log"
}

client_packages() { [ -d tests/clients/node_modules ] || npm --prefix tests/clients ci --no-audit --no-fund --loglevel=error; }

for part in "${parts[@]}"; do
  case $part in
    format) dotnet tool restore >"$work/tools.log" || cat "$work/tools.log"; check "formatting" dotnet csharpier check src tests bench ;;
    cedar) oracle_packages; suite cedar tests/Cedar.Tests ;;
    log) log_packages; suite log tests/TransparencyLog.Tests ;;
    app) need_postgres; client_packages; suite app tests/App.Tests -class- '*KillTests' ;;
    kills) need_postgres; ahead_of_time; MUMEGA_TEST_KILLS=200 suite kills tests/App.Tests -class '*Kill*' ;;
    histories) MUMEGA_TEST_HISTORIES=${MUMEGA_TEST_HISTORIES:-200000} suite histories tests/App.Tests -class '*HistoryProperties*' ;;
    browser) need_chromium; check "web build and types" web_assets; suite browser tests/Browser.Tests ;;
    *) echo "there is no part called $part; there are format, cedar, log, app, browser; and kills and histories, the long runs of those"; exit 2 ;;
  esac
done

[ ! -s "$work/failures" ] || { say "what failed"; cat "$work/failures"; }
echo
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ]
