package router_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// way is a way to connect to a replica.
type way struct {
	name string
	dial func(t *testing.T, r *router.Router, i int, f wamp.Format) transport.Conn
}

// withEverything makes replicas serve all that is off by default.
func withEverything(t *testing.T) (sockets []string, change func(*router.DevConfig)) {
	dir := t.TempDir()
	for i := range 3 {
		sockets = append(sockets, filepath.Join(dir, fmt.Sprint(i)))
	}
	return sockets, func(c *router.DevConfig) {
		c.Configure = func(i int, c *v1alpha1.RouterConfiguration) {
			c.UnixSocket = &v1alpha1.RouterUnixSocket{Path: sockets[i]}
			c.LongPoll = &v1alpha1.RouterLongPoll{}
			c.WebSocket.Compression = &v1alpha1.RouterCompression{}
		}
	}
}

func dialWith(d *transport.Dialer, url func(r *router.Router, i int) string) func(*testing.T, *router.Router, int, wamp.Format) transport.Conn {
	return func(t *testing.T, r *router.Router, i int, f wamp.Format) transport.Conn {
		t.Helper()
		conn, err := d.Dial(t.Context(), url(r, i), f)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// Every way to connect carries calls, events and large payloads between clients that use different
// ways, on different replicas.
func TestEveryTransportReachesEveryOther(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			sockets, change := withEverything(t)
			dev := start(t, replicas, change)
			ws := func(r *router.Router, _ int) string { return websocket(r) }
			ways := []way{
				{"websocket", dialWith(&transport.Dialer{}, ws)},
				{"rawsocket", dialWith(&transport.Dialer{}, func(r *router.Router, _ int) string { return rawsocket(r) })},
				{"batched", dialWith(&transport.Dialer{Batched: true}, ws)},
				{"compressed", dialWith(&transport.Dialer{Config: transport.Config{Compression: &transport.Compression{}}}, ws)},
				{"unix rawsocket", dialWith(&transport.Dialer{}, func(_ *router.Router, i int) string { return "unix://" + sockets[i] })},
				{"unix websocket", dialWith(&transport.Dialer{}, func(_ *router.Router, i int) string { return "ws+unix://" + sockets[i] })},
				{"longpoll", func(t *testing.T, r *router.Router, _ int, f wamp.Format) transport.Conn { return openPoll(t, r, f) }},
			}
			for n, callee := range ways {
				caller, format := ways[(n+3)%len(ways)], wamp.Formats[n%len(wamp.Formats)]
				t.Run(caller.name+" calls "+callee.name, func(t *testing.T) {
					at, from := n%replicas, (n+1)%replicas
					a := enter(t, callee.dial(t, dev.Routers[at], at, format), format)
					b := enter(t, caller.dial(t, dev.Routers[from], from, wamp.JSON), wamp.JSON)
					exchange(t, a, b, fmt.Sprint("com.example.way", n))
				})
			}
		})
	}
}

func enter(t *testing.T, conn transport.Conn, f wamp.Format) *wamptest.Client {
	t.Helper()
	t.Cleanup(func() { conn.Abort(); <-conn.Done() })
	c, err := wamptest.Enter(t, conn, wamptest.Hello("realm1", f), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange lets b call a and publish to it.
func exchange(t *testing.T, a, b *wamptest.Client, uri string) {
	t.Helper()
	events := make(chan *wamptest.Message, 10)
	if _, err := a.Subscribe(uri, func(m *wamptest.Message) { events <- m }); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Register(uri, nil, func(m *wamptest.Message) { a.Yield(m, m.Args...) }); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 100, 300_000} {
		text := strings.Repeat("payload ", size/8)
		got, err := b.Call(uri, text)
		if err != nil || got.Args[0] != text {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err := b.Tell(uri, text); err != nil {
			t.Fatal(err)
		}
		if e := wamptest.Receive(t, events); e.Args[0] != text {
			t.Errorf("event of %d bytes", size)
		}
	}
}

// pollConn is the client's side of a long-poll session.
type pollConn struct {
	transport.Conn // nil: nothing else is called
	format         wamp.Format
	client         *http.Client
	url            string
	ctx            context.Context
	cancel         context.CancelFunc
}

func openPoll(t *testing.T, r *router.Router, f wamp.Format) transport.Conn {
	t.Helper()
	c := &pollConn{format: f, client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(c.client.CloseIdleConnections)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	base := "http://" + r.Address() + "/longpoll"
	body, status, err := c.post(base+"/open", []byte(`{"protocols":["wamp.2.`+f.String()+`"]}`))
	var answer struct{ Transport string }
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	c.url = base + "/" + answer.Transport
	return c
}

func (c *pollConn) post(url string, body []byte) ([]byte, int, error) {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return answer, response.StatusCode, err
}

func (c *pollConn) Format() wamp.Format { return c.format }

func (c *pollConn) ReadMessage() ([]byte, error) {
	for {
		body, status, err := c.post(c.url+"/receive", nil)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return body, nil
		case status != http.StatusNoContent:
			return nil, io.EOF
		}
	}
}

func (c *pollConn) Send(m *wamp.Message) error {
	return c.SendEncoded(wamp.Append(nil, c.format, m))
}

func (c *pollConn) SendEncoded(b []byte) error {
	_, status, err := c.post(c.url+"/send", b)
	if err == nil && status != http.StatusNoContent {
		err = fmt.Errorf("send is answered %d", status)
	}
	return err
}

func (c *pollConn) Close() { c.cancel() }
func (c *pollConn) Abort() { c.cancel() }

func (c *pollConn) Done() <-chan struct{} { return c.ctx.Done() }
