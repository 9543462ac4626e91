package router_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
)

func get(t *testing.T, r *router.Router, path string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + r.AdminAddress() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// readyWith tells whether a replica that is another process is ready with n members.
func readyWith(metrics string, n int) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(metrics)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return err == nil && strings.Contains(string(body), "wamp_router_ready 1\n") &&
		strings.Contains(string(body), fmt.Sprintf("wamp_router_cluster_members %d\n", n))
}

func TestProbes(t *testing.T) {
	dev := start(t, 1)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n"} {
		if code, body := get(t, dev.Routers[0], path); code != 200 || body != want {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
}

func TestMetrics(t *testing.T) {
	dev := start(t, 1)
	caller, _ := callee(t, dev, 0, "first")
	who(t, caller)
	_, _ = caller.Call("com.example.nobody")
	_, body := get(t, dev.Routers[0], "/metrics")
	for _, want := range []string{
		`wamp_router_sessions{realm="realm1"} 1`,
		`wamp_router_calls_total{result="ok"} 1`,
		`wamp_router_calls_total{result="error"} 1`,
		`wamp_router_procedures{realm="realm1"} 1`,
		`wamp_router_callees{realm="realm1"} 1`,
		`wamp_router_cluster_members 1`,
		`wamp_router_documents_last_reload_ok 1`,
		`wamp_router_build_info{goversion="` + runtime.Version() + `",version="test"} 1`,
		`wamp_router_ready 1`,
		`wamp_router_messages_total{direction="in"}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	caller.Kill()
	eventually(t, "the session gone", func() bool { return dev.Routers[0].State().Sessions == 0 })
	if _, body := get(t, dev.Routers[0], "/metrics"); !strings.Contains(body, `wamp_router_calls_total{result="ok"} 1`) {
		t.Error("the count of calls went back when the session ended")
	}
}

// stream reads /v1/state?watch=true.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func watch(t *testing.T, r *router.Router) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.AdminAddress()+"/v1/state?watch=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		response.Body.Close()
	})
	return &stream{t: t, lines: bufio.NewScanner(response.Body)}
}

func (s *stream) next() v1alpha1.RouterState {
	s.t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			continue
		}
		var state v1alpha1.RouterState
		if err := json.Unmarshal(s.lines.Bytes(), &state); err != nil {
			s.t.Fatal(err)
		}
		return state
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return v1alpha1.RouterState{}
}

// until reads lines until one says what is waited for.
func (s *stream) until(wanted func(v1alpha1.RouterState) bool) v1alpha1.RouterState {
	s.t.Helper()
	for {
		if state := s.next(); wanted(state) {
			return state
		}
	}
}

// Every replica streams the whole cluster's procedures.
func TestStateStream(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		s := watch(t, dev.Routers[len(dev.Routers)-1])
		first := s.next()
		if !first.Complete || first.Router == nil || !first.Router.Ready || len(first.Router.Members) != len(dev.Routers) || len(first.Procedures) != 0 {
			t.Fatalf("first line: %+v", first)
		}
		var callees []*wamptest.Client
		for i := range 2 {
			c, _ := callee(t, dev, i, "first")
			callees = append(callees, c)
		}
		with := func(n int) func(v1alpha1.RouterState) bool {
			return func(state v1alpha1.RouterState) bool {
				return !state.Complete && len(state.Procedures) == 1 && len(state.Procedures[0].Callees) == n
			}
		}
		p := s.until(with(2)).Procedures[0]
		if p.Realm != "realm1" || p.URI != uri || p.Invoke != "first" || p.Match != "exact" || p.Callees[0].Session != uint64(callees[0].ID) || p.Callees[0].Replica != "dev-0" {
			t.Errorf("two callees: %+v", p)
		}
		callees[0].Kill()
		p = s.until(with(1)).Procedures[0]
		if p.Callees[0].Session != uint64(callees[1].ID) {
			t.Errorf("one callee: %+v", p)
		}
		callees[1].Kill()
		if gone := s.until(with(0)).Procedures[0]; gone.URI != uri || gone.Match != "exact" {
			t.Errorf("gone: %+v", gone)
		}
		again := watch(t, dev.Routers[0]).next()
		if len(again.Procedures) != 0 {
			t.Errorf("a new stream begins with %+v", again.Procedures)
		}
	})
}
