# A Kubernetes for development and tests, and images without Docker. See README.md here.

KUBE_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
WAMP_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/wamp-operator
export WAMP_CACHE

# kube-up starts this many nodes.
NODES ?= 1

# The kubeconfig that kube-up writes.
KUBE_KUBECONFIG := $(WAMP_CACHE)/run/kubeconfig

# Images are called IMAGE_REPO/NAME:IMAGE_TAG. IMAGES lists NAME=SOURCE, where SOURCE is a
# directory with a main package or a static binary; EXTRA_IMAGES adds to it.
IMAGE_REPO ?= ghcr.io/wamp-operator
IMAGE_TAG ?= dev
IMAGES ?= wamp-operator=./cmd/wamp-operator wamp-router=./cmd/wamp-router
EXTRA_IMAGES ?=
IMAGE_DIR := $(WAMP_CACHE)/images

# Compiled rather than `go run`, which would not pass on the exit status.
KUBE := $(WAMP_CACHE)/kube-tool

.PHONY: kube-tool
kube-tool:
	@mkdir -p $(WAMP_CACHE)
	@CGO_ENABLED=0 go build -o $(KUBE) ./$(KUBE_SRC)

.PHONY: kube-up
kube-up: kube-tool ## Start a local Kubernetes (NODES=1), building it the first time
	@$(KUBE) up -nodes $(NODES)

.PHONY: kube-down
kube-down: kube-tool ## End the local Kubernetes and remove all that belongs to it
	@$(KUBE) down

.PHONY: kube-status
kube-status: kube-tool ## Show the local Kubernetes and the export lines to use it
	@$(KUBE) status

.PHONY: kube-binaries
kube-binaries: kube-tool ## Build Kubernetes' programs, kubectl and helm; print their directory
	@$(KUBE) binaries

.PHONY: envtest-assets
envtest-assets: kube-tool ## Build etcd, kube-apiserver and kubectl; print KUBEBUILDER_ASSETS
	@$(KUBE) envtest-assets

.PHONY: images
images: ## Build the container images (IMAGE_TAG=dev, EXTRA_IMAGES=name=dir)
	@go run ./hack/images -out $(IMAGE_DIR) -repo $(IMAGE_REPO) -tag $(IMAGE_TAG) -version $(VERSION) $(IMAGES) $(EXTRA_IMAGES)

.PHONY: images-load
images-load: kube-tool images ## Build the images and load them into the local Kubernetes
	@$(KUBE) load $(foreach i,$(IMAGES) $(EXTRA_IMAGES),$(IMAGE_DIR)/$(firstword $(subst =, ,$(i))).tar)
