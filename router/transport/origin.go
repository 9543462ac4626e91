package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A browser names in the header Origin the site whose page makes a request, and lets any page
// connect anywhere unless the server objects (RFC 6455, section 10.2). A router inside a company
// with an open realm would otherwise be open to every page that somebody there looks at.
//
// What others do by default: Crossbar.io takes every origin, nexus only the request's own host and
// port. Here it is the own host on any port, so that a page served by the same machine just works.

// CheckOrigins says what is wrong with a list of allowed origins. An origin is written as the browser
// sends it, scheme://host or scheme://host:port; a host that begins with "*." stands for every
// name below; "null" is what pages from files send; "*" alone allows every page.
func CheckOrigins(origins []string) error {
	for _, o := range origins {
		if o == "*" || o == "null" {
			continue
		}
		u, err := url.Parse(strings.Replace(o, "://*.", "://", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || strings.Contains(u.Host, "*") {
			return fmt.Errorf("%q is not an origin: write scheme://host as browsers send it, for example https://app.example.com or https://*.example.com; or \"*\" for every page", o)
		}
	}
	return nil
}

// originAllowed says whether a request may have come from the page that it did.
func (c *Config) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if len(c.Origins) == 0 {
		return sameHost(origin, r.Host)
	}
	for _, allowed := range c.Origins {
		if allowed == "*" || strings.EqualFold(allowed, origin) {
			return true
		}
		scheme, below, wild := strings.Cut(allowed, "://*.")
		gotScheme, host, ok := strings.Cut(origin, "://")
		if wild && ok && strings.EqualFold(scheme, gotScheme) && hasSuffixFold(host, "."+below) {
			return true
		}
	}
	return false
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return strings.EqualFold(u.Hostname(), name)
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// refuseOrigin answers a request whose page may not connect.
func (s *Server) refuseOrigin(w http.ResponseWriter, r *http.Request) {
	s.Stats.RefusedOrigin.Add(1)
	hint := "pages of this host may"
	if len(s.cfg.Origins) > 0 {
		hint = "the allowed origins of this router do not name it"
	}
	http.Error(w, fmt.Sprintf("Pages of the origin %q may not connect here: %s. Whoever runs this router can add it to the allowed origins.",
		r.Header.Get("Origin"), hint), http.StatusForbidden)
}
