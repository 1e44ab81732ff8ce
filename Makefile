SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev build console test lint fmt bench features demo openapi vuln clean

TOOL := go tool -modfile=.ci/tools/go.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_SOURCES := $(shell find cmd internal migrations seeds static -name node_modules -prune -o \( -name '*.go' -o -name '*.sql' -o -name '*.csv' -o -name '*.xlsx' \) -print)
CONSOLE_SOURCES := $(shell find static/src static/docs-page static/scripts -type f) static/index.html static/package.json static/package-lock.json static/vite.config.ts
# What was built with or without a console must be built again when that changes.
CONSOLE := $(if $(shell command -v npm),static/dist/index.html,)

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 14

run: build ## build what is missing, migrate, load demo data, serve on 127.0.0.1:8080
	@PHASEOUT_LOG_LEVEL=$${PHASEOUT_LOG_LEVEL:-warn} bin/phaseout serve --prepare --demo

demo: run ## the same as run

dev: build ## the server and, with reload, the console on port 5173
	bin/phaseout migrate && bin/phaseout seed --demo
	bin/phaseout serve & trap 'kill %1' EXIT; npm --prefix static run dev

build: bin/phaseout ## make bin/phaseout with the console in it

bin/phaseout: $(GO_SOURCES) go.mod go.sum $(CONSOLE)
	$(if $(CONSOLE),,@echo "npm was not found: building without the console. Install Node.js 20 or later and run make build again.")
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o $@ ./cmd/phaseout

console: static/dist/index.html ## build the console

static/dist/index.html: static/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	npm --prefix static run --silent build
	@touch $@

static/node_modules/.package-lock.json: static/package-lock.json
	npm --prefix static ci --no-audit --no-fund
	@touch $@

test: ## every test: Go on SQLite and PostgreSQL, console, browser, generated files, feature map
	.ci/test.sh

lint: static/node_modules/.package-lock.json ## golangci-lint, ESLint, vue-tsc, texts in both languages
	$(TOOL) golangci-lint run ./...
	npm --prefix static run --silent lint
	npm --prefix static run --silent check
	npm --prefix static run --silent i18n

fmt: ## format Go and the console
	$(TOOL) golangci-lint fmt ./...
	npm --prefix static run --silent lint -- --fix

bench: ## benchmarks, each beside the limit measured in the same run
	go test -run '^$$' -bench 'Scale|WorkbookImport|Province|Batch' -benchtime 1x -timeout 3h ./internal/bench
	go test -run '^$$' -bench 'Write$$|Requests|RollUp|Workbook$$|Export|Retirement|Clerks|Photo|Subsidy|Approvals' -benchtime 2s ./internal/bench

features: ## check docs/features.md against the tests of the last make test
	go run ./internal/tools/features -map docs/features.md -results build/results

openapi: ## write docs/api/openapi.json and the console's types from the code
	go run ./cmd/phaseout openapi > docs/api/openapi.json
	npm --prefix static run --silent types

vuln: ## known vulnerabilities of what is used; needs the network
	$(TOOL) govulncheck ./... || echo "skipped: the vulnerability database cannot be reached, or see above"

clean: ## remove what was built
	rm -rf bin build static/node_modules
	find static/dist -mindepth 1 ! -name .keep -delete
