#!/usr/bin/env bash
# Proves that the linter's import rule bites: a domain package that imports
# HTTP, a use case that imports gorm and a clock that nobody injected must each
# be reported. The offending files live in a copy.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z go.mod go.sum .golangci.yml cmd internal migrations seeds .ci/tools 'static/*.go' static/dist/.keep | xargs -0 cp --parents -t "$copy"
mkdir -p "$copy/static/dist"
printf 'package target\n\nimport "net/http"\n\n// Bad knows HTTP.\nvar Bad = http.StatusOK\n' >"$copy/internal/target/bad.go"
printf 'package app\n\nimport "gorm.io/gorm"\n\n// Bad knows gorm.\nvar Bad = gorm.ErrRecordNotFound\n' >"$copy/internal/app/bad.go"
printf 'package retirement\n\nimport "time"\n\n// Bad reads the clock.\nfunc Bad() time.Time { return time.Now() }\n' >"$copy/internal/retirement/bad.go"
report=$(cd "$copy" && go tool -modfile=.ci/tools/go.mod golangci-lint run ./internal/target ./internal/app ./internal/retirement 2>&1 || true)
for want in "the domain does not know HTTP" "only internal/store knows gorm" "take the injected clock"; do
  grep -qF "$want" <<<"$report" || { echo "the import rule does not bite: no report \"$want\""; echo "$report" | tail -40; exit 1; } >&2
done
echo "the import rule bites"
