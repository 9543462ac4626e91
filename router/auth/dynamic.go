package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Caller calls the procedures of authenticators.
type Caller interface {
	// CallInternal calls a procedure as the router itself. The error wraps ErrUnreachable when
	// nobody answered.
	CallInternal(ctx context.Context, realm, procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error)
}

// ErrUnreachable is in the chain of an error of Caller when the procedure could not be asked: it
// is not registered, its callee went away, or the time was over.
var ErrUnreachable = errors.New("the procedure could not be asked")

// answerTime is how long an authenticator may take.
const answerTime = 5 * time.Second

// authenticator is a procedure that knows who may join.
type authenticator struct {
	realm, procedure string
	// cra is how it derives keys, as declared; decoys look like that.
	cra    craKey
	warn   func(message string)
	warned atomic.Bool
}

// decoySalt is what the salts of decoys look like: 16 bytes in base64.
var decoySalt = base64.StdEncoding.EncodeToString(make([]byte, 16))

func newAuthenticator(declared *v1alpha1.Authenticator, realm string, warn func(string)) *authenticator {
	by := &authenticator{procedure: declared.Procedure, realm: orElse(declared.Realm, realm), warn: warn}
	if c := declared.WampCRA; c != nil {
		by.cra = craKey{salt: decoySalt, iterations: int64(c.Iterations), keyLength: int64(c.KeyLength)}
	}
	return by
}

// compare warns, once, of a key that is not derived as declared: the challenges of those whom
// the authenticator knows differ from those of others then.
func (by *authenticator) compare(told *craKey) {
	same := told.salt == "" && by.cra.salt == "" ||
		len(told.salt) == len(by.cra.salt) && told.iterations == by.cra.iterations && told.keyLength == by.cra.keyLength
	if same || by.warn == nil || by.warned.Swap(true) {
		return
	}
	answered, write := "a secret without a salt", "remove wampcra from its entry of spec.authenticators, or let it answer with a salt"
	if told.salt != "" {
		answered = fmt.Sprintf("a salt of %d characters with iterations %d and keylen %d", len(told.salt), told.iterations, told.keyLength)
		write = fmt.Sprintf("declare wampcra: {iterations: %d, keyLength: %d} in its entry of spec.authenticators, and let salts be 16 bytes in base64 (%d characters)",
			told.iterations, told.keyLength, len(decoySalt))
	}
	by.warn(fmt.Sprintf("authenticator %s in realm %s answers with %s, which is not what is declared, and so lets a guesser tell the names that it knows: %s",
		by.procedure, by.realm, answered, write))
}

// verdict is what an authenticator answered.
type verdict struct {
	role   *Role
	authID string
	extra  map[string]any
	cra    *craKey // nil: it told no secret
}

// ask asks the authenticator about a client. The error is the answer to the client; it is
// denied() when the authenticator said no.
func (r *Realm) ask(ctx context.Context, by *authenticator, method string, a *Attempt, ticket *string) (*verdict, error) {
	if a.Caller == nil {
		return nil, failed(ErrUnreachable, "the authenticator cannot be asked")
	}
	details := map[string]any{"authmethod": method, "authextra": a.Extra, "session": a.Session, "transport": a.Transport}
	if a.Extra == nil {
		details["authextra"] = map[string]any{}
	}
	if ticket != nil {
		details["ticket"] = *ticket
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	args, kwargs, err := a.Caller.CallInternal(ctx, by.realm, by.procedure, []any{r.name, a.AuthID, details}, nil)
	switch {
	case errors.Is(err, ErrUnreachable) || ctx.Err() != nil:
		return nil, failed(fmt.Errorf("authenticator %s in realm %s: %w", by.procedure, by.realm, err), "the authenticator cannot be asked")
	case err != nil:
		return nil, denied()
	}
	v, err := r.verdict(args, kwargs)
	if err != nil {
		return nil, failed(fmt.Errorf("authenticator %s in realm %s: %w", by.procedure, by.realm, err), "the authenticator gave no answer that makes sense")
	}
	return v, nil
}

// verdict reads an answer: the name of a role, or a dictionary.
func (r *Realm) verdict(args []any, kwargs map[string]any) (*verdict, error) {
	answer := kwargs
	if len(args) > 0 {
		switch first := args[0].(type) {
		case string:
			answer = map[string]any{"role": first}
		case map[string]any:
			answer = first
		default:
			return nil, errors.New("its answer is neither the name of a role nor a dictionary")
		}
	}
	name, _ := answer["role"].(string)
	v := &verdict{role: r.roles[name]}
	if v.role == nil {
		return nil, fmt.Errorf("its answer has the role %q, which the realm %s does not have", name, r.name)
	}
	v.authID, _ = answer["authid"].(string)
	v.extra, _ = answer["extra"].(map[string]any)
	if secret, ok := answer["secret"].(string); ok && secret != "" {
		v.cra = &craKey{secret: []byte(secret)}
		v.cra.salt, _ = answer["salt"].(string)
		v.cra.iterations, v.cra.keyLength = number(answer["iterations"], 1000), number(answer["keylen"], 32)
	}
	return v, nil
}

func number(v any, otherwise int64) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int:
		return int64(n)
	case float64:
		return int64(n)
	}
	return otherwise
}

// identity is who the client is after it was let in.
func (v *verdict) identity(a *Attempt, method string) Identity {
	return Identity{
		AuthID: orElse(v.authID, orElse(a.name(), a.Guest)), Method: method, Provider: dynamic, Role: v.role, Extra: v.extra,
	}
}

// admitUnnamed asks about a client that does not say who it is.
func (r *Realm) admitUnnamed(ctx context.Context, a *Attempt, by *authenticator) (Identity, error) {
	v, err := r.ask(ctx, by, Anonymous, a, nil)
	if err != nil {
		return Identity{}, err
	}
	id := v.identity(a, Anonymous)
	id.AuthID = orElse(v.authID, a.Guest)
	return id, nil
}

// admitDynamic asks about a client whom no principal names. To whom the authenticator says no,
// it looks as to those who prove nothing: they are challenged, and denied after it. Who the client
// is, when the authenticator gives it another name, is told after it was proved.
func (r *Realm) admitDynamic(ctx context.Context, method string, a *Attempt) (Identity, error) {
	by := r.authenticators[method]
	if method == Ticket {
		ticket, _, err := a.Challenge(Ticket, map[string]any{})
		if err != nil {
			return Identity{}, err
		}
		v, err := r.ask(ctx, by, Ticket, a, &ticket)
		if err != nil {
			return Identity{}, err
		}
		return v.identity(a, Ticket), nil
	}
	p := r.decoy(a.name(), method)
	if method == WampCRA {
		p.cra = r.decoyCRA(a.name(), &by.cra)
	}
	v, err := r.ask(ctx, by, method, a, nil)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal) && refusal.URI != wamp.ErrAuthenticationDenied:
		return Identity{}, err
	case err == nil:
		p = &principal{authID: p.authID, role: p.role, cra: v.cra, keys: map[string]bool{a.publicKey(): true}}
		if method == WampCRA && v.cra == nil {
			cause := fmt.Errorf("authenticator %s in realm %s: its answer has no secret", by.procedure, by.realm)
			return Identity{}, failed(cause, "the authenticator gave no answer that makes sense")
		}
		if method == WampCRA {
			by.compare(v.cra)
		}
	}
	var ok bool
	if method == WampCRA {
		ok, err = proveCRA(a, p)
	} else {
		ok, err = proveCryptosign(a, p)
	}
	switch {
	case err != nil:
		return Identity{}, err
	case !ok || p.decoy:
		return Identity{}, denied()
	}
	return v.identity(a, method), nil
}
