#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL cluster, whose URL it finds in
# PHASEOUT_TEST_POSTGRES. Installs Debian's package if it is missing and may.
set -euo pipefail
server() { ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -1 || true; }
if [ -z "$(server)" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  else
    echo "PostgreSQL is missing: install the server binaries (Debian: apt-get install postgresql)" >&2
    exit 1
  fi
fi
bin=$(dirname "$(server)")
dir=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
  id postgres >/dev/null 2>&1 || useradd --system postgres
  chown postgres "$dir"
  as() { (cd / && exec runuser -u postgres -- "$@"); }
fi
stop() {
  as "$bin/pg_ctl" -D "$dir/data" stop -m immediate >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT
as "$bin/initdb" -D "$dir/data" -U phaseout -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
  -o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c max_connections=300 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" start >/dev/null
export PHASEOUT_TEST_POSTGRES="postgres://phaseout@127.0.0.1:$port/postgres?sslmode=disable"
"$@"
