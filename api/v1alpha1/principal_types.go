package v1alpha1

// AuthMethod is how a client proves who it is, as it stands in HELLO.Details.authmethods.
// +kubebuilder:validation:Enum=anonymous;ticket;wampcra;cryptosign
type AuthMethod string

const (
	AuthAnonymous  AuthMethod = "anonymous"
	AuthTicket     AuthMethod = "ticket"
	AuthWampCRA    AuthMethod = "wampcra"
	AuthCryptosign AuthMethod = "cryptosign"
)

// SecretKeyReference names one value in a Secret of the namespace that the WampRealm is in. White
// space around the value does not count.
// +structType=atomic
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="write the name of a Secret"
	Name string `json:"name"`
	// key in the Secret's data.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="write a key of the Secret's data"
	Key string `json:"key"`
}

// Principal is somebody who may join the realm: a name, a role, and the ways to prove the name. A
// client may offer several methods; the first in its order that is declared here is used. A
// principal whose Secret, or whose key in it, is not there cannot log in that way; all others
// can.
// +kubebuilder:validation:XValidation:rule="has(self.ticket) || has(self.wampcra) || has(self.scram) || has(self.cryptosign) || has(self.certificate)",message="say how the principal proves its name: add at least one of ticket, wampcra, scram, cryptosign, certificate"
type Principal struct {
	// authid is the name, as clients write it in HELLO.Details.authid. At most 255 characters.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="write an authid of 1 to 255 characters without white space, for example alice or sensor-7@example.com"
	AuthID string `json:"authid"`
	// role that the principal gets; one of the realm's roles.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:MinLength=1
	Role string `json:"role"`
	// ticket: the client sends a secret as it is (WAMP advanced profile, "Ticket-based
	// Authentication"). Only for encrypted connections.
	// +optional
	Ticket *TicketCredential `json:"ticket,omitempty"`
	// wampcra: the client signs a challenge with a shared secret (WAMP advanced profile,
	// "Challenge Response Authentication").
	// +optional
	WampCRA *CRACredential `json:"wampcra,omitempty"`
	// scram: the client proves that it knows a password that the router does not have (WAMP
	// advanced profile, "Salted Challenge Response Authentication").
	// +optional
	SCRAM *SCRAMCredential `json:"scram,omitempty"`
	// cryptosign: the client signs a challenge with an Ed25519 key (WAMP advanced profile,
	// "Cryptosign-based Authentication").
	// +optional
	Cryptosign *CryptosignCredential `json:"cryptosign,omitempty"`
	// certificate: the client has shown a certificate when the TLS connection began. The
	// method is named "tls" in HELLO.Details.authmethods. The routers have to know the
	// authorities of client certificates; a certificate that signed itself can be one.
	// +optional
	Certificate *CertificateCredential `json:"certificate,omitempty"`
}

// TicketCredential is a secret that the client sends.
type TicketCredential struct {
	// secretRef is where the ticket is.
	// +required
	SecretRef SecretKeyReference `json:"secretRef"`
}

// CRACredential is a secret with which the client signs.
type CRACredential struct {
	// secretRef is where the secret is: as the client has it, or, with salted, the key that
	// was derived from it (PBKDF2 with SHA-256, in base64).
	// +required
	SecretRef SecretKeyReference `json:"secretRef"`
	// salted says how the key was derived; clients are told, and derive it again.
	// +optional
	Salted *CRASalt `json:"salted,omitempty"`
}

// CRASalt is how PBKDF2 with SHA-256 derived a key.
type CRASalt struct {
	// salt, as it stands; for keys that are made anew 16 random bytes in base64. From 1 to 255 characters.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.size() >= 1",message="write a salt of 1 to 255 characters, another one for each principal"
	Salt string `json:"salt"`
	// iterations of PBKDF2. From 100 to 10000000.
	// +required
	// +kubebuilder:validation:XValidation:rule="self >= 100 && self <= 10000000",message="write a number of iterations from 100 to 10000000"
	Iterations int32 `json:"iterations"`
	// keyLength is how long the key is before it is written in base64, in bytes. From 16 to
	// 64.
	// +optional
	// +kubebuilder:default=32
	// +kubebuilder:validation:XValidation:rule="self >= 16 && self <= 64",message="write a key length from 16 to 64 bytes"
	KeyLength int32 `json:"keyLength,omitempty"`
}

// KDF is a function that derives a key from a password. argon2id13 and pbkdf2 are those of the
// WAMP text, for the method "wamp-scram"; argon2id-13 is how Crossbar.io and Autobahn|Python do
// it, for the method that they call "scram": keys that were made for these go on to work.
// +kubebuilder:validation:Enum=argon2id13;pbkdf2;argon2id-13
type KDF string

const (
	KDFArgon2    KDF = "argon2id13"
	KDFPBKDF2    KDF = "pbkdf2"
	KDFArgon2Old KDF = "argon2id-13"
)

// SCRAMCredential is what a router has to know to check a password: neither the password nor
// anything with which one could log in.
// +kubebuilder:validation:XValidation:rule="self.kdf == 'pbkdf2' ? !has(self.memory) : has(self.memory)",message="memory goes with argon2id13, and with pbkdf2 there is none"
// +kubebuilder:validation:XValidation:rule="self.kdf == 'pbkdf2' ? self.iterations >= 4096 && self.iterations <= 10000000 : self.iterations >= 1 && self.iterations <= 100000",message="write a number of iterations from 4096 to 10000000 for pbkdf2, from 1 to 100000 for argon2id13"
type SCRAMCredential struct {
	// kdf derived the keys from the password.
	// +optional
	// +kubebuilder:default=argon2id13
	KDF KDF `json:"kdf,omitempty"`
	// salt, in base64. From 8 to 64 bytes.
	// +required
	// +kubebuilder:validation:MaxLength=88
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$') && self.size() >= 12",message="write a salt of 8 to 64 bytes in base64, another one for each principal"
	Salt string `json:"salt"`
	// iterations of kdf. From 4096 to 10000000 for pbkdf2, from 1 to 100000 for argon2id13.
	// +required
	Iterations int32 `json:"iterations"`
	// memory that argon2id13 takes, in KiB. From 8 to 4194304; only with argon2id13.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 8 && self <= 4194304",message="write an amount of memory from 8 to 4194304 KiB"
	Memory int32 `json:"memory,omitempty"`
	// storedKeyRef is where the StoredKey is (RFC 5802, section 3), 32 bytes in base64 or hex.
	// +required
	StoredKeyRef SecretKeyReference `json:"storedKeyRef"`
	// serverKeyRef is where the ServerKey is (RFC 5802, section 3), 32 bytes in base64 or hex.
	// +required
	ServerKeyRef SecretKeyReference `json:"serverKeyRef"`
}

// CryptosignCredential is the keys with which the client may sign.
type CryptosignCredential struct {
	// publicKeys are Ed25519 public keys, 32 bytes in hex. From 1 to 16: write the next one
	// beside the last one while clients change over.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self.all(k, k.matches('^[0-9a-fA-F]{64}$'))",message="write at least one public key, each of 64 hex digits"
	// +kubebuilder:validation:items:MaxLength=64
	PublicKeys []string `json:"publicKeys"`
}

// CertificateCredential is the certificates that stand for the principal: those that fit any of
// the three.
// +kubebuilder:validation:XValidation:rule="has(self.fingerprints) && self.fingerprints.size() > 0 || has(self.subjects) && self.subjects.size() > 0 || has(self.names) && self.names.size() > 0",message="say which certificates: add at least one of fingerprints, subjects, names"
type CertificateCredential struct {
	// fingerprints are SHA-256 over the certificate in DER, in hex, with or without colons: this
	// certificate and no other. At most 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(f, f.matches('^([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$'))",message="write each fingerprint as 64 hex digits, for example as openssl x509 -noout -fingerprint -sha256 prints it"
	// +kubebuilder:validation:items:MaxLength=95
	Fingerprints []string `json:"fingerprints,omitempty"`
	// subjects are distinguished names as RFC 2253 writes them, for example
	// "CN=sensor-7,O=Example": whatever certificate an authority gives to that subject. At most
	// 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.size() > 0)",message="write a subject, for example CN=sensor-7,O=Example"
	// +kubebuilder:validation:items:MaxLength=255
	Subjects []string `json:"subjects,omitempty"`
	// names are subject alternative names: a DNS name, an e-mail address or a URI, compared
	// as they stand. At most 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.size() > 0)",message="write a name, for example sensor-7.example.com"
	// +kubebuilder:validation:items:MaxLength=255
	Names []string `json:"names,omitempty"`
}

// Authenticator is a procedure that knows who may join. It is called with the realm, the authid
// and a dictionary of details (authmethod, authextra, session, transport, and with ticket the
// ticket), and answers with the name of a role, or with a dictionary: role, and as it likes
// authid and extra (WELCOME.Details.authextra); for wampcra also secret, or the derived key with
// salt, iterations and keylen. With ticket and cryptosign it decides on details.ticket and
// details.authextra.pubkey; that the client has the key is checked by the router. An error is a
// no. It is asked for whom principals does not name, and has 5 seconds.
type Authenticator struct {
	// methods that it is asked for.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="list at least one of anonymous, ticket, wampcra, cryptosign"
	Methods []AuthMethod `json:"methods"`
	// procedure to call.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="write a URI of components with one dot between them, without white space and '#', for example com.example.authenticate"
	Procedure string `json:"procedure"`
	// realm in which the procedure is registered, this one or another of the same cluster;
	// this one when absent. Whoever registers it there decides who gets in here.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="write a URI of components with one dot between them, without white space and '#', for example realm1 or com.example.realm"
	Realm string `json:"realm,omitempty"`
	// wampcra says how the procedure derives the keys that it answers with, when they are salted:
	// whom it does not know is challenged in the same way, and so cannot be told from whom it
	// knows. Its salts should be 16 bytes in base64. Without it nobody is salted whom the
	// procedure does not know.
	// +optional
	WampCRA *AuthenticatorCRA `json:"wampcra,omitempty"`
}

// AuthenticatorCRA is how PBKDF2 with SHA-256 derives the keys that an authenticator answers with.
type AuthenticatorCRA struct {
	// iterations of PBKDF2, the same for everybody. From 100 to 10000000.
	// +required
	// +kubebuilder:validation:XValidation:rule="self >= 100 && self <= 10000000",message="write a number of iterations from 100 to 10000000"
	Iterations int32 `json:"iterations"`
	// keyLength is how long a key is before it is written in base64, in bytes. From 16 to 64.
	// +optional
	// +kubebuilder:default=32
	// +kubebuilder:validation:XValidation:rule="self >= 16 && self <= 64",message="write a key length from 16 to 64 bytes"
	KeyLength int32 `json:"keyLength,omitempty"`
}
