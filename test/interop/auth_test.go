package interop

import (
	"strings"
	"sync"
	"testing"
)

var authenticating sync.Mutex

// login is an attempt to join com.myapp.users.
type login struct {
	name           string
	method, authid string
	secret         string
	role           string // that it gets; with refused empty
	refused        string
}

const (
	wrong  = "wamp.error.authentication_denied"
	nobody = "wamp.error.authentication_required"
)

var logins = []login{
	{name: "ticket", method: "ticket", authid: "alice", secret: "ticket of alice", role: "staff"},
	{name: "ticket of another role", method: "ticket", authid: "bob", secret: "ticket of bob", role: "guest"},
	{name: "wrong ticket", method: "ticket", authid: "alice", secret: "ticket of bob", refused: wrong},
	{name: "wampcra", method: "wampcra", authid: "alice", secret: "password of alice", role: "staff"},
	{name: "salted wampcra", method: "wampcra", authid: "bob", secret: "password of bob", role: "guest"},
	{name: "wampcra with a wrong secret", method: "wampcra", authid: "alice", secret: "guessed", refused: wrong},
	{name: "salted wampcra with a wrong secret", method: "wampcra", authid: "bob", secret: "guessed", refused: wrong},
	{name: "wampcra of somebody unknown", method: "wampcra", authid: "mallory", secret: "guessed", refused: wrong},
	{name: "scram", method: "scram", authid: "alice", secret: "password of alice", role: "staff"},
	{name: "scram with a wrong password", method: "scram", authid: "alice", secret: "guessed", refused: wrong},
	{name: "cryptosign", method: "cryptosign", authid: "alice", secret: alicesKey, role: "staff"},
	{name: "cryptosign with a wrong key", method: "cryptosign", authid: "alice", secret: strings.Repeat("00", 32), refused: wrong},
	{name: "anonymous where it is not declared", refused: nobody},
}

// user opens a session of com.myapp.users.
func (r *run) user(authid string, replica int) *session {
	r.Helper()
	how := r.how(replica)
	how.Realm, how.Method, how.AuthID, how.Secret = "com.myapp.users", "ticket", authid, "ticket of "+authid
	return r.join(how)
}

func authScenarios() []scenario {
	all := []scenario{
		{"anonymous", func(r *run) { same(r.T, "authrole", r.near().details["authrole"], "anonymous") }},
		{"an authenticator decides", authenticator},
		{"a role may do what it is allowed", func(r *run) {
			guest, staff := r.user("bob", r.at.far), r.user("alice", r.at.near)
			if _, refusal := guest.tryRegister(r.uri("proc"), nil, echoes); refusal == nil || refusal.URI != "wamp.error.not_authorized" {
				r.Errorf("REGISTER of a guest was answered with %+v", refusal)
			}
			staff.register(r.uri("proc"), nil, echoes)
			same(r.T, "the answer", guest.ask(r.uri("proc"), "hello"), "hello")
			guest.refused("wamp.error.not_authorized", "org.example.proc")
		}},
	}
	for _, l := range logins {
		all = append(all, scenario{l.name, func(r *run) {
			how := r.how(r.at.near)
			how.Realm, how.Method, how.AuthID, how.Secret = "com.myapp.users", l.method, l.authid, l.secret
			s, refusal := tryJoin(r.T, r.d, how)
			if l.refused != "" {
				r.refuses(refusal, l.refused)
				return
			}
			if refusal != nil {
				r.Fatalf("joining was answered with ABORT %s %s", refusal.URI, refusal.Message)
			}
			for key, want := range (dict{"authid": l.authid, "authrole": l.role, "authmethod": l.method}) {
				same(r.T, key, s.details[key], want)
			}
		}})
	}
	return all
}

// authenticator registers the procedure that is asked about users whom the realm does not name.
func authenticator(r *run) {
	authenticating.Lock() // there is one such procedure, and every run wants its own
	defer authenticating.Unlock()
	asked := make(chan *invocation, 1)
	registration := r.far().register("com.myapp.authenticate", nil, func(i *invocation) {
		asked <- i
		details, _ := i.Args[2].(map[string]any)
		if i.Args[1] == "dave" && details["ticket"] == "ticket of dave" {
			i.answer(list{dict{"role": "guest", "extra": dict{"colour": "green"}}}, nil)
			return
		}
		i.fail("com.myapp.error.unknown", nil, nil)
	})
	defer registration.unregister()
	how := r.how(r.at.near)
	how.Realm, how.Method, how.AuthID, how.Secret = "com.myapp.users", "ticket", "dave", "ticket of dave"
	same(r.T, "authrole", r.join(how).details["authrole"], "guest")
	same(r.T, "the realm in question", next(r, "the question", asked).Args[0], "com.myapp.users")
	how.Secret = "guessed"
	_, refusal := tryJoin(r.T, r.d, how)
	r.refuses(refusal, wrong)
}

// refuses fails the test unless joining was answered with ABORT and the URI.
func (r *run) refuses(refusal *report, uri string) {
	r.Helper()
	if refusal == nil || refusal.URI != uri && (refusal.URI != "" || !r.library.hidesAbort) {
		r.Errorf("joining was answered with %+v, want ABORT %s", refusal, uri)
	}
}

// Every library logs in with every method it knows, with every transport and serialization.
func TestClientsLogIn(t *testing.T) {
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			d := l.use(t)
			t.Parallel()
			for _, at := range layouts {
				for _, speech := range l.speaks {
					t.Run(at.name+"/"+strings.ReplaceAll(speech, "/", " "), func(t *testing.T) {
						runAll(t, l, d, at, speech, authScenarios())
					})
				}
			}
		})
	}
}
