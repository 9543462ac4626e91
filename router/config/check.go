package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// CheckFiles opens what a configuration with its defaults filled in names, apart from its
// documents, as a router does that starts: the error joins everything that cannot be used
// ([Problem]). Nothing is kept open.
func CheckFiles(cfg *v1alpha1.RouterConfiguration) error {
	var errs []error
	if t := cfg.TLS; t != nil {
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			errs = append(errs, &Problem{File: t.CertFile, Message: fmt.Sprintf("the certificate cannot be served with the key %s: %v", t.KeyFile, err)})
		}
		errs = append(errs, ClientCertificates(&tls.Config{MinVersion: tls.VersionTLS12}, t, func(error) {}))
	}
	if path := cfg.Admin.TokenFile; path != "" {
		_, err := ReadToken(path)
		errs = append(errs, err)
	}
	if c := cfg.Cluster; c != nil && c.KeyFile != "" {
		_, err := ReadKeys(c.KeyFile)
		errs = append(errs, err)
	}
	if u := cfg.UnixSocket; u != nil {
		errs = append(errs, checkFolder(filepath.Dir(u.Path)))
	}
	return errors.Join(errs...)
}

// checkFolder makes a file in a folder and takes it away again.
func checkFolder(path string) error {
	f, err := os.CreateTemp(path, ".wamp-router-check-*")
	if err != nil {
		var inner *os.PathError
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return &Problem{File: path, Message: fmt.Sprintf("the Unix socket cannot be made in this folder: %v", err)}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Warnings are what documents say that is valid, and hardly meant.
func (d *Documents) Warnings() (warnings []string) {
	star := func(where, match, uri string) {
		if match == string(v1alpha1.PatternWildcard) && strings.Contains(uri, "*") {
			warnings = append(warnings, fmt.Sprintf("%s: the wildcard pattern %q matches '*' alone: leave a component empty where anything may stand, for example %s",
				where, uri, strings.ReplaceAll(uri, "*", "")))
		}
	}
	served := map[string]bool{}
	for _, r := range d.Realms {
		served[r.Spec.Realm] = true
		if s := &r.Spec; s.Anonymous == nil && len(s.Principals) == 0 && len(s.Authenticators) == 0 {
			warnings = append(warnings, fmt.Sprintf(
				"nobody can join realm %s: write anonymous: {role: …}, for clients that do not say who they are, principals or authenticators", s.Realm))
		}
		for i := range r.Spec.Roles {
			for _, p := range r.Spec.Roles[i].Permissions {
				star(fmt.Sprintf("role %s of realm %s", r.Spec.Roles[i].Name, r.Spec.Realm), string(p.Match), p.URI)
			}
		}
		for _, h := range r.Spec.EventHistory {
			star("eventHistory of realm "+r.Spec.Realm, string(h.Match), h.URI)
		}
	}
	for _, p := range d.Procedures {
		star("procedure "+p.Name, string(p.Spec.Match), p.Spec.URI)
		if !served[p.Spec.Realm] {
			served[p.Spec.Realm] = true // said once
			warnings = append(warnings, fmt.Sprintf("no WampRealm among the documents has the realm %s: nobody can register procedure %s and others of it", p.Spec.Realm, p.Name))
		}
	}
	return warnings
}
