package admin

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

type source struct{ missing []string }

func (s source) State() v1alpha1.RouterReplicaState {
	return v1alpha1.RouterReplicaState{Replica: "wamp-0"}
}
func (s source) Missing() []string                                   { return s.missing }
func (s source) Procedures(func(v1alpha1.RouterProcedureState) bool) {}
func (s source) Procedure(key ProcedureKey) v1alpha1.RouterProcedureState {
	return v1alpha1.RouterProcedureState{Realm: key.Realm, Match: key.Match, URI: key.URI}
}

func (s source) Links() v1alpha1.RouterLinks { return v1alpha1.RouterLinks{Replica: "wamp-0"} }
func (s source) Callees(key ProcedureKey) v1alpha1.RouterCallees {
	return v1alpha1.RouterCallees{RouterProcedureState: s.Procedure(key)}
}

func server(s source, token func() (string, error)) *Server {
	return New(Config{Source: s, Gatherer: prometheus.NewRegistry(), Token: token, Logger: slog.New(slog.DiscardHandler)})
}

func request(t *testing.T, s *Server, path, authorization string) (code int, body string) {
	t.Helper()
	web := httptest.NewServer(s.http.Handler)
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	code, body := request(t, server(source{missing: []string{"this", "that"}}, nil), "/readyz", "")
	if code != http.StatusServiceUnavailable || body != "not ready:\n- this\n- that\n" {
		t.Errorf("%d %q", code, body)
	}
}

func TestStateAsksForTheToken(t *testing.T) {
	token := func() (string, error) { return "secret", nil }
	for authorization, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer wrong": 401, "secret": 401, "Basic secret": 401, "Bearer secret": 200,
	} {
		for _, path := range []string{"/v1/state", "/v1/links", "/v1/callees?realm=realm1&uri=com.example.a"} {
			if code, _ := request(t, server(source{}, token), path, authorization); code != want {
				t.Errorf("%s with %q: %d, want %d", path, authorization, code, want)
			}
		}
	}
	broken := server(source{}, func() (string, error) { return "", errors.New("no such file") })
	if code, _ := request(t, broken, "/v1/state", "Bearer "); code != 401 {
		t.Errorf("without a readable token: %d", code)
	}
	if code, body := request(t, server(source{}, nil), "/v1/state", ""); code != 200 || !strings.Contains(body, `"replica":"wamp-0"`) {
		t.Errorf("open: %d %q", code, body)
	}
}

// A procedure has to be named in full, and is exact unless something else is asked for.
func TestCalleesAskForAProcedure(t *testing.T) {
	for query, want := range map[string]int{
		"": 400, "?realm=realm1": 400, "?uri=com.example.a": 400, "?realm=realm1&uri=com.example.a&match=regex": 400,
		"?realm=realm1&uri=com.example.a": 200, "?realm=realm1&uri=com.example.&match=prefix": 200,
	} {
		code, body := request(t, server(source{}, nil), "/v1/callees"+query, "")
		if code != want || code == 200 && !strings.Contains(query, "match") && !strings.Contains(body, `"match":"exact"`) {
			t.Errorf("%s: %d %q, want %d", query, code, body, want)
		}
	}
}

func TestProfilesAreOffUnlessAskedFor(t *testing.T) {
	if code, _ := request(t, server(source{}, nil), "/debug/pprof/", ""); code != http.StatusNotFound {
		t.Errorf("/debug/pprof/: %d", code)
	}
}

// However often something changes, a stream that is not read has one note of it.
func TestChangesCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watchers
		w.changed(ProcedureKey{Realm: "realm1", URI: "com.example.before"})
		one := w.add()
		defer w.remove(one)
		for range 1000 {
			w.changed(ProcedureKey{Realm: "realm1", URI: "com.example.a"})
			w.changed(ProcedureKey{})
		}
		<-one.wake
		replica, procedures := one.take()
		if !replica || len(procedures) != 1 || procedures[0] != (ProcedureKey{Realm: "realm1", URI: "com.example.a"}) {
			t.Errorf("%v %v", replica, procedures)
		}
		select {
		case <-one.wake:
			t.Error("woken twice for one line")
		default:
		}
		if replica, procedures := one.take(); replica || len(procedures) > 0 {
			t.Error("what was taken is there again")
		}
	})
}
