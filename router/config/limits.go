package config

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/transport"
)

// defaultLimits fills in what a RouterConfiguration leaves out of its limits and transports.
func defaultLimits(cfg *v1alpha1.RouterConfiguration) {
	l := &cfg.Limits
	size(&l.MessageSize, "16Mi")
	size(&l.OutboundSoft, "1Mi")
	size(&l.OutboundHard, "64Mi")
	number(&l.Connections, 50_000)
	number(&l.ConnectionsPerAddress, 0)
	number(&l.MessagesPerSecond, 0)
	number(&l.MessageBurst, *l.MessagesPerSecond)
	number(&l.CallsInFlight, 65_536)
	number(&l.Registrations, 10_000)
	number(&l.Subscriptions, 10_000)
	number(&l.SessionsPerPrincipal, 0)
	duration(&l.HandshakeTimeout, 10*time.Second)
	duration(&l.WriteTimeout, 10*time.Second)
	duration(&l.KeepAlive, 30*time.Second)
	if c := cfg.WebSocket.Compression; c != nil {
		size(&c.MinSize, "256")
		switch {
		case c.Level == 0 && c.ContextTakeover:
			c.Level = 6
		case c.Level == 0:
			c.Level = 1
		}
	}
	if p := cfg.LongPoll; p != nil {
		fill(&p.Path, "/longpoll")
		duration(&p.PollTimeout, 10*time.Second)
		duration(&p.IdleTimeout, 30*time.Second)
	}
	if u := cfg.UnixSocket; u != nil {
		fill(&u.Mode, "0660")
	}
	if t := cfg.TLS; t != nil && t.ClientAuth == "" {
		t.ClientAuth = v1alpha1.ClientAuthNone
		if t.ClientCAFile != "" {
			t.ClientAuth = v1alpha1.ClientAuthRequest
		}
	}
}

func size(q **resource.Quantity, text string) {
	if *q == nil {
		value := resource.MustParse(text)
		*q = &value
	}
}

func number(n **int32, value int32) {
	if *n == nil {
		*n = &value
	}
}

func duration(d **metav1.Duration, value time.Duration) {
	if *d == nil {
		*d = &metav1.Duration{Duration: value}
	}
}

// bounds collects what is out of bounds.
type bounds struct{ errs field.ErrorList }

func (b *bounds) wrong(path *field.Path, value any, format string, args ...any) {
	b.errs = append(b.errs, field.Invalid(path, value, fmt.Sprintf(format, args...)))
}

func (b *bounds) size(path *field.Path, q *resource.Quantity, low, high string) {
	if l, h := resource.MustParse(low), resource.MustParse(high); q.Cmp(l) < 0 || q.Cmp(h) > 0 {
		b.wrong(path, q.String(), "write a size from %s to %s", low, high)
	}
}

func (b *bounds) duration(path *field.Path, d *metav1.Duration, low, high time.Duration) {
	if d.Duration < low || d.Duration > high {
		b.wrong(path, d.Duration, "write a time from %s to %s, for example 10s", short(low), short(high))
	}
}

// most is the largest limit that a number may be.
const most = 10_000_000

func (b *bounds) count(path *field.Path, n *int32) {
	if *n < 0 || *n > most {
		b.wrong(path, *n, "write a number from 0, for no limit, to %d", most)
	}
}

// short writes a duration without its zeros: 5m rather than 5m0s.
func short(d time.Duration) string {
	text := d.String()
	if s, ok := strings.CutSuffix(text, "m0s"); ok {
		text = s + "m"
	}
	if s, ok := strings.CutSuffix(text, "h0m"); ok {
		text = s + "h"
	}
	return text
}

func validateLimits(l *v1alpha1.RouterLimits) field.ErrorList {
	var b bounds
	path := field.NewPath("limits")
	b.size(path.Child("messageSize"), l.MessageSize, "1Ki", "16Mi")
	b.size(path.Child("outboundSoft"), l.OutboundSoft, "4Ki", "1Gi")
	b.size(path.Child("outboundHard"), l.OutboundHard, "4Ki", "4Gi")
	if l.OutboundHard.Cmp(*l.OutboundSoft) < 0 {
		b.wrong(path.Child("outboundHard"), l.OutboundHard.String(), "it must not be below outboundSoft, which is %s", l.OutboundSoft)
	}
	if l.OutboundHard.Cmp(*l.MessageSize) < 0 {
		b.wrong(path.Child("outboundHard"), l.OutboundHard.String(), "it must not be below messageSize, which is %s, or the largest messages could reach nobody", l.MessageSize)
	}
	b.count(path.Child("connections"), l.Connections)
	b.count(path.Child("connectionsPerAddress"), l.ConnectionsPerAddress)
	b.count(path.Child("messagesPerSecond"), l.MessagesPerSecond)
	b.count(path.Child("messageBurst"), l.MessageBurst)
	b.count(path.Child("callsInFlight"), l.CallsInFlight)
	b.count(path.Child("registrations"), l.Registrations)
	b.count(path.Child("subscriptions"), l.Subscriptions)
	b.count(path.Child("sessionsPerPrincipal"), l.SessionsPerPrincipal)
	if *l.MessageBurst > 0 && *l.MessagesPerSecond == 0 {
		b.wrong(path.Child("messageBurst"), *l.MessageBurst, "without messagesPerSecond it limits nothing: write both, or neither")
	}
	b.duration(path.Child("handshakeTimeout"), l.HandshakeTimeout, 100*time.Millisecond, 5*time.Minute)
	b.duration(path.Child("writeTimeout"), l.WriteTimeout, 100*time.Millisecond, 10*time.Minute)
	if l.KeepAlive.Duration != 0 {
		b.duration(path.Child("keepAlive"), l.KeepAlive, time.Second, time.Hour)
	}
	return b.errs
}

func validateTransports(cfg *v1alpha1.RouterConfiguration) field.ErrorList {
	var b bounds
	if t := cfg.TLS; t != nil {
		path := field.NewPath("tls")
		if t.CertFile == "" || t.KeyFile == "" {
			b.wrong(path, "", "both certFile and keyFile are needed")
		}
		switch t.ClientAuth {
		case v1alpha1.ClientAuthNone:
		case v1alpha1.ClientAuthRequest, v1alpha1.ClientAuthRequire:
			if t.ClientCAFile == "" {
				b.wrong(path.Child("clientAuth"), t.ClientAuth, "clientCAFile is needed too: certificates are taken from its authorities alone")
			}
		default:
			b.wrong(path.Child("clientAuth"), t.ClientAuth, "write None, Request or Require")
		}
	}
	if u := cfg.UnixSocket; u != nil {
		path := field.NewPath("unixSocket")
		if u.Path == "" {
			b.wrong(path.Child("path"), u.Path, "write the path of the socket's file, for example /run/wamp/router.sock")
		}
		if _, err := fileMode(u.Mode); err != nil {
			b.wrong(path.Child("mode"), u.Mode, "write the mode of the file in octal and in quotes, for example \"0660\"")
		}
	}
	if p := cfg.ProxyProtocol; p != nil {
		path := field.NewPath("proxyProtocol", "trustedSources")
		if len(p.TrustedSources) == 0 {
			b.wrong(path, "", "write the networks that the load balancers connect from, for example [10.0.0.0/8]")
		}
		for i, text := range p.TrustedSources {
			if _, err := network(text); err != nil {
				b.wrong(path.Index(i), text, "write a network or an address, for example 10.0.0.0/8")
			}
		}
	}
	for i, origin := range cfg.WebSocket.AllowedOrigins {
		if err := transport.CheckOrigins([]string{origin}); err != nil {
			b.wrong(field.NewPath("webSocket", "allowedOrigins").Index(i), origin, "%s", strings.TrimPrefix(err.Error(), strconv.Quote(origin)+" is "))
		}
	}
	if c := cfg.WebSocket.Compression; c != nil {
		path := field.NewPath("webSocket", "compression")
		if c.Level < 1 || c.Level > 9 {
			b.wrong(path.Child("level"), c.Level, "write a number from 1 (fast) to 9 (small)")
		}
		b.size(path.Child("minSize"), c.MinSize, "1", "16Mi")
	}
	if p := cfg.LongPoll; p != nil {
		path := field.NewPath("longPoll")
		if !strings.HasPrefix(p.Path, "/") || strings.HasSuffix(p.Path, "/") || p.Path == "/ws" {
			b.wrong(path.Child("path"), p.Path, "write a path that begins with a slash and does not end in one, and is not /ws, for example /longpoll")
		}
		b.duration(path.Child("pollTimeout"), p.PollTimeout, time.Second, 5*time.Minute)
		b.duration(path.Child("idleTimeout"), p.IdleTimeout, time.Second, time.Hour)
	}
	return b.errs
}

// network reads a network, or an address as the network of it alone.
func network(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

func fileMode(text string) (uint32, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err == nil && mode > 0o777 {
		err = strconv.ErrRange
	}
	return uint32(mode), err
}

func bytesOf(q *resource.Quantity) int { return int(min(q.Value(), math.MaxInt)) }
