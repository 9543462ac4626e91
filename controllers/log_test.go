package controllers

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

// An operator that starts does not tell people what it watches, and each line about an object names it.
func TestLogOf(t *testing.T) {
	var out bytes.Buffer
	of := logOf(logr.FromSlogHandler(slog.NewTextHandler(&out, nil)), "WampCluster")
	of(nil).Info("Starting EventSource")
	if out.Len() > 0 {
		t.Errorf("said at the start: %s", &out)
	}
	of(&ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "apps", Name: "demo"}}).Info("pod is replaced")
	if !strings.Contains(out.String(), "controller=wampcluster WampCluster.name=demo WampCluster.namespace=apps") {
		t.Errorf("a line about a cluster: %s", &out)
	}
}
