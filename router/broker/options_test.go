package broker

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Clients that send undefined for what the application did not set can subscribe and publish.
func TestNullOptionsAreNotGiven(t *testing.T) {
	undefined := map[wamp.Format]string{wamp.JSON: `{"match":null}`, wamp.MessagePack: "\x81\xa5match\xd4\x00\x00", wamp.CBOR: "\xa1\x65match\xf7"}
	for format, options := range undefined {
		if o, err := parseSubscribe(wamp.Dict{Format: format, Raw: []byte(options)}); err != nil || o != (subscribeOptions{}) {
			t.Errorf("%v: SUBSCRIBE %+v, %v", format, o, err)
		}
	}
	none := wamp.MustDict(wamp.CBOR, map[string]any{"exclude_me": nil, "eligible": nil, "retain": nil, "acknowledge": nil})
	if o, err := parseOptions(none); err != nil || o != (options{}) {
		t.Errorf("PUBLISH %+v, %v", o, err)
	}
}
