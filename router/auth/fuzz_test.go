package auth

import (
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Whatever a client writes in HELLO and AUTHENTICATE, nobody panics, and who knows no secret does
// not get in.
func FuzzAdmit(f *testing.F) {
	f.Add("alice", "ticket wampcra", "open says me", []byte(`{}`), []byte(`{}`))
	f.Add("alice", "wamp-scram", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", []byte(`{"nonce":"bm9uY2Utbm9uY2U=","channel_binding":null}`),
		[]byte(`{"nonce":"x","channel_binding":"tls-unique","cbind_data":"eA=="}`))
	f.Add("", "cryptosign tls anonymous", strings.Repeat("ab", 96), []byte(`{"pubkey":"`+strings.Repeat("ab", 32)+`","channel_binding":"tls-exporter"}`), []byte(`{}`))
	f.Add("scram", "scram", "", []byte(`{"nonce":[1]}`), []byte(`{"nonce":{"a":1}}`))
	r := people(f)
	f.Fuzz(func(t *testing.T, authID, methods, signature string, hello, answer []byte) {
		decode := func(raw []byte) map[string]any {
			var m wamp.Message
			frame := append(append([]byte(`[5,"",`), raw...), ']')
			if wamp.Decode(wamp.JSON, frame, &m) != nil {
				return nil
			}
			extra, _ := m.Dict.Decode()
			return extra
		}
		asked := 0
		_, err := r.Admit(t.Context(), &Attempt{
			AuthID: authID, Methods: strings.Fields(methods), Extra: decode(hello), Connection: &transport.Info{},
			Challenge: func(_ string, extra map[string]any) (string, map[string]any, error) {
				asked++
				if _, err := wamp.NewDict(wamp.CBOR, extra); err != nil {
					t.Fatalf("a challenge that cannot be sent: %v", err)
				}
				return signature, decode(answer), nil
			},
		})
		if signature == aliceSecret {
			return
		}
		if err == nil || asked > 1 {
			t.Fatalf("let in: %v, asked %d times", err == nil, asked)
		}
	})
}
