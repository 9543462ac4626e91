package routerstate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

var demo = types.NamespacedName{Namespace: "apps", Name: "demo"}

// network plays the routers by the IP address of their pods, without a socket, so that a test runs
// on the clock of its bubble.
type network struct {
	mu    sync.Mutex
	pipes map[string]*io.PipeWriter
	// refuse lists the addresses that do not answer; dials counts attempts.
	refuse map[string]bool
	dials  map[string]int
	token  string
}

func newNetwork() *network {
	return &network{pipes: map[string]*io.PipeWriter{}, refuse: map[string]bool{}, dials: map[string]int{}, token: "secret"}
}

func (n *network) RoundTrip(request *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host := request.URL.Hostname()
	n.dials[host]++
	if n.refuse[host] {
		return nil, errors.New("connection refused")
	}
	if request.URL.Port() != "9090" || request.URL.Path != "/v1/state" || request.URL.RawQuery != "watch=true" {
		return &http.Response{StatusCode: http.StatusNotFound, Status: "404 Not Found", Body: http.NoBody, Request: request}, nil
	}
	if request.Header.Get("Authorization") != "Bearer "+n.token {
		return &http.Response{StatusCode: http.StatusUnauthorized, Status: "401 Unauthorized", Body: http.NoBody, Request: request}, nil
	}
	reader, writer := io.Pipe()
	n.pipes[host] = writer
	context.AfterFunc(request.Context(), func() { reader.CloseWithError(request.Context().Err()) })
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: reader, Request: request}, nil
}

func (n *network) dialed(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[host]
}

func (n *network) away(host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse[host] = true
}

func (n *network) pipe(host string) *io.PipeWriter {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pipes[host]
}

func (n *network) say(t *testing.T, host string, line v1alpha1.RouterState) {
	t.Helper()
	data, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.pipe(host).Write(append(data, '\n')); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// harness is a watcher with its routers and what it told.
type harness struct {
	*network
	*Watcher
	mu      sync.Mutex
	changes []Change
}

func run(t *testing.T, test func(t *testing.T, h *harness)) {
	synctest.Test(t, func(t *testing.T) {
		h := &harness{network: newNetwork()}
		h.Watcher = New(Options{Client: &http.Client{Transport: h.network}, Log: logr.Discard()})
		h.Subscribe(func(c Change) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changes = append(h.changes, c)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Start(ctx) }()
		test(t, h)
		// A bubble ends only when every goroutine in it has: a stream left behind fails the test.
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// told gives what was told since the last time, as one change.
func (h *harness) told() (all Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.changes {
		all.Replicas = all.Replicas || c.Replicas
		all.All = all.All || c.All
		all.Hashes = append(all.Hashes, c.Hashes...)
		all.Procedures = append(all.Procedures, c.Procedures...)
	}
	h.changes = nil
	return all
}

func target(i string) Target {
	return Target{Replica: "demo-" + i, UID: types.UID(i), IP: "10.0.0." + i}
}

func complete(replica, hash string, procedures ...v1alpha1.RouterProcedureState) v1alpha1.RouterState {
	return v1alpha1.RouterState{Complete: true, Procedures: procedures, Router: &v1alpha1.RouterReplicaState{
		Replica: replica, Ready: true, Documents: v1alpha1.RouterDocumentsState{Hash: hash},
	}}
}

func (h *harness) expectHearing(t *testing.T, want Hearing) {
	t.Helper()
	if got := h.View(demo).Hearing; got != want {
		t.Errorf("hearing %d, want %d", got, want)
	}
}

// The way of a cluster from unheard to heard, and of a router's stream that breaks and comes back.
func TestWatch(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.expectHearing(t, Unheard)
		h.Watch(demo, []Target{target("0"), target("1")}, "secret")
		synctest.Wait()
		h.expectHearing(t, Unheard)

		h.say(t, "10.0.0.0", complete("demo-0", "h1", procedure("x", callee("demo-0", 1, 10), callee("demo-1", 2, 20))))
		h.expectHearing(t, Heard)
		if c := h.told(); !c.All || !slices.Contains(names(c.Procedures), "x") || !slices.Equal(c.Hashes, []string{"h1"}) {
			t.Errorf("told %+v", c)
		}
		if p, _ := h.Procedure(demo, keyNamed("x")); len(p.Callees) != 2 {
			t.Errorf("callees %v: the other router is not heard yet and others speak for it", p.Callees)
		}
		h.say(t, "10.0.0.1", complete("demo-1", "h1"))
		if p, _ := h.Procedure(demo, keyNamed("x")); len(p.Callees) != 1 {
			t.Errorf("callees %v: the router of the second one says that it is gone", p.Callees)
		}
		h.told()

		// Sessions that come and go are nobody's business.
		busy := complete("demo-0", "h1")
		busy.Router.Sessions = 17
		h.say(t, "10.0.0.0", v1alpha1.RouterState{Router: busy.Router})
		if c := h.told(); c.Replicas || c.All || len(c.Hashes)+len(c.Procedures) > 0 {
			t.Errorf("told %+v of a session", c)
		}
		h.say(t, "10.0.0.0", v1alpha1.RouterState{Router: complete("demo-0", "h2").Router})
		if c := h.told(); !c.Replicas || c.All || len(c.Hashes) != 2 {
			t.Errorf("told %+v of a new snapshot, want both hashes", c)
		}

		// A broken stream is opened again, and its procedures are looked at anew.
		if err := h.pipe("10.0.0.0").Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r := h.View(demo).Replicas["demo-0"]; r.Connected || r.Serving() || r.Trouble != "the router ended the stream" {
			t.Errorf("replica %+v", r)
		}
		if c := h.told(); !slices.Contains(names(c.Procedures), "x") || c.All {
			t.Errorf("told %+v", c)
		}
		time.Sleep(time.Second)
		h.say(t, "10.0.0.0", complete("demo-0", "h2"))
		if r := h.View(demo).Replicas["demo-0"]; !r.Serving() || r.Trouble != "" {
			t.Errorf("replica %+v", r)
		}
		if c := h.told(); !slices.Contains(names(c.Procedures), "x") {
			t.Errorf("told %+v: x went while the stream was broken", c)
		}

		// A pod that is gone is not listened to; without any the cluster is empty.
		h.Watch(demo, []Target{target("1")}, "secret")
		if _, still := h.View(demo).Replicas["demo-0"]; still {
			t.Error("a pod that is gone is listened to")
		}
		h.Watch(demo, nil, "secret")
		h.expectHearing(t, Empty)
		h.Watch(demo, []Target{target("1")}, "secret")
		h.expectHearing(t, Unheard)
		h.Forget(demo)
		h.expectHearing(t, Unheard)
	})
}

// When nobody is heard any more the last word counts for the time of grace and no longer.
func TestGrace(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.Watch(demo, []Target{target("0")}, "secret")
		synctest.Wait()
		h.say(t, "10.0.0.0", complete("demo-0", "h1", procedure("x", callee("demo-0", 1, 10))))
		h.away("10.0.0.0")
		h.told()
		if err := h.pipe("10.0.0.0").Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		h.expectHearing(t, Heard)
		if c := h.told(); c.All || len(c.Hashes) > 0 {
			t.Errorf("told %+v within the time of grace", c)
		}
		if v := h.View(demo); v.ServingHashes()["demo-0"] != "h1" {
			t.Errorf("view %+v", v)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.expectHearing(t, Silent)
		if c := h.told(); !c.All {
			t.Errorf("told %+v when the time of grace was over", c)
		}
		if v := h.View(demo); len(v.ServingHashes()) != 0 || !strings.Contains(v.Replicas["demo-0"].Trouble, "connection refused") {
			t.Errorf("view %+v", v)
		}
	})
}

// A cluster that never answers is silent after the time of grace, not unheard for ever.
func TestNeverHeard(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.Watch(demo, []Target{target("0")}, "wrong")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		h.expectHearing(t, Silent)
		if trouble := h.View(demo).Replicas["demo-0"].Trouble; !strings.Contains(trouble, "401") {
			t.Errorf("trouble %q", trouble)
		}
		// Retries slow down: a hundred routers that are away must not be hammered.
		time.Sleep(time.Minute)
		if n := h.dialed("10.0.0.0"); n < 20 || n > 90 {
			t.Errorf("%d attempts in 66 s", n)
		}
		// With the right token it is heard.
		h.Watch(demo, []Target{target("0")}, "secret")
		synctest.Wait()
		h.say(t, "10.0.0.0", complete("demo-0", "h1"))
		h.expectHearing(t, Heard)
	})
}

// A router that says nothing, not even an empty line, is not heard any more; one that sends empty
// lines is.
func TestSilence(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.Watch(demo, []Target{target("0")}, "secret")
		synctest.Wait()
		h.say(t, "10.0.0.0", complete("demo-0", "h1"))
		for range 10 {
			time.Sleep(5 * time.Second)
			if _, err := h.pipe("10.0.0.0").Write([]byte("\n")); err != nil {
				t.Fatal(err)
			}
		}
		if h.dialed("10.0.0.0") != 1 || !h.View(demo).Replicas["demo-0"].Connected {
			t.Error("empty lines do not keep the stream")
		}
		time.Sleep(silence + time.Second)
		synctest.Wait()
		if n := h.dialed("10.0.0.0"); n < 2 {
			t.Error("a silent stream is not opened again")
		}
	})
}

// Garbage ends the stream and nothing else.
func TestGarbage(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.Watch(demo, []Target{target("0")}, "secret")
		synctest.Wait()
		if _, err := h.pipe("10.0.0.0").Write([]byte("<html>no</html>\n")); err != nil {
			t.Log(err) // the reader may have closed it in the middle
		}
		synctest.Wait()
		if trouble := h.View(demo).Replicas["demo-0"].Trouble; !strings.Contains(trouble, "invalid character") {
			t.Errorf("trouble %q", trouble)
		}
		time.Sleep(time.Second)
		h.say(t, "10.0.0.0", complete("demo-0", "h1"))
		h.expectHearing(t, Heard)
	})
}

// A new pod of the same name is another router: what the old one said counts no more.
func TestNewPodOfTheSameName(t *testing.T) {
	run(t, func(t *testing.T, h *harness) {
		h.Watch(demo, []Target{target("0")}, "secret")
		synctest.Wait()
		h.say(t, "10.0.0.0", complete("demo-0", "h1", procedure("x", callee("demo-0", 1, 10))))
		h.told()
		again := target("0")
		again.UID, again.IP = "new", "10.0.0.9"
		h.Watch(demo, []Target{again}, "secret")
		synctest.Wait()
		if _, found := h.Procedure(demo, keyNamed("x")); found {
			t.Error("the callees of the old pod are still there")
		}
		if c := h.told(); !slices.Contains(names(c.Procedures), "x") || !c.All {
			t.Errorf("told %+v", c)
		}
		h.say(t, "10.0.0.9", complete("demo-0", "h1"))
		h.expectHearing(t, Heard)
	})
}
