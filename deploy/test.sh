#!/usr/bin/env bash
# Runs all tests under the race detector and reports how many cases ran, passed and
# were skipped per backend. In CI, fewer than the committed minimum
# (deploy/test-floor) fail the run.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bin
go build -o bin/testreport ./internal/e2e/testreport

# -p 2: two packages at a time; their tests use containers and a database.
status=0
go test -race -p "${TEST_PARALLEL:-2}" -timeout 40m -json "$@" ./... | ./bin/testreport -floor deploy/test-floor || status=$?
go run ./internal/postgres/pgtest/stop
exit "$status"
