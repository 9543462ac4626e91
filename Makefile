# wamp-operator: a Kubernetes operator that makes a set of WAMP router pods act as one dealer.
# `make demo` shows it, `make test` checks it; `make help` lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

include hack/tools/tools.mk
include hack/kube/kube.mk
include hack/operator.mk
-include test/test.mk
include test/bench/bench.mk

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort -u | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the operator, the router and the kubectl plugin into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: dev
dev: build ## Run three replicas on this machine, without Kubernetes (ports 8080, 8090, 8100)
	@bin/wamp-router dev

.PHONY: test
test: check-generated chart-lint test-oldest test-monitoring test-unit test-operator test-chaos interop ## Run all tests, setting up what they need (make e2e runs those on a real Kubernetes)

.PHONY: test-unit
test-unit: ## Test the router and the tools, with the race detector and the simulation
	go vet ./...
	go test -race -timeout 15m $$(go list ./... | grep -vE '/(api|controllers|charts|cmd/wamp-operator)(/|$$)')
	go test ./router/cluster ./router/transport -run 'TestSimulation|TestHundredMembers|TestBubbleManyMembers|TestIdleConnectionIsSmall' # not with the race detector
	cd test/bench && go vet ./... && go test -race ./...

# How many seeds the simulation runs, and from which one: make sim SEEDS=5000 FIRST=1
SEEDS ?= 2000
FIRST ?= 1

.PHONY: sim
sim: ## Run the simulation of the cluster protocol over more seeds (SEEDS=2000 FIRST=1)
	go test ./router/cluster -count=1 -v -timeout 0 -run 'TestSimulation$$' -args -sim.seeds=$(SEEDS) -sim.first=$(FIRST)

FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## Run every fuzz target for a while (FUZZTIME=30s each)
	@set -e; grep -rlE '^func Fuzz' --include '*_test.go' router | while read -r f; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*)\(.*/\1/p' $$f); do \
			echo "$$(dirname $$f) $$target"; \
			go test ./$$(dirname $$f) -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME); \
		done; \
	done

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run the linters
	$(GOLANGCI_LINT) run ./...
	cd test && $(GOLANGCI_LINT) run --config ../.golangci.yml ./...
	cd test/bench && $(GOLANGCI_LINT) run --config ../../.golangci.yml ./...

.PHONY: clean
clean: ## Remove what was built here (caches stay: rm -r ~/.cache/wamp-operator removes those)
	rm -rf bin
