# The demonstration, the end-to-end test and the tests with other people's clients. They are a Go
# module of their own, so that the main one does not depend on those clients.

ifndef KUBE_SRC
include hack/kube/kube.mk
endif

TEST_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
include $(TEST_SRC)/chaos/chaos.mk
INTEROP := $(TEST_SRC)/interop
NPM_CLIENTS := $(INTEROP)/autobahn $(INTEROP)/wampy
# Autobahn|Python is taken from the distribution, with what it needs for scram and CBOR.
PYTHON_PACKAGES := python3-autobahn python3-argon2 python3-passlib python3-cbor2

# A cluster that somebody else runs is used only when it is named on the command line, as in
# `make demo KUBECONFIG=~/.kube/config`: what a shell exports may be a cluster that must not be
# touched.
GIVEN_KUBECONFIG := $(if $(filter command line,$(origin KUBECONFIG)),$(abspath $(KUBECONFIG:~/%=$(HOME)/%)))
ifeq ($(GIVEN_KUBECONFIG),$(KUBE_KUBECONFIG))
GIVEN_KUBECONFIG :=
endif

# Where the nodes of such a cluster get images from: they are pushed to IMAGE_REGISTRY/NAME.
IMAGE_REGISTRY ?=

DEMO_FLAGS = -repo $(CURDIR) -kube $(KUBE) -images $(IMAGE_DIR) -kubeconfig '$(GIVEN_KUBECONFIG)' -image-registry '$(IMAGE_REGISTRY)'

.PHONY: demo
demo: kube-tool ## Show one dealer from three pods (KUBECONFIG=, IMAGE_REGISTRY= for a cluster of your own)
	@mkdir -p bin
	@said=$$(cd $(TEST_SRC) && go build -o $(CURDIR)/bin/demo ./cmd/demo 2>&1) || { echo "$$said"; exit 1; }
	@bin/demo $(DEMO_FLAGS)

# Some steps alone: make e2e E2E_RUN='TestOneDealer/(Set_up|Traffic|Scale)'
E2E_RUN ?=

.PHONY: e2e
e2e: kube-tool $(NPM_CLIENTS:%=%/node_modules/.package-lock.json) ## Break, change, upgrade and uninstall on a real Kubernetes of two nodes, and print the figures
	@cd $(TEST_SRC) && WAMP_E2E=1 go test ./e2e -count=1 -v -timeout 40m $(if $(E2E_RUN),-run '$(E2E_RUN)') -args $(DEMO_FLAGS)

.PHONY: e2e-ipv6
e2e-ipv6: kube-tool ## Run the steps of e2e that everything depends on where pods and Services have IPv6 first
	@$(KUBE) up -nodes 2 -ipv6
	@$(MAKE) e2e E2E_RUN='TestOneDealer/(Set_up|Rotation|Failover|Another_gossip_key|kubectl|Another_certificate|Traffic|Scale|Another_image|Other_people)'

.PHONY: interop
interop: $(NPM_CLIENTS:%=%/node_modules/.package-lock.json) python-client ## Test running routers with Autobahn|JS, wampy.js, Autobahn|Python and nexus's Go client
	@cd $(TEST_SRC) && go vet ./... && go test -count=1 -timeout 10m ./app ./demo ./e2e ./interop ./previous

.PHONY: test-chaos
test-chaos: ## Test the tools of the chaos tests: network, clients, load and judges
	@cd $(TEST_SRC) && go test -race -timeout 10m ./chaos/...

# Autobahn|JS asks for Node.js 22; older ones lack nothing but WebSocket, which its driver gives
# them. What the libraries would compile is optional. The versions are those of the lock file; npm ci
# would refuse it, because npm leaves what is optional and of another machine out of it.
%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "npm is not in PATH: install Node.js with npm (apt-get install nodejs npm)"; exit 1; }
	@cd $* && npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: python-client
python-client:
	@for python in /usr/bin/python3 python3; do \
		$$python -c 'import autobahn, argon2, cbor2, passlib' 2>/dev/null && exit 0; \
	done; \
	command -v apt-get >/dev/null || { echo "Autobahn|Python is not installed, and there is no apt-get to install it: pip install 'autobahn[scram,serialization]'"; exit 1; }; \
	apt-get install -y -qq $(PYTHON_PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq $(PYTHON_PACKAGES) >/dev/null; }

SCALE_FLAGS ?=

.PHONY: scale
scale: build ## Measure 9 replicas with 100,000 registrations: memory, time to be everywhere, traffic (as root)
	@cd $(TEST_SRC) && go build -o $(CURDIR)/bin/scale ./cmd/scale
	@bin/scale $(SCALE_FLAGS)
