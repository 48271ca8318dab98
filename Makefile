# repaird: what people and CI run. `make help` lists the targets.

STATE ?= $(CURDIR)/.state
GO    ?= go

.PHONY: help setup build demo quick test check bench bench-sandbox bench-trace bench-recorder bench-redact bench-quixbugs judge-cases stop-test-db clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing (PostgreSQL, Docker, bubblewrap, Python) and build the sandboxes' base systems
	./deploy/setup.sh

build: ## compile bin/repaird
	@echo 'compiling bin/repaird (some minutes the first time)'
	@$(GO) build -o bin/repaird ./cmd/repaird

demo: setup build ## repair four sample incidents end to end on this machine
	./bin/repaird demo

# Packages whose tests are all about a service, a container, a browser or Python.
SLOW = /e2e$$|/cmd/repaird$$|/app$$|/postgres|/sandbox/(docker|bwrap)$$|/forge/github$$|/python/(tracer|session|analysis|templates)|/trace/(run|replay|agent|view/page)$$

quick: ## the inner loop, under a minute: vet, and the tests that need nothing installed
	@$(GO) vet ./...
	@$(GO) test -short $$($(GO) list ./... | grep -vE '$(SLOW)')

test: setup ## run all tests, including those on real PostgreSQL, Docker and bubblewrap
	./deploy/test-clients.sh
	./deploy/pythons.sh
	./deploy/test.sh

bench: bench-sandbox bench-trace bench-redact ## measure sandbox start, tracer and reader, redaction

bench-sandbox:
	$(GO) test -run '^$$' -bench Start -benchtime 20x ./internal/sandbox/docker ./internal/sandbox/bwrap

bench-trace: ## compare the tracer with others on every available Python; write docs/trace-benchmark.md
	./deploy/pythons.sh
	python3 -B bench/trace/run.py

bench-recorder: ## measure the evidence recorder (sdk/python) on an exception with 20 frames
	python3 -B sdk/python/bench.py

bench-redact:
	$(GO) test -run '^$$' -bench . -benchtime 20x ./internal/redact

CASES ?= internal/eval/testdata/cases

judge-cases: build ## judge patches known to be right or wrong and count (CASES=DIR: others; EVAL="--repeats 2 …": flags)
	@./bin/repaird eval $(EVAL) $(CASES)

QUIXBUGS ?= quixbugs

bench-quixbugs: build ## repair QuixBugs' Python programs from failing tests, without a model; QUIXBUGS=clone of it
	python3 -B bench/quixbugs/run.py $(QUIXBUGS)

check: ## run vet, staticcheck, golangci-lint, tidy, govulncheck
	./deploy/check.sh

stop-test-db: ## stop the PostgreSQL server that tests share
	@$(GO) run ./internal/postgres/pgtest/stop

clean: ## remove what make and the demo created
	rm -rf bin .state
