package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/config"
)

// credential runs the command and gives what it wrote.
func makeCredential(t *testing.T, password string, args ...string) (secret, principal string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command()
	cmd.SetArgs(append([]string{"credential"}, args...))
	cmd.SetIn(strings.NewReader(password))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// What the command writes, pasted together, is a realm that the principal can log in to.
func TestCredentialsCanBeUsed(t *testing.T) {
	for _, c := range []struct{ args, method string }{
		{"scram alice --memory 64 --iterations 1", "kdf: argon2id13"},
		{"scram alice --kdf argon2id-13 --memory 64 --iterations 1 --secret people", "kdf: argon2id-13"},
		{"scram alice --kdf pbkdf2 --iterations 4096", "kdf: pbkdf2"},
		{"wampcra alice --iterations 1000", "iterations: 1000"},
	} {
		secret, principal, err := makeCredential(t, "open sesame\n", strings.Fields(c.args)...)
		if err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		if !strings.Contains(principal, c.method) || strings.Contains(secret+principal, "sesame") {
			t.Errorf("%s:\n%s\n%s", c.args, secret, principal)
		}
		indented := strings.ReplaceAll("\n"+strings.TrimSpace(principal), "\n", "\n  ")
		docs, err := config.ParseDocuments("d.yaml", []byte(strings.ReplaceAll(realm, "guest", "user")+"  principals:"+indented+"\n---\n"+secret))
		if err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		if found := auth.CompileWith(docs.Realms[0], auth.Options{Secret: docs.Secret}).Problems(); len(found) > 0 {
			t.Errorf("%s: %v", c.args, found)
		}
		if p := docs.Realms[0].Spec.Principals[0]; p.WampCRA != nil {
			data, _ := docs.Secret("", "alice")
			if key, err := auth.DeriveCRA("open sesame", *p.WampCRA.Salted); err != nil || key != string(data["derived"]) {
				t.Errorf("the derived key is not that of the password: %v", err)
			}
		}
	}
}

func TestCredentialMistakes(t *testing.T) {
	for _, c := range []struct{ password, args, want string }{
		{"", "scram alice", "write the password to standard input"},
		{"x", "scram", "needs the authid of one principal"},
		{"x", "scram alice --kdf scrypt", "write one of argon2id13, pbkdf2"},
		{"x", "scram alice --kdf pbkdf2 --iterations 1", "from 4096 to 10000000 for pbkdf2"},
		{"x", "wampcra alice --iterations 1", "from 100 to 10000000"},
		{"x", "wampcra alice --role -x", "write a role name"},
	} {
		secret, _, err := makeCredential(t, c.password, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || secret != "" {
			t.Errorf("%s: %v, want %s", c.args, err, c.want)
		}
	}
}
