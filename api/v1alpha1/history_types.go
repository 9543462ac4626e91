package v1alpha1

// EventHistory lets the routers remember the last events of a topic, or of all topics that match a
// pattern, for wamp.subscription.get_events. Every replica remembers them, in memory: they are
// there as long as one replica is, and 64 MiB a realm at most, shared evenly by the entries.
// +kubebuilder:validation:XValidation:rule="self.match != 'exact' || self.uri.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="with match: exact write a URI of components with one dot between them, without white space and '#', for example com.example.add"
// +kubebuilder:validation:XValidation:rule="self.match != 'prefix' || self.uri.matches('^([^\\\\s.#]+[.])*[^\\\\s.#]*$')",message="with match: prefix write the beginning of a URI, for example com.example. (an empty uri matches every URI)"
// +kubebuilder:validation:XValidation:rule="self.match != 'wildcard' || self.uri.matches('^[^\\\\s#]+$')",message="with match: wildcard write a URI in which an empty component stands for any, for example com..add"
type EventHistory struct {
	// uri or pattern of the topics.
	// +required
	// +kubebuilder:validation:MaxLength=255
	URI string `json:"uri"`
	// match says how uri is compared.
	// +optional
	// +kubebuilder:default=exact
	Match PatternMatch `json:"match,omitempty"`
	// limit is how many events are remembered, the newest. From 1 to 100000.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 100000",message="write a number of events from 1 to 100000"
	Limit *int32 `json:"limit,omitempty"`
}
