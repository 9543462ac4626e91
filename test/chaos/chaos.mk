# What happens to a cluster when things break. Router processes run in network namespaces of their own,
# which needs root and nothing else; nothing outside them is touched.

CHAOS_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CHAOS_BIN := $(CURDIR)/bin/chaos

# Flags for the command, for example CHAOS='-scenario split -duration 1m -seed 7'; -help lists them.
CHAOS ?=

.PHONY: chaos-build
chaos-build:
	@mkdir -p $(CHAOS_BIN)
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(CHAOS_BIN)/ ./cmd/wamp-router
	@cd $(CHAOS_SRC)/.. && CGO_ENABLED=0 go build -o $(CHAOS_BIN)/ ./cmd/chaos

.PHONY: chaos
chaos: chaos-build ## Break clusters of router processes under load, as root, in about 5 minutes (CHAOS='-scenario split -seed 7')
	@$(CHAOS_BIN)/chaos -router $(CHAOS_BIN)/wamp-router $(CHAOS)

# One figure or some of them: make guarantees ONLY=visible,killed
ONLY ?=
# More flags for the command, for example GUARANTEES='-calls 1000000 -dir /tmp/guarantees'.
GUARANTEES ?=

.PHONY: guarantees
guarantees: chaos-build ## Measure the figures of docs/guarantees.md, as root, in about 12 minutes (ONLY=visible,killed for some)
	@cd $(CHAOS_SRC)/.. && CGO_ENABLED=0 go build -o $(CHAOS_BIN)/ ./cmd/guarantees
	@$(CHAOS_BIN)/guarantees -router $(CHAOS_BIN)/wamp-router -only '$(ONLY)' $(GUARANTEES)
