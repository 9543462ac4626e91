package auth

// Methods of authentication, as they stand in HELLO.Details.authmethods.
const (
	Anonymous   = "anonymous"
	Ticket      = "ticket"
	WampCRA     = "wampcra"
	SCRAM       = "wamp-scram"
	Cryptosign  = "cryptosign"
	Certificate = "tls"
	// oldSCRAM is what Crossbar.io and Autobahn|Python speak in place of SCRAM.
	oldSCRAM = "scram"
)

// Providers of authentication, as they stand in WELCOME.Details.authprovider.
const (
	static  = "static"  // a WampRealm
	dynamic = "dynamic" // an authenticator
)

// named tells whether a method needs to know who the client says it is.
func named(method string) bool {
	return method == Ticket || method == WampCRA || method == SCRAM || method == oldSCRAM
}
