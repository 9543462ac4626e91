package cluster

import (
	"context"
	"log"
	"net"

	"github.com/hashicorp/memberlist"
)

// fabric is the network under a node: sockets, or in a test one that the test made.
type fabric interface {
	listen(address string) (net.Listener, error)
	dial(ctx context.Context, address string) (net.Conn, error)
	// resolve gives the IP addresses of a host.
	resolve(ctx context.Context, host string) ([]string, error)
	// gossip gives memberlist's transport; nil: memberlist listens by itself.
	gossip(host string, port int, logger *log.Logger) (memberlist.Transport, error)
}

// sockets is the network of the operating system.
type sockets struct{}

func (sockets) listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

func (sockets) dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: handshakeWait}).DialContext(ctx, "tcp", address)
}

func (sockets) resolve(ctx context.Context, host string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, host)
}

func (sockets) gossip(string, int, *log.Logger) (memberlist.Transport, error) { return nil, nil }
