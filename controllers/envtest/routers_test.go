package envtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// routers is one HTTP server that plays all routers of a test: /NAME/v1/state is the state of the
// router NAME.
type routers struct {
	server *httptest.Server

	mu     sync.Mutex
	byName map[string]*fakeRouter
}

// fakeRouter is one router: what it would report, and those who listen to it.
type fakeRouter struct {
	mu         sync.Mutex
	token      string
	silent     bool
	state      v1alpha1.RouterReplicaState
	procedures map[string]v1alpha1.RouterProcedureState
	listeners  map[chan v1alpha1.RouterState]struct{}
	connects   int
}

func newRouters(t *testing.T) *routers {
	r := &routers{byName: map[string]*fakeRouter{}}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		r.mu.Lock()
		for _, f := range r.byName {
			f.hangUp()
		}
		r.mu.Unlock()
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

func (r *routers) url(t routerstate.Target) string {
	return r.server.URL + "/" + t.Replica + "/v1/state?watch=true"
}

// of gives the router of that name.
func (r *routers) of(name string) *fakeRouter {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.byName[name]
	if f == nil {
		f = &fakeRouter{
			state:      v1alpha1.RouterReplicaState{Replica: name, Member: name + "-boot", Version: "test", Ready: true},
			procedures: map[string]v1alpha1.RouterProcedureState{},
			listeners:  map[chan v1alpha1.RouterState]struct{}{},
		}
		r.byName[name] = f
	}
	return f
}

func (r *routers) serve(w http.ResponseWriter, request *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	if path != "v1/state" || request.URL.Query().Get("watch") != "true" {
		http.NotFound(w, request)
		return
	}
	f := r.of(name)
	lines, first, refused := f.listen(strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "))
	if refused != 0 {
		w.WriteHeader(refused)
		return
	}
	defer f.leave(lines)
	encoder := json.NewEncoder(w)
	send := func(line v1alpha1.RouterState) bool {
		if encoder.Encode(line) != nil {
			return false
		}
		return http.NewResponseController(w).Flush() == nil
	}
	if !send(first) {
		return
	}
	heartbeat := time.NewTicker(time.Second) // as routers do: one that says nothing for long counts as silent
	defer heartbeat.Stop()
	for {
		select {
		case <-request.Context().Done():
			return
		case <-heartbeat.C:
			if _, err := w.Write([]byte{'\n'}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		case line, open := <-lines:
			if !open || !send(line) {
				return
			}
		}
	}
}

func (f *fakeRouter) listen(token string) (chan v1alpha1.RouterState, v1alpha1.RouterState, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent {
		return nil, v1alpha1.RouterState{}, http.StatusServiceUnavailable
	}
	if f.token != "" && token != f.token {
		return nil, v1alpha1.RouterState{}, http.StatusUnauthorized
	}
	f.connects++
	lines := make(chan v1alpha1.RouterState, 1000)
	f.listeners[lines] = struct{}{}
	state := f.state
	first := v1alpha1.RouterState{Complete: true, Router: &state}
	for _, p := range f.procedures {
		first.Procedures = append(first.Procedures, p)
	}
	return lines, first, 0
}

func (f *fakeRouter) leave(lines chan v1alpha1.RouterState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listeners, lines)
}

// report changes what the router says of itself.
func (f *fakeRouter) report(change func(*v1alpha1.RouterReplicaState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
	state := f.state
	f.send(v1alpha1.RouterState{Router: &state})
}

// register changes what the router says of a procedure.
func (f *fakeRouter) register(p v1alpha1.RouterProcedureState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p.Callees) == 0 {
		delete(f.procedures, p.Realm+" "+p.URI+" "+string(p.Match))
	} else {
		f.procedures[p.Realm+" "+p.URI+" "+string(p.Match)] = p
	}
	f.send(v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{p}})
}

// setSilent ends all streams and accepts no more, until it is called with false.
func (f *fakeRouter) setSilent(silent bool) {
	f.mu.Lock()
	f.silent = silent
	f.mu.Unlock()
	if silent {
		f.hangUp()
	}
}

func (f *fakeRouter) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for lines := range f.listeners {
		close(lines)
		delete(f.listeners, lines)
	}
}

func (f *fakeRouter) send(line v1alpha1.RouterState) {
	for lines := range f.listeners {
		lines <- line
	}
}
