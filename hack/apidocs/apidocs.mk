# docs/api.md, from the doc comments of the types.

APIDOCS_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
APIDOCS_KEY := $(shell (cat $(APIDOCS_SRC)/go.mod $(APIDOCS_SRC)/go.sum; go env GOVERSION) | sha256sum | cut -c1-12)
CRD_REF_DOCS := $(WAMP_CACHE)/tools/apidocs-$(APIDOCS_KEY)/crd-ref-docs

$(CRD_REF_DOCS):
	@echo "building crd-ref-docs"
	@mkdir -p $(dir $@)
	@cd $(APIDOCS_SRC) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $@ github.com/elastic/crd-ref-docs

.PHONY: api-reference
api-reference: $(CRD_REF_DOCS) ## Write docs/api.md from the api types
	@$(CRD_REF_DOCS) --source-path=api/v1alpha1 --config=$(APIDOCS_SRC)/config.yaml --templates-dir=$(APIDOCS_SRC)/templates \
		--renderer=markdown --output-path=docs/api.md --max-depth=20 2>&1 | { grep -v INFO || true; }
	@grep -q '^## WampCluster' docs/api.md || { echo "docs/api.md came out empty: the types in api/v1alpha1 do not compile"; exit 1; }
