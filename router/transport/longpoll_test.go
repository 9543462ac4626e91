package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// polled is a long-poll session as a client sees it.
type polled struct {
	t    testing.TB
	http *http.Client
	base string
	url  string // of the session
}

func pollClient(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func (p *polled) post(url, body string) (int, string, http.Header) {
	p.t.Helper()
	r, err := p.http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

// want posts and wants a status.
func (p *polled) want(status int, verb, body string) string {
	p.t.Helper()
	got, answer, _ := p.post(p.url+"/"+verb, body)
	if got != status {
		p.t.Fatalf("%s is answered %d %q, want %d", verb, got, answer, status)
	}
	return answer
}

func openPolled(t testing.TB, address, protocol string) *polled {
	t.Helper()
	p := &polled{t: t, http: pollClient(t), base: "http://" + address + "/longpoll"}
	status, body, _ := p.post(p.base+"/open", `{"protocols": ["wamp.9.x", "`+protocol+`"]}`)
	var answer struct{ Protocol, Transport string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.Protocol != protocol || len(answer.Transport) < 20 {
		t.Fatal(status, body, err)
	}
	p.url = p.base + "/" + answer.Transport
	return p
}

func longPoll(c LongPollConfig) Config { return Config{LongPoll: &c} }

// Messages go both ways over HTTP in every serialization, one at a time or in batches.
func TestLongPollEcho(t *testing.T) {
	s := &Server{Handler: echo, Config: longPoll(LongPollConfig{})}
	address := startServer(t, s)
	for _, f := range wamp.Formats {
		for _, k := range []batching{unbatched, batchingOf(f)} {
			p := openPolled(t, address, subprotocol(f, k))
			const n = 20
			var sent []byte
			for i := range n {
				start := len(sent)
				sent = wamp.Append(k.open(sent), f, &wamp.Message{Type: wamp.Call, Request: wamp.ID(i + 1), URI: "a", Payload: wamp.MustPayload(f, []any{strings.Repeat("x", i*500)}, nil)})
				sent = k.close(sent, start, separator)
				if k == unbatched {
					p.want(http.StatusNoContent, "send", string(sent))
					sent = nil
				}
			}
			if k != unbatched {
				p.want(http.StatusNoContent, "send", string(sent))
			}
			for i, rest := 0, []byte(nil); i < n; i++ {
				message := rest
				if len(rest) == 0 {
					status, body, header := p.post(p.url+"/receive", "")
					if status != http.StatusOK || header.Get("Content-Type") != mimeTypes[f] {
						t.Fatal(status, body, header)
					}
					message = []byte(body)
				}
				if k != unbatched {
					var err error
					if message, rest, _, err = k.split(message); err != nil {
						t.Fatal(err)
					}
				}
				var m wamp.Message
				if err := wamp.Decode(f, message, &m); err != nil || m.Request != wamp.ID(i+1) {
					t.Fatalf("message %d: %v, %v", i, m.Request, err)
				}
			}
			p.want(http.StatusNoContent, "close", "")
		}
	}
	eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.polls) == 0 })
	if s.Stats.Refused.Load() != 0 || s.Stats.Accepted.Load() != 6 {
		t.Errorf("%d refused, %d accepted", s.Stats.Refused.Load(), s.Stats.Accepted.Load())
	}
}

// What the session says before it closes can still be fetched; then the session is gone.
func TestLongPollClose(t *testing.T) {
	address, conns := accepted(t, &Server{Config: longPoll(LongPollConfig{})})
	p := openPolled(t, address, "wamp.2.json")
	c := within(t, conns)
	if i := c.Info(); i.Protocol != LongPoll || i.Subprotocol != "wamp.2.json" || !strings.HasPrefix(i.Peer.String(), "127.0.0.1:") || i.Local.String() != address {
		t.Errorf("%+v", i)
	}
	for _, m := range []string{"[1]", "[2]"} {
		if err := c.SendEncoded([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if a, b := p.want(http.StatusOK, "receive", ""), p.want(http.StatusOK, "receive", ""); a != "[1]" || b != "[2]" {
		t.Error(a, b)
	}
	within(t, c.Done())
	p.want(http.StatusNotFound, "receive", "")
	p.want(http.StatusNotFound, "send", "[]")

	p = openPolled(t, address, "wamp.2.json")
	c = within(t, conns)
	waiting := make(chan int, 1)
	go func() { status, _, _ := p.post(p.url+"/receive", ""); waiting <- status }()
	p.want(http.StatusNoContent, "close", "")
	if _, err := c.ReadMessage(); err != io.EOF {
		t.Error(err)
	}
	if status := within(t, waiting); status != http.StatusNotFound {
		t.Error(status)
	}
	c.Close()
	within(t, c.Done())
}

// A poll without a message is answered in time, and the session goes on; without polls it ends.
func TestLongPollTimeouts(t *testing.T) {
	s := &Server{Config: longPoll(LongPollConfig{PollTimeout: 50 * time.Millisecond, IdleTimeout: 300 * time.Millisecond})}
	address, conns := accepted(t, s)
	p := openPolled(t, address, "wamp.2.json")
	c := within(t, conns)
	for range 8 { // longer in all than a session may be idle
		p.want(http.StatusNoContent, "receive", "")
	}
	if err := c.SendEncoded([]byte("[]")); err != nil {
		t.Fatal(err)
	}
	if got := p.want(http.StatusOK, "receive", ""); got != "[]" {
		t.Error(got)
	}
	within(t, c.Done())
	if _, err := c.ReadMessage(); err != ErrSilent {
		t.Error(err)
	}
	if s.Stats.Silences.Load() != 1 {
		t.Error("not counted")
	}
	p.want(http.StatusNotFound, "receive", "")
}

// A client that takes nothing is bounded like any other, and goes when it does not come back.
func TestLongPollBackPressure(t *testing.T) {
	s := &Server{Config: longPoll(LongPollConfig{IdleTimeout: 200 * time.Millisecond})}
	s.Config.SoftLimit, s.Config.HardLimit = 10_000, 1<<20
	address, conns := accepted(t, s)
	openPolled(t, address, "wamp.2.json")
	c := within(t, conns)
	var err error
	for n := 0; err == nil && n < 2000; n++ {
		err = c.SendEncoded(bytes.Repeat([]byte("x"), 1000))
	}
	if err != ErrOverflow {
		t.Error(err)
	}
	within(t, c.Done())
	openPolled(t, address, "wamp.2.json")
	c = within(t, conns)
	for !c.Full() {
		if err := c.SendEncoded(bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	within(t, c.Done())
}

// A request that gives up loses no message, nor does one that another takes over from.
func TestLongPollGivesUp(t *testing.T) {
	address, conns := accepted(t, &Server{Config: longPoll(LongPollConfig{})})
	p := openPolled(t, address, "wamp.2.json")
	c := within(t, conns)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/receive", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.http.Do(request); err == nil {
		_ = r.Body.Close()
		t.Error("answered")
	}
	status := make(chan int, 2)
	poll := func() { s, _, _ := p.post(p.url+"/receive", ""); status <- s }
	go poll()
	go poll()
	if got := within(t, status); got != http.StatusNoContent { // the earlier of the two
		t.Error(got)
	}
	if err := c.SendEncoded([]byte("[]")); err != nil {
		t.Fatal(err)
	}
	if got := within(t, status); got != http.StatusOK {
		t.Error(got)
	}
}

// Mistakes are answered in words, and end nothing but the request.
func TestLongPollFaults(t *testing.T) {
	s := &Server{Handler: echo, Config: longPoll(LongPollConfig{})}
	s.Config.MaxMessage = 1000
	address := startServer(t, s)
	p := openPolled(t, address, "wamp.2.json")
	batched := openPolled(t, address, "wamp.2.cbor.batched")
	for _, c := range []struct {
		url, body string
		status    int
		words     string
	}{
		{p.base + "/open", "", 400, "no body"},
		{p.base + "/open", "{", 400, `"protocols"`},
		{p.base + "/open", `{"protocols": ["mqtt"]}`, 400, `["mqtt"] is spoken here`},
		{p.base + "/open", strings.Repeat("x", 5000), 413, "4096"},
		{p.base + "/none/send", "[]", 404, "no such session"},
		{p.base + "/", "", 404, "no such session"},
		{p.url + "/fetch", "", 404, "send, receive or close"},
		{p.url + "/send", "", 400, "no body"},
		{p.url + "/send", strings.Repeat("x", 1001), 413, "1000 bytes"},
		{batched.url + "/send", "\x00\x00\x00\x05x", 400, "1 are left"},
		{"http://" + address + "/elsewhere", "", 404, "/ws"},
	} {
		if status, body, _ := p.post(c.url, c.body); status != c.status || !strings.Contains(body, c.words) {
			t.Errorf("%s %.10q: %d %s", c.url, c.body, status, body)
		}
	}
	r, err := p.http.Get(p.url + "/receive")
	if err != nil {
		t.Fatal(err)
	}
	if _ = r.Body.Close(); r.StatusCode != http.StatusMethodNotAllowed {
		t.Error(r.Status)
	}
	for _, session := range []*polled{p, batched} {
		session.want(http.StatusNoContent, "close", "")
	}
	if s.Stats.Oversizes.Load() != 2 {
		t.Error("not counted")
	}
}

// Pages of other hosts may use long-poll where they are allowed, and browsers are told so.
func TestLongPollOrigins(t *testing.T) {
	config := longPoll(LongPollConfig{})
	config.Origins = []string{"https://app.example.com"}
	address := startServer(t, &Server{Handler: echo, Config: config})
	client := pollClient(t)
	ask := func(method, origin string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/longpoll/open", strings.NewReader(`{"protocols":["wamp.2.json"]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer
	}
	for _, method := range []string{http.MethodOptions, http.MethodPost} {
		if r := ask(method, "https://app.example.com"); r.StatusCode/100 != 2 || r.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || r.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Error(method, r.Status, r.Header)
		}
		if r := ask(method, "https://evil.example"); r.StatusCode != http.StatusForbidden || r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error(method, r.Status, r.Header)
		}
	}
}

// Sessions count as connections.
func TestLongPollLimit(t *testing.T) {
	s := &Server{Handler: echo, Config: longPoll(LongPollConfig{})}
	s.Config.MaxPerAddress = 3
	address := startServer(t, s)
	p := openPolled(t, address, "wamp.2.json")
	for want, n := http.StatusOK, 0; n < 2; n++ {
		status, body, _ := p.post(p.base+"/open", `{"protocols":["wamp.2.json"]}`)
		if status != want {
			t.Error(status, body)
		}
		want = http.StatusServiceUnavailable
	}
	if s.Stats.RefusedAddress.Load() != 1 {
		t.Error("not counted")
	}
}

// FuzzLongPoll: whatever a client sends to a session, it is answered, and the server goes on.
func FuzzLongPoll(f *testing.F) {
	s := &Server{Handler: echo, Config: longPoll(LongPollConfig{PollTimeout: time.Millisecond, IdleTimeout: 200 * time.Millisecond})}
	s.Config.HandshakeTimeout = 100 * time.Millisecond
	address := startServer(f, s)
	client := pollClient(f)
	f.Add(uint8(0), "send", []byte("[48,1,{},\"a\"]"), `["wamp.2.json"]`)
	f.Add(uint8(1), "receive", []byte(""), `["wamp.2.cbor.batched"]`)
	f.Add(uint8(2), "close", []byte("\x00\x00\x00\x01a"), `["wamp.2.msgpack.batched"]`)
	f.Fuzz(func(t *testing.T, kind uint8, verb string, body []byte, protocols string) {
		post := func(path string, body []byte) string {
			r := &http.Request{Method: http.MethodPost, Host: "router", Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
			r.URL, _ = r.URL.Parse("http://" + address + "/")
			r.URL.Path = "/longpoll/" + path
			answer, err := client.Do(r.WithContext(t.Context()))
			if err != nil {
				t.Fatalf("POST %q got no answer: %v", path, err)
			}
			defer answer.Body.Close()
			b, _ := io.ReadAll(answer.Body)
			if answer.StatusCode >= http.StatusInternalServerError {
				t.Fatal(answer.Status, string(b))
			}
			return string(b)
		}
		open := []byte(`{"protocols":` + protocols + `}`)
		if kind&1 != 0 {
			open = body
		}
		var session struct{ Transport string }
		if json.Unmarshal([]byte(post("open", open)), &session) != nil || session.Transport == "" {
			session.Transport = protocols
		}
		post(session.Transport+"/"+verb, body)
		post(session.Transport+"/send", body)
		post(session.Transport+"/receive", nil)
		if kind&2 != 0 {
			post(session.Transport+"/close", nil)
		}
	})
}
