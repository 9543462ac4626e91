package v1alpha1

import (
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The sentences are those of the rules in the schema.
const (
	sayAuthID            = "write an authid of 1 to 255 characters without white space, for example alice or sensor-7@example.com"
	sayPrincipalRole     = "a principal has a role that this realm does not have: add that role to roles, or write the name of one that is there"
	sayNoProof           = "say how the principal proves its name: add at least one of ticket, wampcra, scram, cryptosign, certificate"
	saySecretName        = "write the name of a Secret"
	saySecretKey         = "write a key of the Secret's data"
	sayCRASalt           = "write a salt of 1 to 255 characters, another one for each principal"
	sayCRAIterations     = "write a number of iterations from 100 to 10000000"
	sayCRAKeyLength      = "write a key length from 16 to 64 bytes"
	sayMemoryKDF         = "memory goes with argon2id13, and with pbkdf2 there is none"
	sayKDFIterations     = "write a number of iterations from 4096 to 10000000 for pbkdf2, from 1 to 100000 for argon2id13"
	saySCRAMSalt         = "write a salt of 8 to 64 bytes in base64, another one for each principal"
	sayMemory            = "write an amount of memory from 8 to 4194304 KiB"
	sayPublicKeys        = "write at least one public key, each of 64 hex digits"
	sayNoCertificate     = "say which certificates: add at least one of fingerprints, subjects, names"
	sayFingerprint       = "write each fingerprint as 64 hex digits, for example as openssl x509 -noout -fingerprint -sha256 prints it"
	saySubject           = "write a subject, for example CN=sensor-7,O=Example"
	sayAlternativeName   = "write a name, for example sensor-7.example.com"
	sayNoMethod          = "list at least one of anonymous, ticket, wampcra, cryptosign"
	sayMethodTwice       = "two authenticators have the same method: list each method once"
	sayAnonymousDeclared = "anonymous is declared, so no authenticator is asked about it: remove one of the two"
)

// Bounds of the schema.
const (
	maxPrincipals     = 512
	maxAuthenticators = 4
	maxCredentials    = 16 // keys or certificates of one principal
	maxAuthIDLength   = 255
	maxSecretName     = 253
	minPBKDF2Rounds   = 4096
	maxPBKDF2Rounds   = 10000000
	maxArgon2Rounds   = 100000
	maxMemory         = 4194304 // KiB
)

// White space is that of hasForbidden.
var (
	authID      = regexp.MustCompile(`^[^\t\n\f\r ]+$`)
	scramSalt   = regexp.MustCompile(`^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`)
	publicKey   = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	fingerprint = regexp.MustCompile(`^([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$`)
)

func validatePrincipals(spec *field.Path, realm *WampRealmSpec) (errs field.ErrorList) {
	path := spec.Child("principals")
	if n := len(realm.Principals); n > maxPrincipals {
		errs = append(errs, field.TooMany(path, n, maxPrincipals))
	}
	seen := make(map[string]bool, len(realm.Principals))
	for i := range realm.Principals {
		p, at := &realm.Principals[i], path.Index(i)
		errs = append(errs, validateLength(at.Child("authid"), p.AuthID, maxAuthIDLength)...)
		if !authID.MatchString(p.AuthID) {
			errs = append(errs, field.Invalid(at.Child("authid"), p.AuthID, sayAuthID))
		}
		if seen[p.AuthID] {
			errs = append(errs, field.Invalid(at.Child("authid"), p.AuthID, "another principal has this authid: keep one of the two"))
		}
		seen[p.AuthID] = true
		if !slices.ContainsFunc(realm.Roles, func(role Role) bool { return role.Name == p.Role }) {
			errs = append(errs, field.Invalid(at.Child("role"), p.Role, sayPrincipalRole))
		}
		errs = append(errs, validateCredentials(at, p)...)
	}
	return errs
}

func validateCredentials(at *field.Path, p *Principal) (errs field.ErrorList) {
	if p.Ticket == nil && p.WampCRA == nil && p.SCRAM == nil && p.Cryptosign == nil && p.Certificate == nil {
		errs = append(errs, field.Invalid(at, p.AuthID, sayNoProof))
	}
	if p.Ticket != nil {
		errs = append(errs, validateSecretKey(at.Child("ticket", "secretRef"), p.Ticket.SecretRef)...)
	}
	if p.WampCRA != nil {
		errs = append(errs, validateSecretKey(at.Child("wampcra", "secretRef"), p.WampCRA.SecretRef)...)
		if salted := p.WampCRA.Salted; salted != nil {
			errs = append(errs, validateCRASalt(at.Child("wampcra", "salted"), salted)...)
		}
	}
	if p.SCRAM != nil {
		errs = append(errs, validateSCRAM(at.Child("scram"), p.SCRAM)...)
	}
	if p.Cryptosign != nil {
		keys := at.Child("cryptosign", "publicKeys")
		if n := len(p.Cryptosign.PublicKeys); n > maxCredentials {
			errs = append(errs, field.TooMany(keys, n, maxCredentials))
		}
		if n := len(p.Cryptosign.PublicKeys); n == 0 || !all(p.Cryptosign.PublicKeys, publicKey.MatchString) {
			errs = append(errs, field.Invalid(keys, p.Cryptosign.PublicKeys, sayPublicKeys))
		}
	}
	if p.Certificate != nil {
		errs = append(errs, validateCertificate(at.Child("certificate"), p.Certificate)...)
	}
	return errs
}

func validateCRASalt(at *field.Path, s *CRASalt) (errs field.ErrorList) {
	errs = append(errs, validateLength(at.Child("salt"), s.Salt, 255)...)
	if s.Salt == "" {
		errs = append(errs, field.Invalid(at.Child("salt"), s.Salt, sayCRASalt))
	}
	if s.Iterations < 100 || s.Iterations > maxPBKDF2Rounds {
		errs = append(errs, field.Invalid(at.Child("iterations"), s.Iterations, sayCRAIterations))
	}
	if s.KeyLength < 16 || s.KeyLength > 64 {
		errs = append(errs, field.Invalid(at.Child("keyLength"), s.KeyLength, sayCRAKeyLength))
	}
	return errs
}

func validateSCRAM(at *field.Path, s *SCRAMCredential) (errs field.ErrorList) {
	errs = append(errs, validateEnum(at.Child("kdf"), s.KDF, KDFArgon2, KDFPBKDF2, KDFArgon2Old)...)
	lowest, highest := int32(1), int32(maxArgon2Rounds)
	if s.KDF == KDFPBKDF2 {
		lowest, highest = minPBKDF2Rounds, maxPBKDF2Rounds
	}
	if s.Iterations < lowest || s.Iterations > highest {
		errs = append(errs, field.Invalid(at, s.Iterations, sayKDFIterations))
	}
	if (s.KDF == KDFPBKDF2) == (s.Memory != 0) {
		errs = append(errs, field.Invalid(at, s.Memory, sayMemoryKDF))
	} else if s.Memory != 0 && (s.Memory < 8 || s.Memory > maxMemory) {
		errs = append(errs, field.Invalid(at.Child("memory"), s.Memory, sayMemory))
	}
	errs = append(errs, validateLength(at.Child("salt"), s.Salt, 88)...)
	if !scramSalt.MatchString(s.Salt) || len(s.Salt) < 12 {
		errs = append(errs, field.Invalid(at.Child("salt"), s.Salt, saySCRAMSalt))
	}
	errs = append(errs, validateSecretKey(at.Child("storedKeyRef"), s.StoredKeyRef)...)
	return append(errs, validateSecretKey(at.Child("serverKeyRef"), s.ServerKeyRef)...)
}

func validateCertificate(at *field.Path, c *CertificateCredential) (errs field.ErrorList) {
	if len(c.Fingerprints)+len(c.Subjects)+len(c.Names) == 0 {
		errs = append(errs, field.Invalid(at, "", sayNoCertificate))
	}
	list := func(name string, values []string, length int, good func(string) bool, say string) {
		path := at.Child(name)
		if len(values) > maxCredentials {
			errs = append(errs, field.TooMany(path, len(values), maxCredentials))
		}
		for i, v := range values {
			errs = append(errs, validateLength(path.Index(i), v, length)...)
		}
		if !all(values, good) {
			errs = append(errs, field.Invalid(path, values, say))
		}
	}
	something := func(s string) bool { return s != "" }
	list("fingerprints", c.Fingerprints, 95, fingerprint.MatchString, sayFingerprint)
	list("subjects", c.Subjects, 255, something, saySubject)
	list("names", c.Names, 255, something, sayAlternativeName)
	return errs
}

func validateSecretKey(at *field.Path, ref SecretKeyReference) (errs field.ErrorList) {
	errs = append(errs, validateLength(at.Child("name"), ref.Name, maxSecretName)...)
	errs = append(errs, validateLength(at.Child("key"), ref.Key, maxSecretName)...)
	if ref.Name == "" {
		errs = append(errs, field.Invalid(at.Child("name"), ref.Name, saySecretName))
	}
	if ref.Key == "" {
		errs = append(errs, field.Invalid(at.Child("key"), ref.Key, saySecretKey))
	}
	return errs
}

func validateAuthenticators(spec *field.Path, realm *WampRealmSpec) (errs field.ErrorList) {
	path := spec.Child("authenticators")
	if n := len(realm.Authenticators); n > maxAuthenticators {
		errs = append(errs, field.TooMany(path, n, maxAuthenticators))
	}
	seen := map[AuthMethod]bool{}
	for i, a := range realm.Authenticators {
		at := path.Index(i)
		if len(a.Methods) == 0 {
			errs = append(errs, field.Invalid(at.Child("methods"), a.Methods, sayNoMethod))
		}
		for j, method := range a.Methods {
			errs = append(errs, validateEnum(at.Child("methods").Index(j), method, AuthAnonymous, AuthTicket, AuthWampCRA, AuthCryptosign)...)
			if seen[method] {
				errs = append(errs, field.Invalid(spec, method, sayMethodTwice))
			}
			seen[method] = true
		}
		errs = append(errs, validateLength(at.Child("procedure"), a.Procedure, MaxURILength)...)
		if !validURI(a.Procedure) {
			errs = append(errs, field.Invalid(at.Child("procedure"), a.Procedure, sayAuthenticatorURI))
		}
		if a.Realm != "" {
			errs = append(errs, validateLength(at.Child("realm"), a.Realm, MaxURILength)...)
			if !validURI(a.Realm) {
				errs = append(errs, field.Invalid(at.Child("realm"), a.Realm, sayRealmURI))
			}
		}
		if c := a.WampCRA; c != nil {
			if c.Iterations < 100 || c.Iterations > maxPBKDF2Rounds {
				errs = append(errs, field.Invalid(at.Child("wampcra", "iterations"), c.Iterations, sayCRAIterations))
			}
			if c.KeyLength < 16 || c.KeyLength > 64 {
				errs = append(errs, field.Invalid(at.Child("wampcra", "keyLength"), c.KeyLength, sayCRAKeyLength))
			}
		}
	}
	if realm.Anonymous != nil && seen[AuthAnonymous] {
		errs = append(errs, field.Invalid(spec, AuthAnonymous, sayAnonymousDeclared))
	}
	return errs
}

func all(values []string, good func(string) bool) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !good(v) })
}
