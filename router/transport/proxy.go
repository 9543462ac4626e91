package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
)

// The PROXY protocol, versions 1 and 2: what a load balancer says ahead of a connection about the
// client for which it made it (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).

const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	proxyV1        = "PROXY "
	proxyV1Max     = 107     // bytes of a line of version 1, with its end
	proxyV2Max     = 4 << 10 // bytes after the fixed part that are taken: addresses and what some balancers add

	proxyV2Local = 0x20
	proxyV2Proxy = 0x21
	proxyV2TCP4  = 0x11
	proxyV2TCP6  = 0x21
)

var errProxy = errors.New("the PROXY protocol header is broken")

// proxied says whether a connection from addr must begin with a PROXY header.
func (c *Config) proxied(addr net.Addr) bool {
	if len(c.Proxies) == 0 {
		return false
	}
	from := addressOf(addr)
	for _, network := range c.Proxies {
		if network.Contains(from) {
			return true
		}
	}
	return false
}

// addressOf is the IP address of a TCP address; not valid for other kinds.
func addressOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// readProxyHeader reads a header and no byte more. The address is nil when the header does not name
// one: the proxy speaks for itself then, to see whether the router lives, say.
func readProxyHeader(r io.Reader) (net.Addr, error) {
	var b [proxyV1Max]byte
	// Both versions have at least so many bytes.
	start := b[:len(proxySignature)]
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, fmt.Errorf("reading the PROXY protocol header: %w", err)
	}
	switch {
	case string(start) == proxySignature:
		return readProxyV2(r)
	case bytes.HasPrefix(start, []byte(proxyV1)):
		return readProxyV1(r, b[:], len(start))
	}
	return nil, fmt.Errorf("%w: it is not there, though the connection comes from a trusted proxy", errProxy)
}

func readProxyV1(r io.Reader, b []byte, n int) (net.Addr, error) {
	for b[n-1] != '\n' {
		if n == len(b) {
			return nil, fmt.Errorf("%w: no end of line within %d bytes", errProxy, proxyV1Max)
		}
		if _, err := io.ReadFull(r, b[n:n+1]); err != nil {
			return nil, fmt.Errorf("reading the PROXY protocol header: %w", err)
		}
		n++
	}
	line, ended := strings.CutSuffix(string(b[:n]), "\r\n")
	fields := strings.Split(line, " ")
	if !ended || len(fields) < 2 {
		return nil, fmt.Errorf("%w: %q", errProxy, b[:n])
	}
	if fields[1] == "UNKNOWN" {
		return nil, nil
	}
	if len(fields) != 6 || fields[1] != "TCP4" && fields[1] != "TCP6" {
		return nil, fmt.Errorf("%w: %q", errProxy, b[:n])
	}
	ip, err := netip.ParseAddr(fields[2])
	if err != nil || ip.Is4() != (fields[1] == "TCP4") || ip.Zone() != "" {
		return nil, fmt.Errorf("%w: %q is not an address of %s", errProxy, fields[2], fields[1])
	}
	from, err := netip.ParseAddrPort(net.JoinHostPort(fields[2], fields[4]))
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not a port", errProxy, fields[4])
	}
	return net.TCPAddrFromAddrPort(from), nil
}

func readProxyV2(r io.Reader) (net.Addr, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("reading the PROXY protocol header: %w", err)
	}
	command, family, size := head[0], head[1], int(binary.BigEndian.Uint16(head[2:]))
	if command != proxyV2Local && command != proxyV2Proxy {
		return nil, fmt.Errorf("%w: version and command 0x%02x", errProxy, command)
	}
	if size > proxyV2Max {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", errProxy, size, proxyV2Max)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("reading the PROXY protocol header: %w", err)
	}
	length := 0 // of an address; source and destination follow one another, then the two ports
	switch {
	case command == proxyV2Local:
		return nil, nil
	case family == proxyV2TCP4:
		length = 4
	case family == proxyV2TCP6:
		length = 16
	default: // UDP, Unix sockets and unspecified: no address of a client that means anything here
		return nil, nil
	}
	if size < 2*length+4 {
		return nil, fmt.Errorf("%w: %d bytes are too few for its addresses", errProxy, size)
	}
	ip, _ := netip.AddrFromSlice(body[:length])
	port := binary.BigEndian.Uint16(body[2*length:])
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port)), nil
}
