package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// proveCryptosign follows the WAMP advanced profile, "Cryptosign-based Authentication". The
// signature is checked with the key that the client announced, whether it is the principal's or
// not.
func proveCryptosign(a *Attempt, p *principal) (bool, error) {
	binding, data, err := a.binding()
	if err != nil {
		return false, err
	}
	challenge := make([]byte, keySize)
	_, _ = rand.Read(challenge)
	extra := map[string]any{"challenge": hex.EncodeToString(challenge), "channel_binding": nil}
	message := challenge
	if binding != "" {
		extra["channel_binding"] = binding
		message = make([]byte, keySize)
		subtle.XORBytes(message, challenge, channelID(binding, data))
	}
	answer, _, err := a.Challenge(Cryptosign, extra)
	if err != nil {
		return false, err
	}
	name := a.publicKey()
	key, err := hex.DecodeString(name)
	if err != nil {
		return false, denied()
	}
	signed := signs(key, message, answer) // also for a key that is not the principal's: it takes its time
	return signed && p.keys[name], nil
}

// signs tells whether an answer, in hex, is a signature of the message, with or without the
// message behind it.
func signs(key ed25519.PublicKey, message []byte, answer string) bool {
	raw, err := hex.DecodeString(answer)
	if err != nil || len(raw) != ed25519.SignatureSize && len(raw) != ed25519.SignatureSize+len(message) {
		return false
	}
	signature, rest := raw[:ed25519.SignatureSize], raw[ed25519.SignatureSize:]
	if len(rest) > 0 && subtle.ConstantTimeCompare(rest, message) != 1 {
		return false
	}
	return ed25519.Verify(key, message, signature)
}

// channelID makes 32 bytes of the data of a channel binding. tls-unique has 12 as a rule, which
// implementations hash.
func channelID(binding string, data []byte) []byte {
	if binding == "tls-unique" {
		digest := sha256.Sum256(data)
		return digest[:]
	}
	return data
}
