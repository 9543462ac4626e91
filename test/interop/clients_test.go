package interop

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// library is somebody else's WAMP client, with what it can.
type library struct {
	name   string
	start  func() (*driver, error)
	speaks []string // transport/serializer
	// cannot gives the scenarios that the library cannot do, each with the reason; "… with json"
	// when it can with another serialization. A test fails when a scenario is named that there
	// is none of.
	cannot map[string]string
	// noStreams: its callees do not announce progressive_call_results, so they are not asked for any.
	noStreams bool
	// tellsReason: it tells why the router closed a session; tellsRevocation: it tells that a
	// registration was taken away.
	tellsReason, tellsRevocation bool
	// hidesAbort: it tells the message of an ABORT after CHALLENGE, and not its URI.
	hidesAbort bool
	// clearRawSocket: its RawSocket knows no TLS.
	clearRawSocket bool

	once   sync.Once
	driver *driver
	err    error
}

func nodeDriver(name, dir string) func() (*driver, error) {
	return func() (*driver, error) {
		program, err := exec.LookPath("node")
		if err != nil {
			return nil, fmt.Errorf("node is not in PATH: install Node.js with npm (apt-get install nodejs npm), then run `make interop`")
		}
		if _, err := os.Stat(dir + "/node_modules"); err != nil {
			return nil, fmt.Errorf("%s is not installed: run `make interop`, which installs it with npm", name)
		}
		return startProcess(name, dir, []string{"NODE_EXTRA_CA_CERTS=" + certificates.ca, "NODE_NO_WARNINGS=1"}, program, "driver.js")
	}
}

// pythonDriver finds the Python that has the library: Debian's, which need not be the first in PATH.
func pythonDriver() (*driver, error) {
	for _, program := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(program, "-c", "import autobahn, argon2, cbor2, passlib").Run() == nil {
			return startProcess("Autobahn|Python", "python", nil, program, "driver.py")
		}
	}
	return nil, fmt.Errorf("Autobahn|Python is not installed: run `make interop`, which installs it with apt-get (packages python3-autobahn, python3-argon2 and python3-cbor2)")
}

// use gives the running driver.
func (l *library) use(t *testing.T) *driver {
	t.Helper()
	l.once.Do(func() { l.driver, l.err = l.start() })
	if l.err != nil {
		t.Fatal(l.err)
	}
	return l.driver
}

// scenario is something that clients do with a router.
type scenario struct {
	name string
	run  func(r *run)
}

// run is one scenario with one library and one way to connect, at two places that are the same
// replica or two.
type run struct {
	*testing.T
	library *library
	d       *driver
	at      places
	// transport and serializer are what the library connects with.
	transport, serializer string
	// prefix is the beginning of URIs that no other run uses.
	prefix string
}

// places are the routers that callers and publishers, and callees and subscribers, are connected to.
type places struct {
	name      string
	cluster   *cluster
	near, far int // replicas
}

var layouts = []places{
	{name: "one replica", cluster: &alone},
	{name: "across two", cluster: &dev, near: 1, far: 2},
}

func (p places) url(transport string, replica int) string {
	scheme := "ws"
	if transport == "rawsocket" {
		scheme = "tcp"
	}
	if p.cluster == &secure {
		scheme += "s"
	}
	return scheme + "://" + p.cluster.replicas[replica] + "/"
}

// uri gives a URI of this run.
func (r *run) uri(name string) string { return r.prefix + "." + name }

// how is how this run connects to a replica and joins the open realm.
func (r *run) how(replica int) join {
	how := join{URL: r.at.url(r.transport, replica), Serializer: r.serializer, Realm: "realm1"}
	if r.at.cluster == &secure {
		how.CA = certificates.ca
	}
	return how
}

func (r *run) join(how join) *session {
	r.Helper()
	s, refusal := tryJoin(r.T, r.d, how)
	if refusal != nil {
		r.Fatalf("joining %s at %s: %s %s", how.Realm, how.URL, refusal.URI, refusal.Message)
	}
	return s
}

// near opens a session for a caller or publisher, far one for a callee or subscriber.
func (r *run) near() *session { r.Helper(); return r.join(r.how(r.at.near)) }
func (r *run) far() *session  { r.Helper(); return r.join(r.how(r.at.far)) }

// farNexus opens a session of nexus's client, for what the library at hand can do in one role only.
func (r *run) farNexus() *session {
	r.Helper()
	s, refusal := tryJoin(r.T, nexusLibrary.use(r.T), r.how(r.at.far))
	if refusal != nil {
		r.Fatalf("joining: %s %s", refusal.URI, refusal.Message)
	}
	return s
}

// scenarios are all of them.
func scenarios() []scenario { return slices.Concat(rpcScenarios, pubsubScenarios, metaScenarios) }

// Every library goes through every scenario, with every transport and serialization it knows, on
// one replica and across two.
func TestClients(t *testing.T) {
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			d := l.use(t)
			t.Parallel()
			for _, at := range layouts {
				for _, speech := range l.speaks {
					t.Run(at.name+"/"+strings.ReplaceAll(speech, "/", " "), func(t *testing.T) {
						runAll(t, l, d, at, speech, scenarios())
					})
				}
			}
		})
	}
}

var (
	counter   int
	counterMu sync.Mutex
)

func runAll(t *testing.T, l *library, d *driver, at places, speech string, all []scenario) {
	transport, serializer, _ := strings.Cut(speech, "/")
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			plain := strings.TrimSuffix(s.name, " over TLS")
			for _, name := range []string{plain, plain + " with " + serializer} {
				if why := l.cannot[name]; why != "" {
					t.Skipf("%s: %s", l.name, why)
				}
			}
			counterMu.Lock()
			counter++
			prefix := fmt.Sprintf("com.myapp.run%d", counter)
			counterMu.Unlock()
			s.run(&run{T: t, library: l, d: d, at: at, transport: transport, serializer: serializer, prefix: prefix})
		})
	}
}

// What a library is excused from has to exist: a scenario that is renamed would be left out silently.
func TestExcusesNameScenarios(t *testing.T) {
	names := map[string]bool{}
	for _, s := range slices.Concat(scenarios(), authScenarios(), tlsScenarios()) {
		if names[s.name] {
			t.Errorf("two scenarios are named %q", s.name)
		}
		names[s.name] = true
		for _, serializer := range []string{"json", "msgpack", "cbor"} {
			names[s.name+" with "+serializer] = true
		}
	}
	for _, l := range libraries {
		for _, name := range slices.Sorted(maps.Keys(l.cannot)) {
			if !names[name] {
				t.Errorf("%s is excused from %q, and there is no such scenario", l.name, name)
			}
		}
	}
}
