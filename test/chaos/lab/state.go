package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const (
	// rewatchAfter is how long a watcher waits until it asks for the stream again.
	rewatchAfter = 25 * time.Millisecond
	// lookEvery is how often agreement is looked for.
	lookEvery = 2 * time.Millisecond
)

// watcher follows the state stream of a replica. A replica tells of a change 50 ms later, at most.
type watcher struct {
	url    string
	client http.Client
	stop   context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	known *v1alpha1.RouterReplicaState // nil while there is no stream
}

func newWatcher(l *Lab, address string) *watcher {
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{url: "http://" + address + "/v1/state?watch=true", stop: stop, ended: make(chan struct{})}
	w.client.Transport = &http.Transport{DialContext: l.Dial, DisableKeepAlives: true}
	go w.run(ctx)
	return w
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.ended)
	for ctx.Err() == nil {
		w.follow(ctx)
		w.set(nil)
		select {
		case <-ctx.Done():
		case <-time.After(rewatchAfter):
		}
	}
}

// follow reads the stream until it breaks.
func (w *watcher) follow(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url, nil)
	if err != nil {
		return
	}
	response, err := w.client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	lines := bufio.NewReaderSize(response.Body, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var state struct {
			Router *v1alpha1.RouterReplicaState `json:"router"`
		}
		if len(line) > 1 && json.Unmarshal(line, &state) == nil && state.Router != nil {
			w.set(state.Router)
		}
	}
}

func (w *watcher) set(s *v1alpha1.RouterReplicaState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = s
}

func (w *watcher) get() *v1alpha1.RouterReplicaState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known
}

func (w *watcher) close() {
	w.stop()
	<-w.ended
}

// State is what the replica told last of itself; nil when it does not answer.
func (r *Replica) State() *v1alpha1.RouterReplicaState { return r.watch.get() }

// AwaitAgreement returns when the replicas are ready, see one another and nobody else, and hold equal
// lists; the error says what is missing.
func (l *Lab) AwaitAgreement(ctx context.Context, among ...*Replica) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		missing := disagreement(among)
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the replicas do not agree: %s", missing)
		case <-look.C:
		}
	}
}

func disagreement(among []*Replica) string {
	var hash string
	for i, r := range among {
		s := r.State()
		switch {
		case s == nil:
			return r.Name + " does not answer"
		case !s.Ready:
			return r.Name + " is not ready"
		case !sees(s, among):
			return fmt.Sprintf("%s sees %s", r.Name, strings.Join(s.Members, " "))
		case i > 0 && s.ListHash != hash:
			return fmt.Sprintf("%s has the lists %s, %s has %s", among[0].Name, hash, r.Name, s.ListHash)
		}
		hash = s.ListHash
	}
	return ""
}

// sees tells whether a replica sees just these.
func sees(s *v1alpha1.RouterReplicaState, all []*Replica) bool {
	for _, r := range all {
		if !slices.Contains(s.Members, r.Name) {
			return false
		}
	}
	return len(s.Members) == len(all)
}
