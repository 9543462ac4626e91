package auth

import "errors"

// binding is the channel binding that the client asks for in HELLO.Details.authextra, and its
// data; empty when it asks for none. A client that wants one is not let in without: somebody may
// be in between.
func (a *Attempt) binding() (name string, data []byte, err error) {
	switch asked := a.Extra["channel_binding"].(type) {
	case nil:
		return "", nil, nil
	case string:
		name = asked
	}
	switch {
	case name == "":
		return "", nil, failed(nil, "HELLO.Details.authextra.channel_binding: write tls-exporter, tls-unique or null")
	case a.Connection == nil:
		err = errors.New("nothing is known of the connection")
	case name == "tls-unique":
		data, err = a.Connection.TLSUnique()
	case name == "tls-exporter":
		data, err = a.Connection.TLSExporter()
	default:
		return "", nil, failed(nil, "the channel binding that the client asks for is not known here: write tls-exporter, tls-unique or null")
	}
	if err != nil {
		return "", nil, failed(nil, "no channel binding: %v", err)
	}
	return name, data, nil
}
