package router

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// loginLines is how many log-ins that came to nothing are logged in one second; those
	// beyond are counted in the next line.
	loginLines = 10
	// loginName is how many bytes of a name that a client gives itself are logged.
	loginName = 128
	// otherLogin stands for what a client names and nobody knows, so that clients cannot make
	// metrics grow.
	otherLogin = "other"
)

// Results of a log-in.
const (
	loginOK     = "ok"
	loginDenied = "denied" // the credentials, the method or the realm are not accepted
	loginFailed = "failed" // the router could not decide, or the client went or took too long
)

// logins counts who logged in and who did not.
type logins struct {
	mu      sync.Mutex
	counts  map[login]uint64
	second  time.Time // when the lines began to be counted
	lines   int
	leftOut int
}

type login struct{ realm, method, result string }

// knownMethods are the methods that a metric names.
var knownMethods = map[string]bool{
	auth.Anonymous: true, auth.Ticket: true, auth.WampCRA: true, auth.SCRAM: true, auth.Cryptosign: true, auth.Certificate: true,
}

// loggedIn counts how the log-in of a client ended, and logs one that came to nothing. served tells
// that the realm is one of this router. Nothing is logged of what proves who the client is.
func (r *Router) loggedIn(s *session.Session, hello *session.Hello, served bool, method string, err error) {
	if method == "" {
		method = triedMethod(s, hello)
	}
	key := login{realm: hello.Realm, method: method, result: loginResult(err)}
	if !served {
		key.realm = otherLogin
	}
	if !knownMethods[method] {
		key.method = otherLogin
	}
	log, leftOut := r.logins.count(key, time.Now())
	if !log {
		return
	}
	attributes := []any{
		"realm", cut(hello.Realm), "authmethod", cut(method), "authid", cut(hello.AuthID),
		"peer", s.Transport()["peer"], "result", key.result, "reason", loginReason(err),
	}
	if leftOut > 0 {
		attributes = append(attributes, slog.Int("leftOut", leftOut))
	}
	r.log.Info("a client did not log in", attributes...)
}

// triedMethod is the method of the CHALLENGE, else the one that the client likes best.
func triedMethod(s *session.Session, hello *session.Hello) string {
	switch {
	case s.Asked() != "":
		return s.Asked()
	case len(hello.AuthMethods) > 0:
		return hello.AuthMethods[0]
	}
	return auth.Anonymous
}

func loginResult(err error) string {
	var refused *auth.Refusal
	var ended *session.Refusal
	switch {
	case err == nil:
		return loginOK
	case errors.As(err, &refused) && refused.URI != wamp.ErrAuthenticationFailed:
		return loginDenied
	case errors.As(err, &ended) && ended.URI == wamp.ErrNoSuchRealm:
		return loginDenied
	}
	return loginFailed
}

// loginReason is the URI of the ABORT; empty when the client went.
func loginReason(err error) string {
	var refused *auth.Refusal
	var ended *session.Refusal
	switch {
	case errors.As(err, &refused):
		return refused.URI
	case errors.As(err, &ended):
		return ended.URI
	}
	return wamp.ErrAuthenticationFailed
}

// count counts, and tells whether to log it, with how many there was no line for before.
func (l *logins) count(key login, now time.Time) (log bool, leftOut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[login]uint64{}
	}
	l.counts[key]++
	if key.result == loginOK {
		return false, 0
	}
	if now.Sub(l.second) >= time.Second {
		l.second, l.lines = now, 0
	}
	if l.lines >= loginLines {
		l.leftOut++
		return false, 0
	}
	l.lines++
	leftOut, l.leftOut = l.leftOut, 0
	return true, leftOut
}

// each gives the counts.
func (l *logins) each(f func(key login, n uint64)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, n := range l.counts {
		f(key, n)
	}
}

func cut(name string) string {
	if len(name) > loginName {
		name = name[:loginName] + "…"
	}
	return strings.ToValidUTF8(name, "?")
}
