package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"
)

// craKey is what a client signs with. A salted one is the base64 of the derived key, as it
// stands: that is the key of the signature.
type craKey struct {
	secret                []byte
	salt                  string // empty: not salted
	iterations, keyLength int64
}

// craChallenge is what the client signs (WAMP advanced profile, "Challenge Response
// Authentication").
type craChallenge struct {
	AuthID       string `json:"authid"`
	AuthRole     string `json:"authrole"`
	AuthMethod   string `json:"authmethod"`
	AuthProvider string `json:"authprovider"`
	Nonce        string `json:"nonce"`
	Timestamp    string `json:"timestamp"`
	Session      uint64 `json:"session"`
}

// challenger is the provider that a challenge names, whoever knows the secret: who does is told
// after it was proved.
const challenger = "wamp-router"

// proveCRA follows the WAMP advanced profile, "Challenge Response Authentication".
func proveCRA(a *Attempt, p *principal) (bool, error) {
	challenge, err := json.Marshal(craChallenge{
		AuthID: p.authID, AuthRole: p.role.Name, AuthMethod: WampCRA, AuthProvider: challenger,
		Nonce: nonce(), Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Session: a.Session,
	})
	if err != nil {
		return false, failed(err, "the challenge cannot be written")
	}
	extra := map[string]any{"challenge": string(challenge)}
	if p.cra.salt != "" {
		extra["salt"], extra["iterations"], extra["keylen"] = p.cra.salt, p.cra.iterations, p.cra.keyLength
	}
	answer, _, err := a.Challenge(WampCRA, extra)
	if err != nil {
		return false, err
	}
	want := mac(p.cra.secret, string(challenge))
	got, err := base64.StdEncoding.DecodeString(answer)
	return hmac.Equal(got, want) && err == nil, nil
}

// nonce is 16 random bytes in base64.
func nonce() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	return base64.StdEncoding.EncodeToString(random)
}
