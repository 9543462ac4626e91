package session

import "github.com/wamp-operator/wamp-operator/router/wamp"

// Features are what a client announced in HELLO.Details.roles.<role>.features, one bit each,
// under the role that announced it (WAMP advanced profile, "Feature Announcement"). Those that
// change nothing for a router, such as an announcement that a client publishes with exclusions,
// are not kept.
type Features uint32

const (
	CallerProgressiveResults Features = 1 << iota
	CallerProgressiveInvocations
	CallerCanceling
	CallerTimeout
	CallerIdentification
	CallerPPT

	CalleeProgressiveResults
	CalleeProgressiveInvocations
	CalleeCanceling
	CalleeTimeout
	CalleeIdentification
	CalleeTrustLevels
	CalleePatterns
	CalleeShared
	CalleeRevocation
	CalleeReroute
	CalleePPT

	PublisherIdentification
	PublisherExclusion
	PublisherListing
	PublisherPPT

	SubscriberIdentification
	SubscriberTrustLevels
	SubscriberPatterns
	SubscriberRevocation
	SubscriberPPT
)

// Has tells whether all of f are in the set.
func (s Features) Has(f Features) bool { return s&f == f }

// clientFeatures are the names in HELLO, by role. The draft spells canceling in two ways.
var clientFeatures = map[string]map[string]Features{
	"caller": {
		"progressive_call_results":     CallerProgressiveResults,
		"progressive_call_invocations": CallerProgressiveInvocations,
		"call_canceling":               CallerCanceling,
		"call_cancelling":              CallerCanceling,
		"call_timeout":                 CallerTimeout,
		"caller_identification":        CallerIdentification,
		"payload_passthru_mode":        CallerPPT,
	},
	"callee": {
		"progressive_call_results":     CalleeProgressiveResults,
		"progressive_call_invocations": CalleeProgressiveInvocations,
		"call_canceling":               CalleeCanceling,
		"call_cancelling":              CalleeCanceling,
		"call_timeout":                 CalleeTimeout,
		"caller_identification":        CalleeIdentification,
		"call_trustlevels":             CalleeTrustLevels,
		"pattern_based_registration":   CalleePatterns,
		"shared_registration":          CalleeShared,
		"registration_revocation":      CalleeRevocation,
		"call_reroute":                 CalleeReroute,
		"payload_passthru_mode":        CalleePPT,
	},
	"publisher": {
		"publisher_identification":      PublisherIdentification,
		"publisher_exclusion":           PublisherExclusion,
		"subscriber_blackwhite_listing": PublisherListing,
		"payload_passthru_mode":         PublisherPPT,
	},
	"subscriber": {
		"publisher_identification":   SubscriberIdentification,
		"publication_trustlevels":    SubscriberTrustLevels,
		"pattern_based_subscription": SubscriberPatterns,
		"subscription_revocation":    SubscriberRevocation,
		"payload_passthru_mode":      SubscriberPPT,
	},
}

// routerFeatures are what WELCOME announces: what is there, on every replica, and nothing else.
var routerFeatures = map[string]any{
	"dealer": map[string]any{"features": announced(
		"call_canceling",
		"call_reroute",
		"call_timeout",
		"call_trustlevels",
		"caller_identification",
		"pattern_based_registration",
		"payload_passthru_mode",
		"progressive_call_invocations",
		"progressive_call_results",
		"registration_meta_api",
		"registration_revocation",
		"session_meta_api",
		"shared_registration",
		"testament_meta_api",
	)},
	"broker": map[string]any{"features": announced(
		"event_history",
		"event_retention",
		"pattern_based_subscription",
		"payload_passthru_mode",
		"publication_trustlevels",
		"publisher_exclusion",
		"publisher_identification",
		"session_meta_api",
		"subscriber_blackwhite_listing",
		"subscription_meta_api",
		"subscription_revocation",
	)},
}

func announced(names ...string) map[string]any {
	features := make(map[string]any, len(names))
	for _, name := range names {
		features[name] = true
	}
	return features
}

// parseFeatures reads HELLO.Details.roles.<role>.
func parseFeatures(role string, details wamp.Value) (found Features) {
	dict, _ := details.Dict()
	value, _ := dict.Get("features")
	features, _ := value.Dict()
	for name, value := range features.All() {
		if on, _ := value.Bool(); on {
			found |= clientFeatures[role][name]
		}
	}
	return found
}
