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

// Attributes of payload passthru mode that make no sense are an error of the publication, and nothing
// else is done about them.
func TestPassthruOptionsThatMakeNoSense(t *testing.T) {
	r := &realm{}
	c := join(t, newBroker(r), wamp.JSON)
	for i, given := range []map[string]any{
		{"ppt_scheme": 1}, {"ppt_scheme": true}, {"ppt_scheme": ""},
		{"ppt_serializer": "cbor"}, {"ppt_cipher": "none"}, {"ppt_keyid": "7"},
		{"ppt_scheme": "x_mine", "ppt_keyid": 7},
	} {
		c.publish(topicURI, given)
		if sent := c.conn.Sent(); len(sent) != 0 {
			t.Errorf("%v: answered %v to a publication without acknowledgement", given, types(sent))
		}
		given["acknowledge"] = true
		c.publish(topicURI, given)
		sent := c.conn.Sent()
		if len(sent) != 1 || sent[0].Type != wamp.Error || sent[0].URI != wamp.ErrInvalidArgument {
			t.Errorf("%d: %v: answered %v", i, given, sent)
		}
	}
	if len(r.published) != 0 {
		t.Errorf("published %v", r.published)
	}
}
