# Targets of the operator: generated code and manifests, the chart, and its tests.
# Included by the top-level Makefile, which includes hack/tools/tools.mk as well.

ifndef CONTROLLER_GEN
include hack/tools/tools.mk
endif

CRD_DIR := config/crd
CHART_DIR := charts/wamp-operator

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generate deep copies and apply configurations from the api types
	$(CONTROLLER_GEN) object paths=./api/...
	$(CONTROLLER_GEN) applyconfiguration paths=./api/...
