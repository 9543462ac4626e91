# The benchmark against nexus's router and nats-server. It is a Go module of its own, so that the
# main one does not depend on them.

BENCH_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
BENCH_BIN := $(CURDIR)/bin/bench

# Flags for the benchmark, for example BENCH='-rounds 5 -only "8x16"'; -help lists them.
BENCH ?=

.PHONY: bench-build
bench-build:
	@mkdir -p $(BENCH_BIN)
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BENCH_BIN)/ ./cmd/wamp-router
	@cd $(BENCH_SRC) && CGO_ENABLED=0 go build -o $(BENCH_BIN)/ ./cmd/... github.com/nats-io/nats-server/v2

.PHONY: bench
bench: bench-build ## Compare speed with nexus and nats-server, in about 8 minutes (BENCH='-only "1x1" -rounds 5')
	@$(BENCH_BIN)/bench $(BENCH)

.PHONY: bench-quick
bench-quick: bench-build ## The same for one work: 8 callers with 16 small calls in flight, in about a minute
	@$(BENCH_BIN)/bench -only '8x16 16 B' -duration 3s -warmup 1s $(BENCH)
