package transport

import (
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Two hundred connections that send nonsense do not disturb one that behaves.
func TestHostileNeighbours(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{MaxMessage: 64 << 10}}
	address := startServer(t, s)
	c := dial(t, &Dialer{}, "ws://"+address, wamp.MessagePack)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return string(b)
	}
	hello := upgradeRequest + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
	openings := []string{
		noise(1000), "\x7f\xf2\x00\x00" + noise(5000), "\x7f\xf1\x00\x00\x00\x00\xff\xff[[[[",
		hello + noise(3000), hello + "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", hello + masked(0x81, "[48,1,{},\"\xff\"]"),
		"GET /" + strings.Repeat("x", 100_000), "\x7f\xf1\x00\x00" + strings.Repeat("\x01\x00\x00\x00", 10_000), "\x7f",
		"\x7f\xf1\x00\x00\x00\x00\xc3\x50" + strings.Repeat("[", 50_000), "\x7f\xf3\x00\x00\x00\x00\x10\x00" + strings.Repeat("\x9f", 4096),
	}
	var neighbours sync.WaitGroup
	for i := range 200 {
		neighbours.Add(1)
		go func() {
			defer neighbours.Done()
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_, _ = nc.Write([]byte(openings[i%len(openings)]))
			if i%2 == 0 {
				_ = nc.(*net.TCPConn).SetLinger(0)
			}
		}()
	}
	done := make(chan struct{})
	go func() { neighbours.Wait(); close(done) }()
	for calls, over := 0, false; calls < 100 || !over; calls++ {
		select {
		case <-done:
			over = true
		default:
		}
		if err := c.Send(&wamp.Message{Type: wamp.Call, Request: wamp.ID(calls + 1), URI: "a"}); err != nil {
			t.Fatal(err)
		}
		var m wamp.Message
		b, err := c.ReadMessage()
		if err != nil || wamp.Decode(wamp.MessagePack, b, &m) != nil || m.Request != wamp.ID(calls+1) {
			t.Fatalf("call %d: %v", calls, err)
		}
	}
}
