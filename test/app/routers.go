// Package app is a small WAMP application, written with somebody else's client library: callees
// that reconnect, and callers that count what happens to their calls. The demonstration runs it in
// a pod; the tests run it against routers on this machine as well.
package app

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/transport"
	"github.com/gammazero/nexus/v3/wamp"
)

// Environment variables that say where the routers are.
const (
	EnvRouters = "WAMP_ROUTERS" // names, separated by commas
	EnvAddress = "WAMP_ADDRESS" // URL with %s in place of the name
	EnvRealm   = "WAMP_REALM"
)

const (
	dialTimeout = 2 * time.Second
	// callTimeout is far beyond any answer; a call that takes as long counts as unanswered.
	callTimeout = 10 * time.Second
	// keepAlive finds a router that vanished without closing the connection.
	keepAlive = time.Second
)

// Routers are the replicas of one cluster, each reached by a URL of its own.
type Routers struct {
	Names []string
	// URL gives the address of a router: ws://, tcp:// and so on.
	URL   func(name string) string
	Realm string
}

// RoutersFromEnvironment reads where the routers are.
func RoutersFromEnvironment() (Routers, error) {
	names, address, realm := os.Getenv(EnvRouters), os.Getenv(EnvAddress), os.Getenv(EnvRealm)
	if names == "" || strings.Count(address, "%s") != 1 || realm == "" {
		return Routers{}, fmt.Errorf("set %s to the names of the routers, such as demo-0,demo-1, %s to their URL with %%s for the name, such as ws://%%s.demo-headless:8080/ws, and %s to the realm",
			EnvRouters, EnvAddress, EnvRealm)
	}
	return Routers{
		Names: strings.Split(names, ","),
		URL:   func(name string) string { return strings.Replace(address, "%s", name, 1) },
		Realm: realm,
	}, nil
}

// Join opens a session with one router.
func (r Routers) Join(ctx context.Context, name string) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.ConnectNet(ctx, r.URL(name), client.Config{
		Realm:           r.Realm,
		ResponseTimeout: callTimeout,
		Logger:          log.New(io.Discard, "", 0), // what matters comes back as an error
		WsCfg:           transport.WebsocketConfig{KeepAlive: keepAlive},
	})
	if err != nil {
		return nil, fmt.Errorf("joining realm %s at %s: %w", r.Realm, r.URL(name), err)
	}
	return c, nil
}

// call makes one call and returns the name of the callee that answered.
func call(ctx context.Context, c *client.Client, procedure string, args ...any) (callee string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, err := c.Call(ctx, procedure, nil, wamp.List(args), nil, nil)
	if err != nil {
		return "", err
	}
	if len(result.Arguments) == 0 {
		return "", fmt.Errorf("%s answered without the name of the callee", procedure)
	}
	callee, ok := wamp.AsString(result.Arguments[0])
	if !ok {
		return "", fmt.Errorf("%s answered %v in place of the name of the callee", procedure, result.Arguments[0])
	}
	return callee, nil
}
