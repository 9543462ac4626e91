# Development tools, built from hack/tools/go.mod at the versions pinned there.
# The directory is keyed by the contents of go.mod and the Go version, so a changed pin rebuilds.

TOOLS_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
WAMP_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/wamp-operator
TOOLS_KEY := $(shell (cat $(TOOLS_SRC)/go.mod $(TOOLS_SRC)/go.sum; go env GOVERSION) | sha256sum | cut -c1-12)
TOOLS_BIN := $(WAMP_CACHE)/tools/$(TOOLS_KEY)

CONTROLLER_GEN := $(TOOLS_BIN)/controller-gen
GOLANGCI_LINT := $(TOOLS_BIN)/golangci-lint

.PHONY: tools
tools: $(CONTROLLER_GEN) $(GOLANGCI_LINT) ## Build the pinned controller-gen and golangci-lint

$(CONTROLLER_GEN):
	@echo "building controller-gen"
	@mkdir -p $(TOOLS_BIN)
	@cd $(TOOLS_SRC) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen

$(GOLANGCI_LINT):
	@echo "building golangci-lint (about three minutes the first time)"
	@mkdir -p $(TOOLS_BIN)
	@cd $(TOOLS_SRC) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
