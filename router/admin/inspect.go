package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// guarded lets those in who have the token.
func (s *Server) guarded(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.authorized(r); err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		serve(w, r)
	}
}

// links serves GET /v1/links (see v1alpha1.RouterLinks).
func (s *Server) links(w http.ResponseWriter, _ *http.Request) { answer(w, s.cfg.Source.Links()) }

// callees serves GET /v1/callees (see v1alpha1.RouterCallees).
func (s *Server) callees(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	key := ProcedureKey{Realm: query.Get("realm"), URI: query.Get("uri"), Match: v1alpha1.MatchPolicy(query.Get("match"))}
	switch key.Match {
	case "":
		key.Match = v1alpha1.MatchExact
	case v1alpha1.MatchExact, v1alpha1.MatchPrefix, v1alpha1.MatchWildcard:
	default:
		http.Error(w, "match is none of exact, prefix, wildcard", http.StatusBadRequest)
		return
	}
	if key.Realm == "" || key.URI == "" {
		http.Error(w, "name the procedure: /v1/callees?realm=REALM&uri=URI&match=exact", http.StatusBadRequest)
		return
	}
	answer(w, s.cfg.Source.Callees(key))
}

func answer(w http.ResponseWriter, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// The reader of the answer may be slow, and must not hold the connection for ever.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}
