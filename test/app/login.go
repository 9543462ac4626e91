package app

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/transport"
	"github.com/gammazero/nexus/v3/transport/serialize"
	"github.com/gammazero/nexus/v3/wamp"
	"github.com/gammazero/nexus/v3/wamp/crsign"
)

// Login is somebody who joins a realm with a name and a proof of it.
type Login struct {
	Realm  string
	AuthID string
	// Method is ticket or wampcra.
	Method string
	Secret string
}

// Welcome is what a router says to somebody who joined, or why it did not let them in.
type Welcome struct {
	AuthID  string `json:"authid,omitempty"`
	Role    string `json:"role,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// TryLogin joins at one router and leaves at once.
func TryLogin(ctx context.Context, routers Routers, router string, login Login) (*Welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	answer := func(challenge *wamp.Challenge) (string, wamp.Dict) {
		if login.Method == "wampcra" {
			return crsign.RespondChallenge(login.Secret, challenge, nil), wamp.Dict{}
		}
		return login.Secret, wamp.Dict{}
	}
	quiet := log.New(io.Discard, "", 0)
	peer, err := transport.ConnectWebsocketPeer(ctx, routers.URL(router), serialize.MSGPACK, nil, quiet, &transport.WebsocketConfig{})
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", routers.URL(router), err)
	}
	session, err := client.NewClient(peer, client.Config{
		Realm:           login.Realm,
		HelloDetails:    wamp.Dict{"authid": login.AuthID},
		AuthHandlers:    map[string]client.AuthFunc{login.Method: answer},
		ResponseTimeout: callTimeout,
		Logger:          quiet,
	})
	if err != nil {
		return &Welcome{Refused: err.Error()}, nil // of ABORT the library tells the sentence alone
	}
	defer func() { _ = session.Close() }()
	details := session.RealmDetails()
	welcome := &Welcome{}
	welcome.AuthID, _ = wamp.AsString(details["authid"])
	welcome.Role, _ = wamp.AsString(details["authrole"])
	return welcome, nil
}
