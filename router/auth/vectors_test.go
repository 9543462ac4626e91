package auth

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The exchange of RFC 7677, section 3.
func TestSCRAMVector(t *testing.T) {
	const salt, client = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO"
	const both = client + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	derived, err := DeriveSCRAM("pencil", KDF{Name: v1alpha1.KDFPBKDF2, Salt: unbase64(t, salt), Iterations: 4096})
	if err != nil {
		t.Fatal(err)
	}
	keys := &scramKeys{kdf: v1alpha1.KDFPBKDF2, salt: salt, iterations: 4096, stored: derived.Stored, server: derived.Server}
	message := scramMessage(SCRAM, "user", client, both, keys, []byte("n,,"))
	ok, verifier := keys.check(message, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if !ok || verifier != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("%v, verifier %s", ok, verifier)
	}
	for _, proof := range []string{"", "dHzb", "!", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU=", base64.StdEncoding.EncodeToString(derived.Stored)} {
		if ok, _ := keys.check(message, proof); ok {
			t.Errorf("%q is a proof", proof)
		}
	}
}

func TestArgon2Vector(t *testing.T) {
	kdf := KDF{Name: v1alpha1.KDFArgon2, Salt: unbase64(t, "W22ZaJ0SNY7soEsUEjb6gQ=="), Iterations: 4096, Memory: 100}
	salted, err := kdf.SaltedPassword("pencil")
	if got := base64.StdEncoding.EncodeToString(salted); err != nil || got != "6AIVIE+fg84WuUMIH3cJilV2H1kpnf4SHlOHTqatIFA=" {
		t.Errorf("%s, %v", got, err)
	}
}

// RFC 4013, section 3, as far as it goes here.
func TestPasswordsAreNormalized(t *testing.T) {
	for password, want := range map[string]string{
		"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "a\u00a0b": "a b",
	} {
		if got, err := normalize(password); got != want || err != nil {
			t.Errorf("%q becomes %q, %v", password, got, err)
		}
	}
	for _, password := range []string{"", "\u0007", "\u00ad", "a\u0000"} {
		if got, err := normalize(password); err == nil {
			t.Errorf("%q becomes %q", password, got)
		}
	}
}

// The vectors of the WAMP text, "Cryptosign-based Authentication".
func TestCryptosignVectors(t *testing.T) {
	for _, v := range []struct{ channel, seed, challenge, signature string }{
		{"", "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510",
			"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
			"b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
		{"62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff", "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd",
			"b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
			"305aaa3ac25e98f651427688b3fc43fe7d8a68a7ec1d7d61c61517c519bd4a427c3015599d83ca28b4c652333920223844ef0725eb5dc2febfd6af7677b73f01d0852a29b460fc92ec943242ac638a053bbacc200512b18b30d15083cbdc9282"},
	} {
		bytes := func(text string) []byte {
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		message := bytes(v.challenge)
		if v.channel != "" {
			subtle.XORBytes(message, message, channelID("tls-exporter", bytes(v.channel)))
		}
		key := ed25519.NewKeyFromSeed(bytes(v.seed)).Public().(ed25519.PublicKey)
		for _, answer := range []string{v.signature, v.signature[:128]} {
			if !signs(key, message, answer) {
				t.Errorf("%s is no signature", answer)
			}
		}
		other := "00" + v.signature[2:]
		for _, answer := range []string{"", other, other[:128], v.signature[:128] + "00" + v.signature[130:], v.signature + "00", v.signature[:190]} {
			if signs(key, message, answer) {
				t.Errorf("%s is a signature", answer)
			}
		}
		if signs(key, bytes("00"+v.challenge[2:]), v.signature) {
			t.Error("the signature of another message")
		}
	}
}
