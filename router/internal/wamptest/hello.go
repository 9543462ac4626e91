package wamptest

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Hello is what a good client says, which has every role and every feature.
func Hello(realm string, f wamp.Format) *wamp.Message { return HelloWith(realm, f, nil) }

// HelloWith is Hello with details of its own; those of the same name take the place of the
// usual ones.
func HelloWith(realm string, f wamp.Format, details map[string]any) *wamp.Message {
	all := map[string]any{"roles": Roles()}
	for name, value := range details {
		all[name] = value
	}
	return &wamp.Message{Type: wamp.Hello, URI: realm, Dict: wamp.MustDict(f, all)}
}

// Roles are HELLO.Details.roles of a client that has every feature, except for those that are
// named like "callee.call_reroute".
func Roles(without ...string) map[string]any {
	roles := map[string]any{}
	for role, names := range features {
		announced := map[string]any{}
		for _, name := range names {
			announced[name] = true
		}
		for _, name := range without {
			if of, feature, _ := strings.Cut(name, "."); of == role {
				delete(announced, feature)
			}
		}
		roles[role] = map[string]any{"features": announced}
	}
	return roles
}

var features = map[string][]string{
	"caller": {
		"progressive_call_results", "progressive_call_invocations", "call_canceling", "call_timeout",
		"caller_identification", "payload_passthru_mode",
	},
	"callee": {
		"progressive_call_results", "progressive_call_invocations", "call_canceling", "call_timeout",
		"caller_identification", "call_trustlevels", "pattern_based_registration", "shared_registration",
		"registration_revocation", "call_reroute", "payload_passthru_mode",
	},
	"publisher": {
		"publisher_identification", "publisher_exclusion", "subscriber_blackwhite_listing", "payload_passthru_mode",
	},
	"subscriber": {
		"publisher_identification", "publication_trustlevels", "pattern_based_subscription",
		"subscription_revocation", "payload_passthru_mode",
	},
}
