package router_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// rawFrame is a message of RawSocket.
func rawFrame(message string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(message)))) + message
}

// hello is HELLO of the caller, in MessagePack, after the handshake of RawSocket.
var hello = "\x7f\xf2\x00\x00" + rawFrame("\x93\x01\xa6realm1\x81\xa5roles\x81\xa6caller\x80")

const upgradeToJSON = "GET /ws HTTP/1.1\r\nHost: router\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: c2l4dGVlbiBsZXR0ZXJzLg==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"

// Each kind of nonsense ends its own connection, in the words that fit it, and no other.
func TestNonsenseEndsItsOwnConnection(t *testing.T) {
	dev := start(t, 1)
	good := join(t, dev, 0)
	if _, err := good.Register(uri, nil, func(m *wamptest.Message) { good.Yield(m, "still here") }); err != nil {
		t.Fatal(err)
	}
	call := "\x95\x30\x01\x80\xa5com.x"
	deep := 50_000
	for _, c := range []struct{ name, send, says string }{
		{"RawSocket length that never comes", hello + "\x00\xff\xff\xff\x94", "\x93\x02"}, // WELCOME, and no more
		{"RawSocket frame of no kind", hello + "\x05\x00\x00\x00", wamp.ErrProtocolViolation},
		{"WebSocket length of 63 bits", upgradeToJSON + "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "\x03\xf1"},
		{"WebSocket length of 64 bits", upgradeToJSON + "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", wamp.ErrProtocolViolation},
		{"WebSocket without a mask", upgradeToJSON + "\x81\x02[]", "\x03\xea"},
		{"WebSocket text that is no UTF-8", upgradeToJSON + "\x81\x83\x00\x00\x00\x00\xff\xfe\xfd", wamp.ErrProtocolViolation},
		{"MessagePack string of 4 GiB", hello + rawFrame(call+"\x91\xdb\xff\xff\xff\xff"), wamp.ErrProtocolViolation},
		{"MessagePack array of 4 Gi", hello + rawFrame(call+"\xdd\xff\xff\xff\xff"), wamp.ErrProtocolViolation},
		{"MessagePack map of 4 Gi", hello + rawFrame("\x94\x30\x01\xdf\xff\xff\xff\xff"), wamp.ErrProtocolViolation},
		{"MessagePack nested deeply", hello + rawFrame(call+strings.Repeat("\x91", deep)+"\x01"), wamp.ErrProtocolViolation},
		{"MessagePack URI that is no UTF-8", hello + rawFrame("\x94\x30\x01\x80\xa5com.\xff"), wamp.ErrProtocolViolation},
		{"CBOR string of 8 EiB", "\x7f\xf3\x00\x00" + rawFrame("\x83\x01\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), wamp.ErrProtocolViolation},
		{"CBOR map of 16 Ei", "\x7f\xf3\x00\x00" + rawFrame("\x83\x01\x66realm1\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), wamp.ErrProtocolViolation},
		{"CBOR nested deeply", "\x7f\xf3\x00\x00" + rawFrame("\x83\x01\x66realm1"+strings.Repeat("\x81", deep)+"\x01"), wamp.ErrProtocolViolation},
		{"JSON nested deeply", "\x7f\xf1\x00\x00" + rawFrame(`[1,"realm1",`+strings.Repeat("[", deep)), wamp.ErrProtocolViolation},
		{"half a message, then the end", hello + "\x00\x00\x10\x00\x94\x30", "\x93\x02"},
		{"HTTP of another version", "GET /ws HTTP/9.9\r\nHost: x\r\n\r\n", " 505 "},
		{"HTTP without an end", "GET /ws HTTP/1.1\r\nHost: " + strings.Repeat("x", 100_000), ""},
		{"another subprotocol", strings.Replace(upgradeToJSON, "wamp.2.json", "soap", 1), " 400 "},
		{"half TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc, err := net.Dial("tcp", dev.Routers[0].Address())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(wamptest.Timeout))
			_, _ = io.WriteString(nc, c.send)
			_ = nc.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(nc)
			if late, ok := err.(net.Error); ok && late.Timeout() {
				t.Errorf("the connection goes on")
			}
			if !strings.Contains(string(got), c.says) {
				t.Errorf("got %q, want %q in it", got, c.says)
			}
			if c.says == wamp.ErrProtocolViolation && strings.Count(string(got), c.says) != 1 {
				t.Errorf("got %q, want one ABORT", got)
			}
			if got := who(t, good); got != "still here" {
				t.Errorf("the good client got %v", got)
			}
		})
	}
	eventually(t, "only the good session is left", func() bool { return dev.Routers[0].State().Sessions == 1 })
}

// impatient starts replicas that drop a client that takes nothing for a second, and hold little for it.
func impatient(t *testing.T, test func(t *testing.T, dev *router.Dev)) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			test(t, start(t, replicas, func(c *router.DevConfig) {
				c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) {
					c.Limits = v1alpha1.RouterLimits{
						WriteTimeout: &metav1.Duration{Duration: time.Second},
						OutboundSoft: ptr(resource.MustParse("64Ki")),
					}
				}
			}))
		})
	}
}

// deaf is a client that joins, sends a request, reads its answer and nothing after it.
func deaf(t *testing.T, dev *router.Dev, i int, request *wamp.Message) transport.Conn {
	t.Helper()
	conn := dial(t, dev.Routers[i%len(dev.Routers)], wamp.MessagePack)
	for _, m := range []*wamp.Message{wamptest.Hello("realm1", wamp.MessagePack), request} {
		if err := conn.Send(m); err != nil {
			t.Fatal(err)
		}
		if got := wamptest.Read(t, conn); got.Type != wamp.Welcome && got.Type != wamp.Registered && got.Type != wamp.Subscribed {
			t.Fatalf("got %v %s", got.Type, got.URI)
		}
	}
	return conn
}

// stalls sums what the replicas counted as dropped for taking nothing.
func stalls(t *testing.T, dev *router.Dev) (n int) {
	t.Helper()
	for _, r := range dev.Routers {
		_, body := get(t, r, "/metrics")
		for line := range strings.Lines(body) {
			if text, ok := strings.CutPrefix(line, `wamp_router_connections_dropped_total{reason="stall"} `); ok {
				var more int
				_, _ = fmt.Sscan(text, &more)
				n += more
			}
		}
	}
	return n
}

// A callee that stops reading is dropped after the time that is stated, and whoever called it gets an
// answer; those who called another are not held up.
func TestCalleeThatStopsReading(t *testing.T) {
	impatient(t, func(t *testing.T, dev *router.Dev) {
		const procedure, calls = "com.example.deaf", 150
		deaf(t, dev, 0, &wamp.Message{Type: wamp.Register, Request: 1, URI: procedure})
		callee := join(t, dev, 1)
		if _, err := callee.Register(uri, nil, func(m *wamptest.Message) { callee.Yield(m, "still here") }); err != nil {
			t.Fatal(err)
		}
		good := join(t, dev, 2)
		payload := strings.Repeat("x", 64<<10)
		var callers sync.WaitGroup
		for i := range 3 {
			caller := join(t, dev, i)
			callers.Go(func() {
				var answers []<-chan *wamptest.Message
				for range calls / 3 {
					answers = append(answers, caller.StartCall(procedure, payload))
				}
				for _, answer := range answers {
					_, err := caller.Await(answer)
					switch got := wamptest.URI(err); got {
					case wamp.ErrCanceled, wamp.ErrNoSuchProcedure, wamp.ErrUnavailable, wamp.ErrNoAvailableCallee:
					default:
						t.Errorf("a call ended in %q", got)
					}
				}
			})
		}
		answered := make(chan struct{})
		go func() { callers.Wait(); close(answered) }()
		for waiting := true; waiting; {
			select {
			case <-answered:
				waiting = false
			default:
			}
			if got := who(t, good); got != "still here" {
				t.Fatalf("the good caller got %v", got)
			}
		}
		if n := stalls(t, dev); n != 1 {
			t.Errorf("%d connections dropped for taking nothing, want that of the callee", n)
		}
	})
}

// A subscriber that stops reading is dropped after the time that is stated; the publisher and other
// subscribers lose nothing.
func TestSubscriberThatStopsReading(t *testing.T) {
	impatient(t, func(t *testing.T, dev *router.Dev) {
		const topic, events = "com.example.deaf", 150
		conn := deaf(t, dev, 0, &wamp.Message{Type: wamp.Subscribe, Request: 1, URI: topic})
		heard := join(t, dev, 1).Listen(topic, nil)
		publisher := join(t, dev, 2)
		payload := strings.Repeat("x", 64<<10)
		for i := range events {
			if _, err := publisher.Publish(topic, nil, i, payload); err != nil {
				t.Fatalf("publication %d: %v", i, err)
			}
		}
		for i := range events {
			if got := wamptest.Receive(t, heard); got.Args[0] != int64(i) {
				t.Fatalf("event %v, want %d", got.Args[0], i)
			}
		}
		eventually(t, "the subscriber that reads nothing is gone", func() bool { return stalls(t, dev) == 1 })
		conn.Abort()
	})
}

// What floods make the router keep is bounded, and goes with those who flood.
func TestFloodsLeaveNothing(t *testing.T) {
	dev := start(t, 1)
	r := dev.Routers[0]
	callee, good := join(t, dev, 0), join(t, dev, 0)
	if _, err := callee.Register(uri, nil, func(m *wamptest.Message) { callee.Yield(m, "still here") }); err != nil {
		t.Fatal(err)
	}
	before := heldMemory()
	const clients, messages = 8, 4000
	var floods sync.WaitGroup
	for i := range clients {
		c := join(t, dev, 0)
		floods.Go(func() {
			var last <-chan *wamptest.Message
			for n := range messages / 20 {
				for range 20 {
					switch i % 3 {
					case 0:
						last = c.Start(&wamp.Message{Type: wamp.Call, URI: "com.example.nobody"})
					case 1:
						last = c.Start(&wamp.Message{Type: wamp.Subscribe, URI: fmt.Sprint("com.example.topic.", n)})
					case 2:
						last = c.Start(&wamp.Message{Type: wamp.Unsubscribe, ID: wamp.ID(n + 1)})
					}
				}
			}
			_, _ = c.Await(last)
			c.Kill()
		})
	}
	over := make(chan struct{})
	go func() { floods.Wait(); close(over) }()
	for waiting := true; waiting; {
		select {
		case <-over:
			waiting = false
		default:
		}
		if got := who(t, good); got != "still here" {
			t.Fatalf("the good caller got %v", got)
		}
	}
	eventually(t, "nothing of the floods is left", func() bool {
		_, body := get(t, r, "/metrics")
		return r.State().Sessions == 2 && strings.Contains(body, `wamp_router_topics{realm="realm1"} 0`+"\n")
	})
	const bound = 16 << 20
	eventually(t, "the memory is back", func() bool { return heldMemory() < before+bound })
}

func heldMemory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
