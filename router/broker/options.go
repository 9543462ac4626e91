package broker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subscribeOptions are SUBSCRIBE.Options.
type subscribeOptions struct {
	match    wamp.Match
	retained bool
}

// parseSubscribe reads them. An option that is null was not given: some clients send all that they
// know, with undefined for what the application did not set.
func parseSubscribe(d wamp.Dict) (o subscribeOptions, err error) {
	for key, value := range d.All() {
		if value.IsNull() {
			continue
		}
		switch key {
		case "match":
			name, ok := value.Str()
			if !ok {
				return o, wrongType(key, "a string", value)
			}
			if o.match, err = wamp.ParseMatch(name); err != nil {
				return o, err
			}
		case "get_retained":
			if o.retained, err = boolean(key, value); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

// options are PUBLISH.Options, and what of them travels to other replicas.
type options struct {
	acknowledge bool
	includeMe   bool // exclude_me is false
	disclose    bool
	retain      bool
	passthru    bool
	audience    *audience // nil: everybody
	// publisher of an event that is retained, if it may not have it itself. Set by the
	// replica that it is connected to.
	publisher wamp.ID
}

// publisherOption is where the publisher of a retained event travels.
const publisherOption = "publisher"

// parseOptions reads them. With an error, acknowledge is right nevertheless: who puts the option
// there, in whatever way, waits for an answer.
func parseOptions(d wamp.Dict) (o options, err error) {
	if len(d.Raw) < 2 {
		return o, nil
	}
	found := error(nil)
	for key, value := range d.All() {
		if value.IsNull() { // not given
			continue
		}
		var err error
		switch key {
		case "acknowledge":
			if o.acknowledge, err = boolean(key, value); err != nil {
				o.acknowledge = true
			}
		case "exclude_me":
			var exclude bool
			exclude, err = boolean(key, value)
			o.includeMe = !exclude
		case "disclose_me":
			o.disclose, err = boolean(key, value)
		case "retain":
			o.retain, err = boolean(key, value)
		case publisherOption:
			publisher, _ := value.Uint()
			o.publisher = wamp.ID(publisher)
		default:
			switch {
			case strings.HasPrefix(key, "exclude"), strings.HasPrefix(key, "eligible"):
				if o.audience == nil {
					o.audience = &audience{}
				}
				err = o.audience.option(key, value)
			case strings.HasPrefix(key, "ppt_"):
				o.passthru = true
				if _, ok := value.Str(); !ok {
					err = wrongType(key, "a string", value)
				}
			}
		}
		if found == nil {
			found = err
		}
	}
	if o.passthru && found == nil {
		if scheme, _ := d.Str("ppt_scheme"); scheme == "" {
			found = errors.New("options ppt_… need ppt_scheme, which says whose they are")
		}
	}
	return o, found
}

func boolean(key string, value wamp.Value) (bool, error) {
	b, ok := value.Bool()
	if !ok {
		return false, wrongType(key, "a boolean", value)
	}
	return b, nil
}

func wrongType(key, want string, value wamp.Value) error {
	return fmt.Errorf("option %s must be %s, not %s", key, want, value.Kind())
}

func wrongElement(key, want string, value wamp.Value) error {
	return fmt.Errorf("option %s must be a list of %s: %s in it is none", key, want, value.Kind())
}
