package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// scramKeys is what is kept of a password (RFC 5802, section 3).
type scramKeys struct {
	kdf                v1alpha1.KDF
	salt               string // base64
	iterations, memory int64
	stored, server     []byte
}

// method is the name of the dialect that the client has to speak.
func (k *scramKeys) method() string {
	if k.kdf == v1alpha1.KDFArgon2Old {
		return oldSCRAM
	}
	return SCRAM
}

// nonce is the client's nonce; empty when it is none.
func (a *Attempt) nonce() string {
	text, _ := a.Extra["nonce"].(string)
	if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) < 8 || len(raw) > 128 {
		return ""
	}
	return text
}

// proveSCRAM follows the WAMP advanced profile, "Salted Challenge Response Authentication". The
// extra is for WELCOME: with it the client knows that the router has its keys.
func proveSCRAM(a *Attempt, p *principal) (ok bool, extra map[string]any, err error) {
	keys, method := p.scram, p.scram.method()
	binding, data, err := a.binding()
	if err != nil {
		return false, nil, err
	}
	both := a.nonce() + nonce()
	ask := map[string]any{"nonce": both, "salt": keys.salt, "kdf": string(keys.kdf), "iterations": keys.iterations}
	if keys.memory != 0 {
		ask["memory"] = keys.memory
	}
	proof, answer, err := a.Challenge(method, ask)
	if err != nil {
		return false, nil, err
	}
	message := scramMessage(method, a.AuthID, a.nonce(), both, keys, append([]byte(bindingFlag(binding)+",,"), data...))
	ok, verifier := keys.check(message, proof)
	if method == oldSCRAM { // it binds nothing, and repeats no nonce
		return ok, map[string]any{"scram_server_signature": verifier}, nil
	}
	return ok && answersBinding(answer, both, binding, data), map[string]any{"verifier": verifier}, nil
}

// scramMessage is the AuthMessage of RFC 5802, section 3. The old dialect escapes no name, and
// leaves the binding out.
func scramMessage(method, authID, clientNonce, nonce string, keys *scramKeys, binding []byte) string {
	bound := base64.StdEncoding.EncodeToString(binding)
	if method == oldSCRAM {
		bound = ""
	} else {
		authID = escapeName(authID)
	}
	return "n=" + authID + ",r=" + clientNonce +
		",r=" + nonce + ",s=" + keys.salt + ",i=" + strconv.FormatInt(keys.iterations, 10) +
		",c=" + bound + ",r=" + nonce
}

// check tells whether a ClientProof, in base64, was made with the client key, and gives the
// ServerSignature.
func (k *scramKeys) check(message, proof string) (ok bool, verifier string) {
	got, err := base64.StdEncoding.DecodeString(proof)
	whole := err == nil && len(got) == keySize
	if !whole {
		got = make([]byte, keySize)
	}
	client := make([]byte, keySize)
	subtle.XORBytes(client, got, mac(k.stored, message))
	stored := sha256.Sum256(client)
	ok = hmac.Equal(stored[:], k.stored) && whole
	return ok, base64.StdEncoding.EncodeToString(mac(k.server, message))
}

// answersBinding tells whether AUTHENTICATE.Extra repeats what was agreed on. It is no secret.
func answersBinding(answer map[string]any, nonce, binding string, data []byte) bool {
	gotNonce, _ := answer["nonce"].(string)
	gotBinding, _ := answer["channel_binding"].(string)
	gotData, _ := answer["cbind_data"].(string)
	return gotNonce == nonce && gotBinding == binding && gotData == base64.StdEncoding.EncodeToString(data)
}

func bindingFlag(binding string) string {
	if binding == "" {
		return "n"
	}
	return "p=" + binding
}

// escapeName is that of RFC 5802, section 5.1.
var escapeName = strings.NewReplacer("=", "=3D", ",", "=2C").Replace
