# Targets of the operator: generated code and manifests, the chart, and its tests.
# The top-level Makefile includes this after hack/tools/tools.mk and hack/kube/kube.mk; by itself
# (make -f hack/operator.mk) it includes them.

OPERATOR_MK_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

ifndef CONTROLLER_GEN
include hack/tools/tools.mk
endif
ifndef KUBE_SRC
include hack/kube/kube.mk
endif

include $(OPERATOR_MK_DIR)/apidocs/apidocs.mk
include $(OPERATOR_MK_DIR)/release/release.mk

CRD_DIR := config/crd
CHART_DIR := charts/wamp-operator

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generate deep copies and apply configurations from the api types
	@$(CONTROLLER_GEN) object paths=./api/...
	@$(CONTROLLER_GEN) applyconfiguration paths=./api/...

.PHONY: manifests
manifests: $(CONTROLLER_GEN) ## Generate CRDs and roles, for kustomize and for the chart
	@$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=$(CRD_DIR)
	@$(CONTROLLER_GEN) rbac:roleName=wamp-operator paths=./controllers/... output:rbac:dir=config/rbac
	@mkdir -p $(CHART_DIR)/files/crds
	@rm -f $(CHART_DIR)/files/crds/*.yaml
	@cp $(CRD_DIR)/wamp-operator.io_*.yaml $(CHART_DIR)/files/crds/
	@sed -n '/^rules:/,$$p' config/rbac/role.yaml | tail -n +2 > $(CHART_DIR)/files/rules.yaml
	@{ printf 'apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: wamp-operator\nspec:\n'; \
		sed -n '/^groups:/,$$p' $(CHART_DIR)/files/alerts.yaml | sed 's/^\(.\)/  \1/'; } > config/prometheus/prometheusrule.yaml
	@cp $(CHART_DIR)/files/dashboard.json config/grafana/wamp-operator.json
	@go run ./hack/valuesdoc $(CHART_DIR)/values.yaml > $(CHART_DIR)/README.md.tmp && mv $(CHART_DIR)/README.md.tmp $(CHART_DIR)/README.md

GENERATED := api $(CRD_DIR) config/rbac config/prometheus config/grafana $(CHART_DIR)/files $(CHART_DIR)/README.md docs/api.md

.PHONY: check-generated
check-generated: ## Fail when generated files are not what the sources give
	@before=$$(find $(GENERATED) -type f | sort | xargs sha256sum); \
	$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) generate manifests api-reference || exit 1; \
	after=$$(find $(GENERATED) -type f | sort | xargs sha256sum); \
	if [ "$$before" != "$$after" ]; then \
		echo "generated files were out of date; they are right now: commit them"; exit 1; \
	fi

.PHONY: chart-lint
chart-lint: kube-tool ## Lint the chart, test what it renders, and install it on an API server (envtest)
	@helm="$$($(KUBE) binaries helm)/helm"; \
	"$$helm" lint --strict --quiet $(CHART_DIR) && \
	HELM="$$helm" KUBEBUILDER_ASSETS="$$($(KUBE) envtest-assets)" WAMP_REQUIRE_HELM=1 go test ./charts/... ./hack/valuesdoc/...

.PHONY: test-oldest
test-oldest: kube-tool ## Check with the code of Kubernetes 1.31 that it knows all that is installed
	@cd hack/oldest && HELM="$$($(KUBE) binaries helm)/helm" WAMP_REQUIRE_HELM=1 go test ./...

.PHONY: test-monitoring
test-monitoring: ## Check that alerts and dashboard ask for metrics that there are
	@cd hack/monitoring && go vet ./... && go test ./...

.PHONY: test-operator
test-operator: kube-tool ## Test the operator against a real API server (envtest)
	@KUBEBUILDER_ASSETS="$$($(KUBE) envtest-assets)" WAMP_REQUIRE_ENVTEST=1 \
		go test -race -timeout 15m ./api/... ./controllers/... ./cmd/wamp-operator/...
