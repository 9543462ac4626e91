package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/gammazero/nexus/v3/wamp"
)

// Refusal is the ERROR that a router answers.
type Refusal struct {
	URI      string `json:"uri"`
	Sentence string `json:"sentence"`
}

// TryRegister registers a procedure at one router and leaves at once. A nil Refusal says that it
// was accepted.
func TryRegister(ctx context.Context, routers Routers, router string, p Procedure) (*Refusal, error) {
	session, err := routers.Join(ctx, router)
	if err != nil {
		return nil, err
	}
	defer func() { _ = session.Close() }()
	err = session.Register(p.URI, Callee{Name: "nobody", Router: router}.answer, wamp.Dict{wamp.OptInvoke: p.Invoke})
	if err == nil {
		return nil, nil
	}
	// The library has the URI and the arguments of the ERROR in the text alone:
	// registering procedure 'x': URI: argument, argument
	_, text, ok := strings.Cut(err.Error(), "': ")
	if !ok || !strings.HasPrefix(text, "wamp.") {
		return nil, fmt.Errorf("registering %s at %s: %w", p.URI, router, err)
	}
	uri, sentence, _ := strings.Cut(text, ": ")
	return &Refusal{URI: uri, Sentence: sentence}, nil
}
