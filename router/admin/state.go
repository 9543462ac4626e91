package admin

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const (
	// coalesce is the shortest time between two lines of a stream.
	coalesce = 50 * time.Millisecond
	// heartbeat is how often a stream on which nothing happens gets an empty line.
	heartbeat = 5 * time.Second
	// writeTimeout is how long a reader may take nothing before its stream is dropped.
	writeTimeout = 10 * time.Second
)

// state serves GET /v1/state (see v1alpha1.RouterState).
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := &lines{w: w, control: http.NewResponseController(w)}
	if r.URL.Query().Get("watch") != "true" {
		_ = out.write(s.everything())
		return
	}
	changes := s.watch.add() // before the first line is put together: nothing falls between
	defer s.watch.remove(changes)
	first := s.everything()
	if out.write(first) != nil {
		return
	}
	s.follow(r, out, changes, first.Router)
}

// follow writes a line each time something changed, until the reader is gone or stuck.
func (s *Server) follow(r *http.Request, out *lines, changes *watcher, last *v1alpha1.RouterReplicaState) {
	idle := time.NewTicker(heartbeat)
	defer idle.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-idle.C:
			if out.empty() != nil {
				return
			}
			continue
		case <-changes.wake:
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(coalesce):
		}
		line := s.difference(changes, last)
		if line == nil {
			continue
		}
		if line.Router != nil {
			last = line.Router
		}
		if out.write(line) != nil {
			return
		}
		idle.Reset(heartbeat)
	}
}

func (s *Server) everything() *v1alpha1.RouterState {
	replica := s.cfg.Source.State()
	state := &v1alpha1.RouterState{Complete: true, Router: &replica}
	for procedure := range s.cfg.Source.Procedures {
		state.Procedures = append(state.Procedures, procedure)
	}
	return state
}

// difference puts together what changed; nil when it changed back.
func (s *Server) difference(changes *watcher, last *v1alpha1.RouterReplicaState) *v1alpha1.RouterState {
	replica, procedures := changes.take()
	state := &v1alpha1.RouterState{}
	for _, key := range procedures {
		state.Procedures = append(state.Procedures, s.cfg.Source.Procedure(key))
	}
	if replica {
		if now := s.cfg.Source.State(); !reflect.DeepEqual(&now, last) {
			state.Router = &now
		}
	}
	if state.Router == nil && len(state.Procedures) == 0 {
		return nil
	}
	return state
}

// lines writes lines of JSON with a deadline each.
type lines struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (l *lines) write(state *v1alpha1.RouterState) error {
	line, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return l.raw(append(line, '\n'))
}

func (l *lines) empty() error { return l.raw([]byte{'\n'}) }

func (l *lines) raw(line []byte) error {
	if err := l.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := l.w.Write(line); err != nil {
		return err
	}
	return l.control.Flush()
}
