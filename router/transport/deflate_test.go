package transport

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// deflated is a message as a client that compresses sends it.
func deflated(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), deflateTail)
}

// Compressed messages arrive as they were, small ones and those that cannot be compressed too, with and
// without batches and context takeover.
func TestCompressedEcho(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		for _, batched := range []bool{false, true} {
			for _, f := range wamp.Formats {
				z := &Compression{ContextTakeover: takeover, MinSize: 100}
				s := &Server{Handler: echo, Config: Config{Compression: z}}
				address := startServer(t, s)
				c := dial(t, &Dialer{Config: Config{Compression: z}, Batched: batched}, "ws://"+address, f)
				if d := c.(*peer).packing.deflate; d.keepIn != takeover || d.keepOut != takeover {
					t.Errorf("takeover %v is negotiated as %v, %v", takeover, d.keepIn, d.keepOut)
				}
				random := rand.New(rand.NewPCG(1, 2))
				noise := make([]byte, 5000)
				for i := range noise {
					noise[i] = byte('!' + random.IntN(90))
				}
				calls(t, c, 60, func(i int) string {
					if i%5 == 0 {
						return string(noise[:80*i])
					}
					return strings.Repeat("the same again ", i*i)
				})
				if in, out := s.Stats.BytesIn.Load(), s.Stats.BytesOut.Load(); in > 150_000 || out > 150_000 {
					t.Errorf("%d bytes in and %d out for about a megabyte each", in, out)
				}
			}
		}
	}
}

// Context takeover makes small messages that resemble one another smaller.
func TestContextTakeover(t *testing.T) {
	sent := map[bool]uint64{}
	for _, takeover := range []bool{false, true} {
		z := &Compression{ContextTakeover: takeover, MinSize: 1}
		address := startServer(t, &Server{Handler: echo, Config: Config{Compression: z}})
		d := &Dialer{Config: Config{Compression: z}}
		calls(t, dial(t, d, "ws://"+address, wamp.JSON), 50, func(int) string {
			return "a sentence with words of which none is repeated, until it comes again as a whole"
		})
		sent[takeover] = d.Stats.BytesIn.Load()
	}
	if sent[true] > sent[false]/3 {
		t.Errorf("%d bytes with context takeover, %d without", sent[true], sent[false])
	}
}

// Offers are answered as RFC 7692 wants it, and no offer that cannot be kept is accepted.
func TestCompressionNegotiation(t *testing.T) {
	const none = ""
	for _, c := range []struct {
		takeover      bool
		offer, answer string
	}{
		{false, "", none},
		{false, "permessage-deflate", "permessage-deflate;server_no_context_takeover;client_no_context_takeover"},
		{false, "permessage-deflate; client_max_window_bits", "permessage-deflate;server_no_context_takeover;client_no_context_takeover"},
		{true, "permessage-deflate; client_max_window_bits", "permessage-deflate"},
		{true, "permessage-deflate; server_no_context_takeover", "permessage-deflate;server_no_context_takeover"},
		{false, "permessage-deflate; server_max_window_bits=10", none},
		{false, "permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate;server_no_context_takeover;client_no_context_takeover"},
		{false, "permessage-deflate; server_max_window_bits=15", "permessage-deflate;server_no_context_takeover;client_no_context_takeover"},
		{false, "permessage-deflate; unknown", none},
		{false, "permessage-deflate; server_max_window_bits=99", none},
		{false, "x-webkit-deflate-frame", none},
	} {
		address := startServer(t, &Server{Handler: echo, Config: Config{Compression: &Compression{ContextTakeover: c.takeover}}})
		nc := connect(t, address)
		offer := ""
		if c.offer != "" {
			offer = "Sec-WebSocket-Extensions: " + c.offer + "\r\n"
		}
		r, _ := request(t, nc, upgradeRequest+offer+"Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n")
		if got := strings.ReplaceAll(r.Header.Get("Sec-WebSocket-Extensions"), " ", ""); r.StatusCode != http.StatusSwitchingProtocols || got != c.answer {
			t.Errorf("%q is answered %q, want %q", c.offer, got, c.answer)
		}
	}
}

// A small message that decompresses to a huge one costs no more than the limit; what cannot be
// decompressed, and bits that mean nothing, close the connection.
func TestCompressionFaults(t *testing.T) {
	const limit = 100_000
	for what, c := range map[string]struct {
		frames string
		code   CloseCode
	}{
		"bomb":                     {masked(0xc1, deflated(t, strings.Repeat("x", 50<<20))), CloseTooBig},
		"one byte too many":        {masked(0xc1, deflated(t, strings.Repeat("x", limit+1))), CloseTooBig},
		"bomb in fragments":        {masked(0x41, deflated(t, strings.Repeat("x", 50<<20))[:1000]) + masked(0x80, deflated(t, strings.Repeat("x", 50<<20))[1000:]), CloseTooBig},
		"garbage":                  {masked(0xc1, "\xff\xff\xff\xff\xff"), CloseInvalidData},
		"refers to what never was": {masked(0xc1, "\x02\x06\x00"), CloseInvalidData},
		"bit on a continuation":    {masked(0x41, "a") + masked(0xc0, "b"), CloseProtocolError},
		"bit on a ping":            {masked(0xc9, "a"), CloseProtocolError},
		"bit of no extension":      {masked(0xa1, "a"), CloseProtocolError},
		"both bits":                {masked(0xe1, "a"), CloseProtocolError},
	} {
		t.Run(what, func(t *testing.T) {
			s := &Server{Config: Config{MaxMessage: limit, Compression: &Compression{}}}
			address, messages, failed := reads(t, s)
			nc := connect(t, address)
			request(t, nc, upgradeRequest+"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n")
			// The limit itself is taken, in fragments too, before what is wrong.
			good := deflated(t, strings.Repeat("x", limit))
			write(t, nc, masked(0xc1, good)+masked(0x41, good[:10])+masked(0x89, "p")+masked(0x80, good[10:])+masked(0x81, "plain")+masked(0xc1, deflated(t, "")))
			for _, n := range []int{limit, limit, 5, 0} {
				if got := within(t, messages); len(got) != n {
					t.Fatalf("%d bytes, want %d", len(got), n)
				}
			}
			write(t, nc, c.frames)
			if pe, ok := within(t, failed).(*ProtocolError); !ok || pe.Code != c.code {
				t.Errorf("%+v", pe)
			}
			if c.code == CloseTooBig && s.Stats.Oversizes.Load() != 1 {
				t.Error("not counted")
			}
		})
	}
}

// Without context takeover a connection holds nothing of what compresses.
func TestCompressionHoldsNothing(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{Compression: &Compression{}}})
	dial(t, &Dialer{Config: Config{Compression: &Compression{}}}, "ws://"+address, wamp.JSON)
	c := within(t, conns)
	if err := c.Send(large(100_000)); err != nil {
		t.Fatal(err)
	}
	if d := c.(*peer).packing.deflate; d.keeper != nil || d.window != nil {
		t.Error("it does")
	}
}

// FuzzDecompress: whatever a client sends as compressed gives a message within the limit or an error,
// and does not spoil the next one.
func FuzzDecompress(f *testing.F) {
	f.Add([]byte(deflated(f, "hello")), true)
	f.Add([]byte(deflated(f, strings.Repeat("x", 10_000))), false)
	f.Add([]byte("\xff\xff"), true)
	f.Fuzz(func(t *testing.T, message []byte, keep bool) {
		const limit = 4096
		d := &deflater{cfg: &Compression{Level: 1}, keepIn: keep}
		for range 2 {
			out, err := d.decompress(message, limit)
			if err != nil {
				if _, ok := err.(*ProtocolError); !ok {
					t.Fatal(err)
				}
				break
			}
			if len(out) > limit || len(d.window) > deflateWindow {
				t.Fatalf("%d bytes, window %d", len(out), len(d.window))
			}
			again, err := (&deflater{cfg: d.cfg}).compress(nil, out)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := (&deflater{cfg: d.cfg}).decompress(again, limit); err != nil || !bytes.Equal(back, out) {
				t.Fatalf("compressed and back: %v", err)
			}
		}
	})
}
