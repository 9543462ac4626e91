package auth

import "github.com/wamp-operator/wamp-operator/api/v1alpha1"

// Action is what a request asks for.
type Action uint8

const (
	Call Action = 1 << iota
	Register
	Publish
	Subscribe
	// Disclose is to name oneself to others on a URI (CALL and PUBLISH with disclose_me), and
	// to be told who calls one there (REGISTER with disclose_caller).
	Disclose
	// NameCaller and NamePublisher: callees and subscribers are told who calls and publishes, whether
	// the client asks or not.
	NameCaller
	NamePublisher
)

func (a Action) String() string {
	switch a {
	case Call:
		return "call"
	case Register:
		return "register"
	case Publish:
		return "publish"
	case Subscribe:
		return "subscribe"
	case Disclose:
		return "disclose"
	}
	return "unknown"
}

// actions are those of a permission.
func actions(p *v1alpha1.Permission) (set Action) {
	for _, a := range p.Allow {
		switch a {
		case v1alpha1.ActionCall:
			set |= Call
		case v1alpha1.ActionRegister:
			set |= Register
		case v1alpha1.ActionPublish:
			set |= Publish
		case v1alpha1.ActionSubscribe:
			set |= Subscribe
		case v1alpha1.ActionDisclose:
			set |= Disclose
		}
	}
	if p.Disclose == v1alpha1.DiscloseAlways {
		if set&Call != 0 {
			set |= NameCaller
		}
		if set&Publish != 0 {
			set |= NamePublisher
		}
	}
	return set
}
