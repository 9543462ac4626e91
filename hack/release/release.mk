# What a release consists of. Nothing is pushed from here.

RELEASE_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
DIST ?= dist

.PHONY: release
release: kube-tool ## Make images, kubectl-wamp, chart, manifests, SBOMs and checksums of a commit in dist/ (VERSION=v1.2.3)
	@bin="$$($(KUBE) binaries helm kubectl)" && \
	go run ./$(RELEASE_SRC) -version '$(VERSION)' -out $(DIST) -helm "$$bin/helm" -kubectl "$$bin/kubectl"

# A version that no release has.
REHEARSAL := v0.0.0-rehearsal

.PHONY: release-check
release-check: kube-tool ## Make a release of the newest commit twice, in different places: it has to be the same
	@set -e; bin="$$($(KUBE) binaries helm kubectl)"; at=$$(mktemp -d); trap 'rm -rf "$$at"' EXIT; \
	for place in one another/place; do \
		git clone --quiet --no-local --no-tags . "$$at/$$place"; \
		(cd "$$at/$$place" && go run ./$(RELEASE_SRC) -version $(REHEARSAL) -helm "$$bin/helm" -kubectl "$$bin/kubectl"); \
	done; \
	diff "$$at/one/dist/SHA256SUMS" "$$at/another/place/dist/SHA256SUMS"; \
	cd "$$at/one/dist"; sha256sum --quiet -c SHA256SUMS; \
	tar -xzOf kubectl-wamp_linux_$$(go env GOARCH).tar.gz kubectl-wamp > "$$at/kubectl-wamp"; chmod +x "$$at/kubectl-wamp"; \
	"$$at/kubectl-wamp" version --client | grep -q '$(REHEARSAL)'; \
	"$$bin/helm" template wamp-operator wamp-operator-*.tgz | grep -q 'wamp-operator:$(REHEARSAL:v%=%)'; \
	if grep -nE 'wamp-(operator|router):[^"]*' install.yaml | grep -v '$(REHEARSAL:v%=%)' | grep image; then echo "install.yaml has images of another version"; exit 1; fi; \
	echo "two releases of one commit are the same"
