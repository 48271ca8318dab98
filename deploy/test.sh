#!/usr/bin/env bash
# Runs every test under the race detector and reports, for each backend, how
# many cases ran, passed and were skipped. In CI a count below the committed
# one (deploy/test-floor) fails.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bin
go build -o bin/testreport ./internal/e2e/testreport

# -p 2: packages side by side; their tests use containers and a database, which
# two cores serve well.
status=0
go test -race -p "${TEST_PARALLEL:-2}" -timeout 40m -json "$@" ./... | ./bin/testreport -floor deploy/test-floor || status=$?
go run ./internal/postgres/pgtest/stop
exit "$status"
