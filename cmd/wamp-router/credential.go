package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
)

// saltSize is how many bytes of salt a password gets.
const saltSize = 16

func credentialCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential",
		Short: "Make what a router stores of a password, for a principal of a WampRealm",
		Long: `Make what a router stores of a password, for a principal of a WampRealm.

The password is read from standard input, or asked for. A Secret is written to standard
output, and to standard error the principal that refers to it.`,
	}
	cmd.AddCommand(scramCommand(), craCommand())
	return cmd
}

// credential is the flags that all methods share.
type credential struct{ role, secret string }

func (c *credential) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.role, "role", "user", "role of the principal")
	cmd.Flags().StringVar(&c.secret, "secret", "", "name of the Secret (default: the authid)")
}

// oneAuthID wants the name of the one whose password it is.
func oneAuthID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s needs the authid of one principal, for example: %s alice", cmd.Name(), cmd.CommandPath())
	}
	return nil
}

func scramCommand() *cobra.Command {
	var c credential
	var kdf string
	var iterations, memory int32
	cmd := &cobra.Command{
		Use:     "scram AUTHID",
		Short:   "Make a credential for wamp-scram, from which nobody can log in",
		Example: "  wamp-router credential scram alice < password | kubectl apply -f -",
		Args:    oneAuthID,
		RunE: func(cmd *cobra.Command, args []string) error {
			s := &v1alpha1.SCRAMCredential{KDF: v1alpha1.KDF(kdf), Iterations: iterations, Memory: memory}
			if s.KDF == v1alpha1.KDFPBKDF2 {
				s.Memory = 0
				if !cmd.Flags().Changed("iterations") {
					s.Iterations = 100000
				}
			}
			salt := randomSalt()
			s.Salt = base64.StdEncoding.EncodeToString(salt)
			return c.make(cmd, args[0], func(password, secret string, p *v1alpha1.Principal) (map[string]string, error) {
				s.StoredKeyRef = v1alpha1.SecretKeyReference{Name: secret, Key: "stored"}
				s.ServerKeyRef = v1alpha1.SecretKeyReference{Name: secret, Key: "server"}
				p.SCRAM = s
				if err := check(p); err != nil {
					return nil, err
				}
				keys, err := auth.DeriveSCRAM(password, auth.KDF{
					Name: s.KDF, Salt: salt, Iterations: uint32(s.Iterations), Memory: uint32(s.Memory),
				})
				if err != nil {
					return nil, err
				}
				return map[string]string{
					"stored": base64.StdEncoding.EncodeToString(keys.Stored),
					"server": base64.StdEncoding.EncodeToString(keys.Server),
				}, nil
			})
		},
	}
	c.add(cmd)
	cmd.Flags().StringVar(&kdf, "kdf", string(v1alpha1.KDFArgon2), "argon2id13, pbkdf2, or argon2id-13 for Autobahn|Python")
	cmd.Flags().Int32Var(&iterations, "iterations", 3, "cost in time (default with pbkdf2: 100000)")
	cmd.Flags().Int32Var(&memory, "memory", 65536, "cost in memory, in KiB; not with pbkdf2")
	return cmd
}

func craCommand() *cobra.Command {
	var c credential
	var iterations int32
	cmd := &cobra.Command{
		Use:     "wampcra AUTHID",
		Short:   "Make a salted credential for wampcra, which does not tell the password but lets one log in",
		Example: "  wamp-router credential wampcra alice < password | kubectl apply -f -",
		Args:    oneAuthID,
		RunE: func(cmd *cobra.Command, args []string) error {
			salted := &v1alpha1.CRASalt{
				Salt: base64.StdEncoding.EncodeToString(randomSalt()), Iterations: iterations, KeyLength: 32,
			}
			return c.make(cmd, args[0], func(password, secret string, p *v1alpha1.Principal) (map[string]string, error) {
				p.WampCRA = &v1alpha1.CRACredential{SecretRef: v1alpha1.SecretKeyReference{Name: secret, Key: "derived"}, Salted: salted}
				if err := check(p); err != nil {
					return nil, err
				}
				key, err := auth.DeriveCRA(password, *salted)
				return map[string]string{"derived": key}, err
			})
		},
	}
	c.add(cmd)
	cmd.Flags().Int32Var(&iterations, "iterations", 100000, "cost in time")
	return cmd
}

// make writes the Secret and the principal.
func (c *credential) make(cmd *cobra.Command, authID string, derive func(password, secret string, p *v1alpha1.Principal) (map[string]string, error)) error {
	password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	name := c.secret
	if name == "" {
		name = authID
	}
	p := &v1alpha1.Principal{AuthID: authID, Role: c.role}
	values, err := derive(password, name, p)
	if err != nil {
		return err
	}
	secret, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": values,
	})
	if err != nil {
		return err
	}
	principal, err := yaml.Marshal([]*v1alpha1.Principal{p})
	if err != nil {
		return err
	}
	fmt.Fprint(cmd.OutOrStdout(), string(secret))
	fmt.Fprintf(cmd.ErrOrStderr(), "# For spec.principals of the WampRealm:\n%s", principal)
	return nil
}

// check refuses what a WampRealm would refuse.
func check(p *v1alpha1.Principal) error {
	realm := &v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "any"}, Realm: "any",
		Roles: []v1alpha1.Role{{Name: p.Role}}, Principals: []v1alpha1.Principal{*p},
	}}
	realm.Name = "any"
	return realm.Validate()
}

func randomSalt() []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	return salt
}

// readPassword reads one line; from a terminal without showing it.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(prompt, "Password: ")
		password, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(prompt)
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return string(password), nil
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("write the password to standard input, as one line")
	}
	return line, nil
}
