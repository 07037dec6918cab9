// Package identity is what a controller is to the centre: its key, made here and never leaving this machine, its certificate,
// and what it needs to believe the centre. Enroll makes an identity with a token that a person carries; a Keeper renews its certificate.
//
// The folder holds the secrets sealed (package pki): the controller's signing key, its box key, the site's credential hash key; and in
// the clear certificate.pem, ca.pem, web-ca.pem where one was given, and centre.json. The last is written last: a folder without it is
// not enrolled.
//
// Trust: who has the folder and the sealing key is this controller until it is revoked at the centre.
package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
)

// Names in the folder.
const (
	signingKey = "controller-key"
	boxKey     = "box-key"
	hashKey    = "credential-hash-key"
	certFile   = "certificate.pem"
	caFile     = "ca.pem"
	webCAFile  = "web-ca.pem"
	centreFile = "centre.json"
)

// Identity of an enrolled controller.
type Identity struct {
	Site, Controller string
	URL              string // of the centre's console and REST interface, https
	BrokerURL        string // as the centre gave it; may be empty
	Key              pki.SigningKey
	Certificate      *x509.Certificate
	Authorities      []*x509.Certificate // the site's device authorities, oldest first; two while one replaces the other
	CommandKeys      []ed25519.PublicKey // the centre signs with one of them
	HashKey          HashKey
}

// HashKey is the layers of the site's credential hash key, 32 bytes each, oldest first. It prints masked.
type HashKey struct {
	key func() []byte // a function is printed as an address, whoever holds it
}

func newHashKey(b []byte) HashKey { return HashKey{func() []byte { return b }} }

// Bytes are all layers, one after the other.
func (k HashKey) Bytes() []byte {
	if k.key == nil {
		return nil
	}
	return k.key()
}

const masked = "[secret]"

// Format masks the key under every verb.
func (HashKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue masks the key.
func (HashKey) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText refuses.
func (HashKey) MarshalText() ([]byte, error) { return nil, errors.New("a key is not marshalled") }

// centre is centre.json.
type centre struct {
	Site        string   `json:"site"`
	Controller  string   `json:"controller"`
	URL         string   `json:"url"`
	BrokerURL   string   `json:"broker_url"`
	CommandKeys [][]byte `json:"command_keys"`
	KeyID       string   `json:"key_id"` // of the controller's key; one that is pending besides is of the next enrolment
}

// Load reads the identity in a folder. fault.NotFound: this controller is not enrolled yet.
func Load(dir string, sealer pki.Sealer) (Identity, error) {
	c, err := readCentre(dir)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Site: c.Site, Controller: c.Controller, URL: c.URL, BrokerURL: c.BrokerURL}
	if id.CommandKeys, err = publicKeys(c.CommandKeys); err != nil {
		return Identity{}, err
	}
	if id.Certificate, err = readCertificate(filepath.Join(dir, certFile)); err != nil {
		return Identity{}, err
	}
	if id.Authorities, err = readAuthorities(filepath.Join(dir, caFile)); err != nil {
		return Identity{}, err
	}
	if err := id.openSecrets(dir, sealer); err != nil {
		return Identity{}, err
	}
	return id, id.check(c.KeyID)
}

func readCentre(dir string) (centre, error) {
	b, err := os.ReadFile(filepath.Join(dir, centreFile))
	if errors.Is(err, fs.ErrNotExist) {
		return centre{}, fault.New(fault.NotFound, "identity.not_enrolled",
			"この制御装置はまだ中央に登録されていません。kanmon-controller enroll を実行してください。/ not enrolled yet: run kanmon-controller enroll")
	}
	if err != nil {
		return centre{}, fault.Wrap(fault.Unavailable, err, "read the identity")
	}
	var c centre
	return c, fault.Wrap(fault.Invalid, json.Unmarshal(b, &c), "read the identity")
}

func (id *Identity) openSecrets(dir string, sealer pki.Sealer) error {
	vault, err := pki.NewVault(dir, sealer)
	if err != nil {
		return err
	}
	seed, err := vault.Load(signingKey)
	if err != nil {
		return err
	}
	if id.Key, err = pki.ParseSigningKey(seed); err != nil {
		return err
	}
	hash, err := vault.Load(hashKey)
	if err != nil {
		return err
	}
	id.HashKey, err = parseHashKey(hash)
	return err
}

// check finds files that do not belong together, as after a crash in the middle of another enrolment.
func (id Identity) check(keyID string) error {
	err := id.proves(id.Certificate, id.Certificate.NotBefore)
	if err != nil || keyID != id.Key.KeyID() {
		return fault.New(fault.Invalid, "identity.mixed", "key and certificate of this controller do not belong together: enrol again")
	}
	return nil
}

// proves checks that a certificate is for this key, name and site, from an authority, for a client, and not over. One that begins
// later than now is taken: the authority says that the moment is past.
func (id Identity) proves(c *x509.Certificate, now time.Time) error {
	public, ok := c.PublicKey.(ed25519.PublicKey)
	if !ok || !public.Equal(id.Key.Public()) || c.Subject.CommonName != id.Controller || !slices.Equal(c.Subject.Organization, []string{id.Site}) {
		return fault.New(fault.Invalid, "identity.certificate", "the certificate is not for this controller's key and name")
	}
	if now.Before(c.NotBefore) {
		now = c.NotBefore
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: pki.Pool(id.Authorities...), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return fault.Wrap(fault.Invalid, err, "check the certificate")
}

func readCertificate(file string) (*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the identity")
	}
	c, err := pki.ParseCertificate(b)
	return c, fault.Wrap(fault.Invalid, err, "read "+filepath.Base(file))
}

func readAuthorities(file string) ([]*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the identity")
	}
	list, err := pki.ParseCertificates(b)
	return list, fault.Wrap(fault.Invalid, err, "read "+filepath.Base(file))
}

func publicKeys(raw [][]byte) ([]ed25519.PublicKey, error) {
	if len(raw) == 0 {
		return nil, fault.New(fault.Invalid, "identity.command_keys", "the centre named no key that it signs with")
	}
	keys := make([]ed25519.PublicKey, len(raw))
	for i, b := range raw {
		if len(b) != ed25519.PublicKeySize {
			return nil, fault.New(fault.Invalid, "identity.command_keys", "a key of the centre has another length")
		}
		keys[i] = b
	}
	return keys, nil
}

// save writes what the centre answered, centre.json last.
func save(dir string, id Identity) error {
	keys := make([][]byte, len(id.CommandKeys))
	for i, k := range id.CommandKeys {
		keys[i] = k
	}
	b, err := json.MarshalIndent(centre{id.Site, id.Controller, id.URL, id.BrokerURL, keys, id.Key.KeyID()}, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "write the identity")
	}
	for _, f := range []struct {
		name string
		b    []byte
	}{
		{caFile, pki.EncodeCertificates(id.Authorities)}, {certFile, pki.EncodeCertificate(id.Certificate)}, {centreFile, append(b, '\n')},
	} {
		if err := folder.Write(filepath.Join(dir, f.name), f.b); err != nil {
			return err
		}
	}
	return nil
}
