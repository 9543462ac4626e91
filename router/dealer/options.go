package dealer

import (
	"errors"
	"math"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// hasEntries tells cheaply that a dictionary is not empty: in no serialization does an entry fit
// in two bytes.
func hasEntries(d wamp.Dict) bool { return len(d.Raw) > 2 }

// callOptions reads CALL.Options into p.call; false when the call was refused.
func (p *Peer) callOptions(m *wamp.Message, may auth.Action) bool {
	var disclose, passthru bool
	var timeout uint64
	var attribute string // of payload passthru mode
	for key, value := range m.Dict.All() {
		var err error
		switch key {
		case "receive_progress":
			err = p.flag(key, value, cluster.ReceiveProgress)
		case "progress":
			err = p.flag(key, value, cluster.Progress)
		case "disclose_me":
			disclose, err = boolOption(key, value)
		case "timeout":
			timeout, err = uintOption(key, value)
		case "ppt_scheme":
			passthru, err = schemeOption(value)
		case "ppt_serializer", "ppt_cipher", "ppt_keyid":
			attribute = key
		}
		if err != nil {
			p.refuseCall(m.Request, wamp.ErrInvalidArgument, err.Error())
			return false
		}
	}
	if attribute != "" && !passthru {
		p.refuseCall(m.Request, wamp.ErrInvalidArgument, "option "+attribute+" is of payload passthru mode: say ppt_scheme too")
		return false
	}
	if disclose && may&(auth.Disclose|auth.NameCaller) == 0 {
		p.refuseCall(m.Request, wamp.ErrOptionDisallowedDiscloseMe, notDisclosed(p.session.Identity.Role.Name, "disclose_me", m.URI))
		return false
	}
	if passthru && !p.session.Has(callerPPT) {
		p.session.Abort("CALL with ppt_scheme: " + unannouncedPPT("caller"))
		return false
	}
	if disclose {
		p.call.Flags |= cluster.Disclosed
	}
	disclose = p.call.Flags&cluster.Disclosed != 0
	if disclose || passthru {
		p.call.Details = p.callDetails(m.Dict, disclose, passthru)
	}
	p.call.Timeout = uint32(min(timeout, math.MaxUint32))
	return true
}

func (p *Peer) flag(key string, value wamp.Value, flag cluster.CallFlags) error {
	on, err := boolOption(key, value)
	if on {
		p.call.Flags |= flag
	}
	return err
}

// registration options, from REGISTER.Options.
type registerOptions struct {
	invoke         cluster.Policy
	match          cluster.Match
	discloseCaller bool
	forwardTimeout bool
	takeOver       bool // force_reregister
	concurrency    uint64
}

// parseRegister reads REGISTER.Options. Options that are not known are ignored, as the WAMP text
// asks; values that are not known are refused.
func parseRegister(options wamp.Dict) (o registerOptions, err error) {
	for key, value := range options.All() {
		switch key {
		case "invoke":
			o.invoke, err = parseOption(key, value, cluster.ParsePolicy)
		case "match":
			o.match, err = parseOption(key, value, cluster.ParseMatch)
		case "disclose_caller":
			o.discloseCaller, err = boolOption(key, value)
		case "forward_timeout":
			o.forwardTimeout, err = boolOption(key, value)
		case "force_reregister":
			o.takeOver, err = boolOption(key, value)
		case "concurrency":
			if o.concurrency, err = uintOption(key, value); err == nil && o.concurrency == 0 && !value.IsNull() {
				err = errors.New("option concurrency must be at least 1; leave it out for no limit")
			}
		}
		if err != nil {
			return registerOptions{}, err
		}
	}
	return o, nil
}

func (o *registerOptions) flags() (f cluster.RegistrationFlags) {
	if o.discloseCaller {
		f |= cluster.DiscloseCaller
	}
	if o.forwardTimeout {
		f |= cluster.ForwardTimeout
	}
	return f
}

func parseOption[T any](key string, value wamp.Value, parse func(string) (T, error)) (T, error) {
	text, ok := value.Str()
	if !ok {
		var none T
		if value.IsNull() { // not given
			return none, nil
		}
		return none, errors.New("option " + key + " must be a string, not " + value.Kind())
	}
	return parse(text)
}

// boolOption reads a boolean; null counts as not given.
func boolOption(key string, value wamp.Value) (bool, error) {
	on, ok := value.Bool()
	if !ok && !value.IsNull() {
		return false, errors.New("option " + key + " must be true or false, not " + value.Kind())
	}
	return on, nil
}

// uintOption reads an integer that is not negative; null counts as not given.
func uintOption(key string, value wamp.Value) (uint64, error) {
	n, ok := value.Uint()
	if !ok && !value.IsNull() {
		return 0, errors.New("option " + key + " must be an integer that is not negative")
	}
	return n, nil
}
