package cluster

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What cert-manager says of a Certificate is passed on until it is ready, and what it says of an
// earlier generation does not count as ready.
func TestIssued(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		conditions []any
		says       string
	}{
		"not looked at":     {nil, "has not looked at Certificate apps/demo-tls"},
		"ready":             {[]any{m{"type": "Ready", "status": "True", "observedGeneration": int64(2)}}, ""},
		"ready, no number":  {[]any{m{"type": "Ready", "status": "True"}}, ""},
		"ready before":      {[]any{m{"type": "Ready", "status": "True", "observedGeneration": int64(1)}}, "has not looked at"},
		"not ready":         {[]any{m{"type": "Ready", "status": "False", "message": "no such issuer"}}, "has not issued Certificate apps/demo-tls yet: no such issuer."},
		"failed":            {[]any{m{"type": "Ready", "status": "False", "message": "none yet"}, m{"type": "Issuing", "status": "False", "message": "refused."}}, "yet: refused."},
		"failed, other way": {[]any{m{"type": "Issuing", "status": "False", "message": "refused."}, m{"type": "Ready", "status": "False", "message": "none yet"}}, "yet: refused."},
		"nonsense":          {[]any{"x"}, "has not looked at"},
	} {
		certificate := &unstructured.Unstructured{Object: m{"status": m{"conditions": c.conditions}}}
		certificate.SetName("demo-tls")
		certificate.SetNamespace("apps")
		certificate.SetGeneration(2)
		state := issued(certificate)
		switch {
		case (state == nil) != (c.says == ""):
			t.Errorf("%s: %v", name, state)
		case state != nil && (!strings.Contains(state.Message, c.says) || state.Reason != ReasonCertificateNotIssued):
			t.Errorf("%s: %+v, want %q", name, state, c.says)
		}
	}
}
