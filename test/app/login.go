package app

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/gammazero/nexus/v3/client"
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

// Welcome is what a router says to somebody who joined, or the Refusal.
type Welcome struct {
	AuthID  string   `json:"authid,omitempty"`
	Role    string   `json:"role,omitempty"`
	Refusal *Refusal `json:"refusal,omitempty"`
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
	session, err := client.ConnectNet(ctx, routers.URL(router), client.Config{
		Realm:           login.Realm,
		HelloDetails:    wamp.Dict{"authid": login.AuthID},
		AuthHandlers:    map[string]client.AuthFunc{login.Method: answer},
		ResponseTimeout: callTimeout,
		Logger:          log.New(io.Discard, "", 0),
	})
	if err != nil {
		// The library has the reason of ABORT in the text alone.
		if _, text, found := strings.Cut(err.Error(), "wamp.error."); found {
			reason, sentence, _ := strings.Cut(text, ": ")
			return &Welcome{Refusal: &Refusal{URI: "wamp.error." + reason, Sentence: sentence}}, nil
		}
		return nil, fmt.Errorf("joining realm %s at %s: %w", login.Realm, routers.URL(router), err)
	}
	defer func() { _ = session.Close() }()
	details := session.RealmDetails()
	welcome := &Welcome{}
	welcome.AuthID, _ = wamp.AsString(details["authid"])
	welcome.Role, _ = wamp.AsString(details["authrole"])
	return welcome, nil
}
