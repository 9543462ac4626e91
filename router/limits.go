package router

import (
	"math"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/dealer"
)

// limits are those of sessions; the transports have their own.
type limits struct {
	dealer               dealer.Limits
	broker               broker.Limits
	sessionsPerPrincipal int // 0: no limit
}

// newLimits takes what a configuration says, or the defaults where it was not filled in.
func newLimits(l *v1alpha1.RouterLimits) limits {
	return limits{
		dealer: dealer.Limits{
			CallsInFlight: given(l.CallsInFlight, 65_536), Registrations: given(l.Registrations, 10_000),
		},
		broker:               broker.Limits{Subscriptions: unlimited(l.Subscriptions, 10_000)},
		sessionsPerPrincipal: given(l.SessionsPerPrincipal, 0),
	}
}

func given(value *int32, standard int) int {
	if value == nil {
		return standard
	}
	return int(*value)
}

// unlimited is given, where 0 is to be no limit and not the default.
func unlimited(value *int32, standard int) int {
	if n := given(value, standard); n > 0 {
		return n
	}
	return math.MaxInt
}

// limitValues are the limits by their names in the configuration, for metrics.
func (r *Router) limitValues() map[string]float64 {
	t, s := &r.cfg.Limits, &r.realms.limits
	subscriptions := s.broker.Subscriptions
	if subscriptions == math.MaxInt {
		subscriptions = 0
	}
	return map[string]float64{
		"messageSize":           float64(t.MaxMessage),
		"connections":           float64(t.MaxConnections),
		"connectionsPerAddress": float64(t.MaxPerAddress),
		"handshakeTimeout":      t.HandshakeTimeout.Seconds(),
		"outboundSoft":          float64(t.SoftLimit),
		"outboundHard":          float64(t.HardLimit),
		"writeTimeout":          t.WriteTimeout.Seconds(),
		"keepAlive":             max(0, t.KeepAlive.Seconds()),
		"messagesPerSecond":     float64(t.MessageRate),
		"messageBurst":          float64(t.MessageBurst),
		"callsInFlight":         float64(s.dealer.CallsInFlight),
		"registrations":         float64(s.dealer.Registrations),
		"subscriptions":         float64(subscriptions),
		"sessionsPerPrincipal":  float64(s.sessionsPerPrincipal),
	}
}
