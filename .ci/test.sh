#!/usr/bin/env bash
# Every test there is, cheap ones first. Nothing is skipped: what is missing is
# installed, or the run fails and says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."
results=build/results
rm -rf "$results"
mkdir -p "$results"
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
need() { command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }; }
need go "install Go 1.26 or later"
need node "install Node.js 20 or later"
need npm "install Node.js 20 or later"
need gcc "install a C compiler (Debian: apt-get install build-essential)"
tool() { go tool -modfile=.ci/tools/go.mod "$@"; }

step "formatting"
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "gofmt would change: $unformatted" >&2; exit 1; }

step "generated files"
go run ./cmd/phaseout openapi | diff -u docs/api/openapi.json - || { echo "docs/api/openapi.json is stale: run make openapi" >&2; exit 1; }
make --no-print-directory static/node_modules/.package-lock.json 2>&1 | grep -v 'npm warn' || true
static/node_modules/.bin/openapi-typescript docs/api/openapi.json -o build/schema.d.ts >/dev/null
diff -u static/src/api/schema.d.ts build/schema.d.ts || { echo "static/src/api/schema.d.ts is stale: run make openapi" >&2; exit 1; }

step "console: lint, types, texts, tests, build, sizes"
npm --prefix static run --silent lint
npm --prefix static run --silent test -- --reporter=default --reporter=json --outputFile.json=../build/results/vitest.json
make --no-print-directory build

step "Go lint, import rule included"
tool golangci-lint run ./...
.ci/lint-bites.sh

step "Go tests on SQLite and PostgreSQL, with the race detector"
.ci/postgres.sh go tool -modfile=.ci/tools/go.mod gotestsum --format pkgname --jsonfile "$results/go.json" -- -race -timeout 60m ./...

step "photos: altered copies among different ones, all of them"
go test -count=1 -run TestAlteredCopies ./internal/photo

step "benchmarks still run, on a small registry"
PHASEOUT_BENCH_ROWS=1000 .ci/postgres.sh go test -run '^$' -bench 'Scale|WorkbookImport|Province|Batch|Write$|Requests|Retirement|Subsidy' -benchtime 1x ./internal/bench >build/bench.txt || { cat build/bench.txt; exit 1; }

step "demonstration: all 50,000 assets of it"
go test -count=1 -run TestWholeDemonstration ./internal/api

step "browser"
.ci/browser.sh
(cd static && node --test --test-timeout=600000 --test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination=../build/results/e2e.xml test/e2e/*.test.mjs)

step "feature map"
make --no-print-directory features
echo "govulncheck: skipped (it needs the network; run make vuln)"
step "done"
