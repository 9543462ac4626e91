package transport

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

const (
	proxyV2Client4 = proxySignature + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x34\x1f\x90"
	proxyV2Client6 = proxySignature + "\x21\x21\x00\x24\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x12\x34\x1f\x90"
)

func TestProxyHeader(t *testing.T) {
	for header, want := range map[string]string{
		"PROXY TCP4 192.0.2.7 10.0.0.1 4660 8080\r\n":      "192.0.2.7:4660",
		"PROXY TCP6 2001:db8::7 2001:db8::1 4660 8080\r\n": "[2001:db8::7]:4660",
		"PROXY UNKNOWN\r\n":                                "none",
		"PROXY UNKNOWN what ever is here\r\n":              "none",
		proxyV2Client4:                                     "192.0.2.7:4660",
		proxyV2Client6:                                     "[2001:db8::7]:4660",
		strings.Replace(proxyV2Client4, "\x00\x0c", "\x00\x10", 1) + "\x04\x00\x01x": "192.0.2.7:4660", // with an extension
		proxySignature + "\x20\x00\x00\x00":                                          "none",
		proxySignature + "\x21\x00\x00\x02ab":                                        "none",
		"PROXY TCP4 192.0.2.7 10.0.0.1 4660 8080\n":                                  "broken",
		"PROXY TCP4 2001:db8::7 10.0.0.1 4660 8080\r\n":                              "broken",
		"PROXY TCP4 192.0.2.7 10.0.0.1 99999 8080\r\n":                               "broken",
		"PROXY TCP4 192.0.2.7 10.0.0.1\r\n":                                          "broken",
		"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n":                                      "broken",
		"PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n":                            "broken",
		proxySignature + "\x31\x11\x00\x00":                                          "broken",
		proxySignature + "\x22\x11\x00\x00":                                          "broken",
		proxySignature + "\x21\x11\x00\x04abcd":                                      "broken",
		proxySignature + "\x21\x11\xff\xff" + strings.Repeat("x", 65535):             "broken",
		"GET /ws HTTP/1.1\r\n":                                                       "broken",
		proxySignature + "\x21\x11\x00\x0c\xc0":                                      "broken",
		"PROX":                                                                       "broken",
	} {
		r := strings.NewReader(header + "rest")
		if want == "broken" {
			r = strings.NewReader(header)
		}
		addr, err := readProxyHeader(r)
		got := "none"
		switch {
		case err != nil:
			got = "broken"
		case addr != nil:
			got = addr.String()
		}
		if got != want {
			t.Errorf("%q gives %s, %v, want %s", header, got, err, want)
		}
		if rest, _ := io.ReadAll(r); want != "broken" && string(rest) != "rest" {
			t.Errorf("%q leaves %q", header, rest)
		}
	}
}

// The address that a trusted proxy tells is the client's, on both transports; a proxy that says
// nothing is refused, and nobody else can say what he likes.
func TestProxiedConnections(t *testing.T) {
	peers := make(chan string, 1)
	s := &Server{Handler: func(c Conn) { peers <- c.Info().Peer.String() }, Config: Config{Proxies: loopback}}
	address := startServer(t, s)
	for _, c := range []struct{ bytes, want string }{
		{proxyV2Client4 + "\x7f\xf1\x00\x00", "192.0.2.7:4660"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 4660 8080\r\n" + upgradeRequest + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n", "[2001:db8::7]:4660"},
	} {
		nc := connect(t, address)
		write(t, nc, c.bytes)
		if got := within(t, peers); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	local := connect(t, address)
	write(t, local, proxySignature+"\x20\x00\x00\x00\x7f\xf1\x00\x00")
	if got := within(t, peers); got != local.LocalAddr().String() {
		t.Errorf("%s, want %s", got, local.LocalAddr())
	}
	for _, bytes := range []string{"\x7f\xf1\x00\x00\x00\x00\x00\x02[]1234", upgradeRequest + "\r\n"} {
		nc := connect(t, address)
		write(t, nc, bytes)
		expectEnd(t, nc)
	}
	direct := startServer(t, &Server{Handler: echo, Config: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}})
	for _, header := range []string{proxyV2Client4, "PROXY TCP4 192.0.2.7 10.0.0.1 4660 8080\r\n"} {
		nc := connect(t, direct)
		write(t, nc, header+"\x7f\xf1\x00\x00")
		expectEnd(t, nc)
	}
	dial(t, &Dialer{}, "tcp://"+direct, wamp.JSON)
}

// The limit of connections from one address holds for the address that the proxy tells.
func TestLimitPerProxiedAddress(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{Proxies: loopback, MaxPerAddress: 1}}
	address := startServer(t, s)
	open := func(client, answer string) net.Conn {
		nc := connect(t, address)
		write(t, nc, "PROXY "+client+" 4660 8080\r\n\x7f\xf1\x00\x00")
		expect(t, nc, answer)
		return nc
	}
	open("TCP4 192.0.2.7 10.0.0.1", "\x7f\xf1\x00\x00")
	open("TCP4 192.0.2.7 10.0.0.1", "\x7f\x40\x00\x00")
	open("TCP4 192.0.2.8 10.0.0.1", "\x7f\xf1\x00\x00")
	open("TCP6 2001:db8::7 2001:db8::1", "\x7f\xf1\x00\x00")
	open("TCP6 2001:db8::8 2001:db8::1", "\x7f\x40\x00\x00") // the same network of 64 bits
	open("TCP6 2001:db8:0:1::7 2001:db8::1", "\x7f\xf1\x00\x00")
	if n := s.Stats.RefusedAddress.Load(); n != 2 {
		t.Errorf("%d refused", n)
	}
}

// FuzzProxyHeader: any bytes give an address, none, or an error, and no more is read than the header.
func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte(proxyV2Client4))
	f.Add([]byte(proxyV2Client6))
	f.Add([]byte("PROXY TCP4 192.0.2.7 10.0.0.1 4660 8080\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		r := bytes.NewReader(header)
		addr, err := readProxyHeader(r)
		if err != nil && addr != nil {
			t.Fatal("both an address and an error")
		}
		used := len(header) - r.Len()
		if err == nil && header[0] == 'P' && (used > proxyV1Max || header[used-1] != '\n') {
			t.Fatalf("%d bytes read of %q", used, header)
		}
		if addr != nil && !addressOf(addr).IsValid() {
			t.Fatalf("%v is no address", addr)
		}
	})
}
