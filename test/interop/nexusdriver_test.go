package interop

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/transport/serialize"
	"github.com/gammazero/nexus/v3/wamp"
	"github.com/gammazero/nexus/v3/wamp/crsign"
)

// startNexus starts the driver of nexus's client, which is Go and runs in this process.
func startNexus() (*driver, error) {
	commands, in := io.Pipe()
	out, reports := io.Pipe()
	n := &nexus{
		reports: json.NewEncoder(reports), sessions: map[int]*nexusSession{}, cancels: map[int]func(string){},
		registrations: map[int]*nexusRegistration{}, subscriptions: map[int]func() error{}, pieces: map[int]chan command{},
	}
	go n.serve(commands)
	return newDriver("nexus", in, out), nil
}

// nexus is the driver of nexus's client.
type nexus struct {
	writing sync.Mutex
	reports *json.Encoder

	mu            sync.Mutex
	sessions      map[int]*nexusSession
	registrations map[int]*nexusRegistration
	subscriptions map[int]func() error
	cancels       map[int]func(mode string)
	pieces        map[int]chan command // of progressive calls
}

type nexusSession struct {
	*client.Client
	once    sync.Once
	leaving chan struct{}
}

// leave ends what the library would wait for: handlers that nobody answers any more.
func (s *nexusSession) leave() {
	s.once.Do(func() { close(s.leaving) })
	_ = s.Close()
}

type nexusRegistration struct {
	session    *nexusSession
	uri        string
	unregister func() error
	mu         sync.Mutex
	open       map[wamp.ID]*nexusInvocation
}

type nexusInvocation struct {
	ctx     context.Context
	answers chan client.InvokeResult
}

func (n *nexus) tell(r report) {
	n.writing.Lock()
	defer n.writing.Unlock()
	_ = n.reports.Encode(r)
}

func (n *nexus) done(c command, details dict, err error) {
	if err != nil {
		n.failed(c, err)
		return
	}
	n.tell(report{ID: c.ID, Kind: "done", Details: details})
}

// failed tells the URI of an ERROR or ABORT. The library puts it into the text but for calls.
func (n *nexus) failed(c command, err error) {
	r := report{ID: c.ID, Kind: "failed", Message: err.Error()}
	var answered client.RPCError
	if errors.As(err, &answered) {
		r.URI, r.Args, r.Kwargs, r.Details = string(answered.Err.Error), answered.Err.Arguments, answered.Err.ArgumentsKw, answered.Err.Details
	} else if at := strings.Index(r.Message, "wamp."); at >= 0 {
		r.URI, _, _ = strings.Cut(r.Message[at:], " ")
		r.URI = strings.TrimRight(r.URI, ":,")
	}
	n.tell(r)
}

func (n *nexus) serve(commands io.Reader) {
	lines := bufio.NewScanner(commands)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		c.Args, _ = integers(c.Args).([]any)
		c.Kwargs, _ = integers(c.Kwargs).(map[string]any)
		c.Options, _ = integers(c.Options).(map[string]any)
		n.mu.Lock()
		session, registration := n.sessions[c.Of], n.registrations[c.Of]
		if c.Op == "call" {
			n.pieces[c.ID] = make(chan command, 100)
		}
		unsubscribe, cancel, pieces := n.subscriptions[c.Of], n.cancels[c.Of], n.pieces[c.Of]
		n.mu.Unlock()
		switch c.Op {
		case "join":
			go n.join(c)
		case "leave":
			if session == nil {
				n.done(c, nil, errors.New("no such session"))
				continue
			}
			go func() {
				session.leave()
				n.done(c, nil, nil)
			}()
		case "call":
			n.call(c, session)
		case "piece":
			pieces <- c
		case "cancel":
			cancel(c.Options["mode"].(string))
		case "register":
			n.register(c, session)
		case "unregister":
			n.done(c, nil, registration.unregister())
		case "answer":
			registration.answer(c)
		case "subscribe":
			n.subscribe(c, session)
		case "unsubscribe":
			n.done(c, nil, unsubscribe())
		case "publish":
			n.done(c, nil, session.Publish(c.URI, c.Options, c.Args, c.Kwargs))
		default:
			panic("unknown command " + c.Op)
		}
	}
}

// integers makes integers of numbers that are: JSON does not tell them apart, and an application in
// Go does.
func integers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = integers(v[key])
		}
	}
	return v
}

func (n *nexus) join(c command) {
	config := client.Config{
		Realm: c.Join.Realm, ResponseTimeout: patience, Logger: log.New(io.Discard, "", 0), HelloDetails: wamp.Dict{},
	}
	switch c.Join.Serializer {
	case "msgpack":
		config.Serialization = serialize.MSGPACK
	case "cbor":
		config.Serialization = serialize.CBOR
	}
	if err := nexusCredentials(&config, c.Join); err != nil {
		n.failed(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	joined, err := client.ConnectNet(ctx, c.Join.URL, config)
	if err != nil {
		n.failed(c, err)
		return
	}
	s := &nexusSession{Client: joined, leaving: make(chan struct{})}
	n.mu.Lock()
	n.sessions[c.ID] = s
	n.mu.Unlock()
	details := dict{"session": joined.ID()}
	for _, key := range []string{"authid", "authrole", "authmethod", "authextra", "roles"} {
		details[key] = joined.RealmDetails()[key]
	}
	n.done(c, details, nil)
	go func() {
		<-s.Done()
		select {
		case <-s.leaving:
		default:
			r := report{ID: c.ID, Kind: "closed"}
			if goodbye := s.RouterGoodbye(); goodbye != nil {
				r.URI = string(goodbye.Reason)
			}
			n.tell(r)
		}
	}()
}

func nexusCredentials(config *client.Config, j *join) error {
	if j.AuthID != "" {
		config.HelloDetails["authid"] = j.AuthID
	}
	if j.CA != "" {
		config.TlsCfg = &tls.Config{RootCAs: x509.NewCertPool()}
		pem, err := os.ReadFile(j.CA)
		if err != nil {
			return err
		}
		config.TlsCfg.RootCAs.AppendCertsFromPEM(pem)
		if j.Cert != "" {
			own, err := tls.LoadX509KeyPair(j.Cert, j.Key)
			if err != nil {
				return err
			}
			config.TlsCfg.Certificates = []tls.Certificate{own}
		}
	}
	var answer client.AuthFunc
	switch j.Method {
	case "":
		return nil
	case "ticket":
		answer = func(*wamp.Challenge) (string, wamp.Dict) { return j.Secret, wamp.Dict{} }
	case "wampcra":
		answer = func(c *wamp.Challenge) (string, wamp.Dict) {
			return crsign.RespondChallenge(j.Secret, c, nil), wamp.Dict{}
		}
	case "cryptosign":
		seed, err := hex.DecodeString(j.Secret)
		if err != nil {
			return err
		}
		key := ed25519.NewKeyFromSeed(seed)
		config.HelloDetails["authextra"] = wamp.Dict{"pubkey": hex.EncodeToString(key.Public().(ed25519.PublicKey))}
		answer = func(c *wamp.Challenge) (string, wamp.Dict) {
			text, _ := wamp.AsString(c.Extra["challenge"])
			challenge, _ := hex.DecodeString(text)
			return hex.EncodeToString(append(ed25519.Sign(key, challenge), challenge...)), wamp.Dict{}
		}
	default: // anonymous, tls: there is no CHALLENGE
		answer = func(*wamp.Challenge) (string, wamp.Dict) { return "", nil }
	}
	config.AuthHandlers = map[string]client.AuthFunc{j.Method: answer}
	return nil
}

// call makes the call from a goroutine, but the next command only begins when it was sent: the
// library takes ids of requests and sends them in two steps.
func (n *nexus) call(c command, session *nexusSession) {
	ctx, cancel := context.WithCancel(context.Background())
	var canceled atomic.Bool
	n.mu.Lock()
	pieces := n.pieces[c.ID]
	n.cancels[c.ID] = func(mode string) {
		_ = session.SetCallCancelMode(mode)
		canceled.Store(true)
		cancel()
	}
	n.mu.Unlock()
	var progress client.ProgressHandler
	if c.Options["receive_progress"] == true {
		progress = func(r *wamp.Result) {
			n.tell(report{ID: c.ID, Kind: "progress", Args: r.Arguments, Kwargs: r.ArgumentsKw, Details: r.Details})
		}
	}
	pieces <- c // the first, before the next command brings the second
	go func() {
		defer cancel()
		var result *wamp.Result
		var err error
		if c.Options["progress"] == true {
			result, err = session.CallProgressive(ctx, c.URI, func(ctx context.Context) (wamp.Dict, wamp.List, wamp.Dict, error) {
				select {
				case p := <-pieces:
					return p.Options, p.Args, p.Kwargs, nil
				case <-ctx.Done():
					return nil, nil, nil, ctx.Err()
				}
			}, progress)
		} else {
			result, err = session.Call(ctx, c.URI, c.Options, c.Args, c.Kwargs, progress)
		}
		switch {
		case err == nil:
			n.tell(report{ID: c.ID, Kind: "done", Args: result.Arguments, Kwargs: result.ArgumentsKw, Details: result.Details})
		case canceled.Load() && errors.Is(err, context.Canceled):
			// The library waits for the ERROR to a CANCEL and keeps it to itself; without one it
			// returns another error.
			n.tell(report{ID: c.ID, Kind: "failed", URI: "wamp.error.canceled"})
		default:
			n.failed(c, err)
		}
	}()
}

func (n *nexus) register(c command, session *nexusSession) {
	r := &nexusRegistration{session: session, uri: c.URI, open: map[wamp.ID]*nexusInvocation{}}
	n.mu.Lock()
	n.registrations[c.ID] = r
	n.mu.Unlock()
	r.unregister = func() error { return session.Unregister(c.URI) }
	err := session.Register(c.URI, func(ctx context.Context, i *wamp.Invocation) client.InvokeResult {
		open := &nexusInvocation{ctx: ctx, answers: make(chan client.InvokeResult, 1)}
		r.mu.Lock()
		r.open[i.Request] = open
		r.mu.Unlock()
		n.tell(report{ID: c.ID, Kind: "invocation", Number: int(i.Request), Args: i.Arguments, Kwargs: i.ArgumentsKw, Details: i.Details})
		if i.Details["progress"] == true { // further pieces follow, and the last is answered
			return client.InvokeResult{Err: wamp.InternalProgressiveOmitResult}
		}
		interrupt := ctx.Done()
		for {
			select {
			case answer := <-open.answers:
				return answer
			case <-session.leaving:
				return client.InvocationCanceled
			case <-interrupt:
				n.tell(report{ID: c.ID, Kind: "interrupt", Number: int(i.Request)})
				interrupt = nil
			}
		}
	}, c.Options)
	id, _ := session.RegistrationID(c.URI)
	n.done(c, dict{"registration": id}, err)
}

func (r *nexusRegistration) answer(c command) {
	r.mu.Lock()
	open := r.open[wamp.ID(c.Number)]
	r.mu.Unlock()
	if c.Progress {
		_ = r.session.SendProgress(open.ctx, c.Args, c.Kwargs)
		return
	}
	select {
	case open.answers <- client.InvokeResult{Args: c.Args, Kwargs: c.Kwargs, Err: wamp.URI(c.Error), Options: c.Options}:
	default:
	}
}

func (n *nexus) subscribe(c command, session *nexusSession) {
	n.mu.Lock()
	n.subscriptions[c.ID] = func() error { return session.Unsubscribe(c.URI) }
	n.mu.Unlock()
	err := session.Subscribe(c.URI, func(e *wamp.Event) {
		n.tell(report{ID: c.ID, Kind: "event", Args: e.Arguments, Kwargs: e.ArgumentsKw, Details: e.Details})
	}, c.Options)
	id, _ := session.SubscriptionID(c.URI)
	n.done(c, dict{"subscription": id}, err)
}
