package interop

var nexusLibrary = &library{
	name:  "nexus v3.3.0",
	start: startNexus,
	speaks: []string{
		"websocket/json", "websocket/msgpack", "websocket/cbor", "rawsocket/json", "rawsocket/msgpack", "rawsocket/cbor",
	},
	tellsReason: true,
	hidesAbort:  true,
	cannot: map[string]string{
		"retained event":                       "it drops what comes right behind SUBSCRIBED",
		"scram":                                "it has no answer to a CHALLENGE of scram",
		"scram with a wrong password":          "it has no answer to a CHALLENGE of scram",
		"payload passthru with json":           "it panics: it expects bytes, which it writes as text in JSON itself",
		"payload passthru of events with json": "it panics: it expects bytes, which it writes as text in JSON itself",
	},
}

var libraries = []*library{
	nexusLibrary,
	{
		name:            "Autobahn|JS 26.3.1",
		start:           nodeDriver("Autobahn|JS", "autobahn"),
		speaks:          []string{"websocket/json", "websocket/msgpack", "websocket/cbor", "rawsocket/json"},
		tellsReason:     true,
		tellsRevocation: true,
		clearRawSocket:  true,
		cannot: map[string]string{
			"client certificate":               "it takes the WebSocket of Node.js, which is given no certificate",
			"progressive invocations":          "it sends a CALL once",
			"cancel: killnowait":               "it forgets the call with CANCEL, and closes the connection when the ERROR comes that the text asks for",
			"cancel: skip":                     "it forgets the call with CANCEL, and closes the connection when the ERROR comes that the text asks for",
			"cancel: kill":                     "as a callee it knows no INTERRUPT, and says so in HELLO",
			"INTERRUPT when the caller leaves": "as a callee it knows no INTERRUPT, and says so in HELLO",
			"payload passthru":                 "it hides the details of a RESULT",
			"payload passthru of events":       "it hides the details of an EVENT that it does not know",
			"scram":                            "it has no answer to a CHALLENGE of scram",
			"scram with a wrong password":      "it has no answer to a CHALLENGE of scram",
		},
	},
	{
		name:      "wampy.js 8.0.2",
		start:     nodeDriver("wampy.js", "wampy"),
		noStreams: true,
		speaks:    []string{"websocket/json", "websocket/msgpack", "websocket/cbor"},
		cannot: map[string]string{
			"cancel: kill":                     "as a callee it knows no INTERRUPT, and does not say otherwise in HELLO",
			"cancel: killnowait":               "as a callee it knows no INTERRUPT, and does not say otherwise in HELLO",
			"INTERRUPT when the caller leaves": "as a callee it knows no INTERRUPT, and does not say otherwise in HELLO",
			"exclude_me false":                 "it sends exclude_me only when it is true",
			"retained event":                   "it takes the option retain and does not send it",
			"the callee asks who calls":        "it does not send disclose_caller",
			"concurrency of a registration":    "it does not send concurrency",
			"testament":                        "it cannot publish with exclude_me false",
			"scram":                            "it has no answer to a CHALLENGE of scram",
			"scram with a wrong password":      "it has no answer to a CHALLENGE of scram",
		},
	},
	{
		name:        "Autobahn|Python 22.7.1",
		start:       pythonDriver,
		speaks:      []string{"websocket/json", "websocket/msgpack", "websocket/cbor", "rawsocket/json", "rawsocket/msgpack", "rawsocket/cbor"},
		tellsReason: true,
		cannot: map[string]string{
			"progressive invocations":        "it sends a CALL once",
			"cancel: kill":                   "it sends CANCEL without a mode",
			"cancel: skip":                   "it sends CANCEL without a mode",
			"the caller discloses itself":    "it has no option disclose_me",
			"the callee asks who calls":      "it has no option disclose_caller",
			"the publisher discloses itself": "it has no option disclose_me",
			"payload passthru":               "it has an older, different payload transparency",
			"payload passthru of events":     "it has an older, different payload transparency",
		},
	},
}
