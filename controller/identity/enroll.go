package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

// Request for a new identity. All fields but CAFile and Clock are required.
type Request struct {
	URL        string // of the centre, https://host[:port]
	Token      pki.Token
	Controller string
	Dir        string // folder of the identity
	Sealer     pki.Sealer
	CAFile     string           // authority of the console's own certificate, where neither the pin nor the system's authorities lead to it
	Clock      func() time.Time // nil: time.Now
}

type enrolment struct {
	Controller string `json:"controller"`
	Token      string `json:"token"`
	CSR        []byte `json:"csr"`
	BoxKey     []byte `json:"box_key"`
}

type answer struct {
	Site         string   `json:"site"`
	Controller   string   `json:"controller"`
	Certificate  string   `json:"certificate"`
	CA           string   `json:"ca"`
	CommandKeys  [][]byte `json:"command_keys"`
	HashKey      []byte   `json:"hash_key"`
	Introduction []byte   `json:"introduction"`
	BrokerURL    string   `json:"broker_url"`
}

// Enroll makes keys, shows the centre the token, and keeps what it answers. The keys of a failed attempt are used again by the next one, so
// that an answer that was lost on its way, or a crash after it, costs nothing. A controller that is enrolled already gets new keys.
//
// Both are told to the person who enrols, for comparing: pki.Fingerprint(Key.Public()) and pki.CertificateFingerprint(Authorities[0]).
func Enroll(ctx context.Context, r Request) (Identity, error) {
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if !wire.ValidController(r.Controller) {
		return Identity{}, fault.New(fault.Invalid, "identity.controller", "not a controller's name: "+r.Controller)
	}
	keys, err := makeKeys(r)
	if err != nil {
		return Identity{}, err
	}
	csr, err := pki.MakeCSR(keys.signing, r.Controller)
	if err != nil {
		return Identity{}, err
	}
	client, err := newClient(r.URL, []string{r.Token.Pin()}, r.CAFile, r.Clock)
	if err != nil {
		return Identity{}, err
	}
	defer client.close()
	var a answer
	err = client.post(ctx, "/api/v1/enrol", enrolment{r.Controller, r.Token.Reveal(), csr, keys.box.Public()}, &a)
	if err != nil {
		return Identity{}, errors.Join(err, keys.refused(err))
	}
	id, hash, err := r.accept(a, keys)
	if err != nil {
		return Identity{}, err
	}
	return id, r.keep(id, keys, hash)
}

type keys struct {
	vault   *pki.Vault
	signing pki.SigningKey
	box     pki.BoxKey
}

// pending is the name of a key that is not the controller's yet.
const pending = "-pending"

// makeKeys makes the keys of this attempt, or finds those of the one before.
func makeKeys(r Request) (keys, error) {
	vault, err := pki.NewVault(r.Dir, r.Sealer)
	if err != nil {
		return keys{}, err
	}
	k, err := pendingKeys(vault)
	if err != nil {
		return keys{}, err
	}
	if c, err := readCentre(r.Dir); err == nil && c.KeyID == k.signing.KeyID() { // left by a crash at the very end of the enrolment before
		if err := k.forget(); err != nil {
			return keys{}, err
		}
		return pendingKeys(vault)
	}
	return k, nil
}

func pendingKeys(vault *pki.Vault) (keys, error) {
	seed, err := vault.LoadOrMake(signingKey+pending, func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil })
	if err != nil {
		return keys{}, err
	}
	signing, err := pki.ParseSigningKey(seed)
	if err != nil {
		return keys{}, err
	}
	b, err := vault.LoadOrMake(boxKey+pending, func() ([]byte, error) { return pki.NewBoxKey().Bytes(), nil })
	if err != nil {
		return keys{}, err
	}
	box, err := pki.ParseBoxKey(b)
	return keys{vault, signing, box}, err
}

// forget ends the attempt. The signing key goes last: with it the box key that was sent along is known.
func (k keys) forget() error {
	return errors.Join(k.vault.Remove(boxKey+pending), k.vault.Remove(signingKey+pending))
}

// refused forgets keys that the centre will never take, such as those of a controller that it has revoked.
func (k keys) refused(err error) error {
	if r, ok := errors.AsType[*refusal](err); ok && r.Code == "device.key_taken" {
		return k.forget()
	}
	return nil
}

// accept checks everything the centre answered.
func (r Request) accept(a answer, k keys) (Identity, []byte, error) {
	id := Identity{Site: a.Site, Controller: a.Controller, URL: r.URL, BrokerURL: a.BrokerURL, Key: k.signing}
	if !wire.ValidName(a.Site) || a.Controller != r.Controller {
		return id, nil, fault.New(fault.Invalid, "identity.answer", "the centre answered for another controller")
	}
	err := checkBroker(a.BrokerURL)
	if err != nil {
		return id, nil, err
	}
	ca, err := pki.ParseCertificate([]byte(a.CA))
	if err != nil {
		return id, nil, err
	}
	if id.Authorities = []*x509.Certificate{ca}; pki.Pin(ca) != r.Token.Pin() {
		return id, nil, fault.New(fault.Denied, "identity.pin", "the centre's authority is not the one that the token names")
	}
	if id.Certificate, err = pki.ParseCertificate([]byte(a.Certificate)); err != nil {
		return id, nil, err
	}
	if err := id.proves(id.Certificate, r.Clock()); err != nil {
		return id, nil, err
	}
	if id.CommandKeys, err = publicKeys(a.CommandKeys); err != nil {
		return id, nil, err
	}
	hash, err := k.box.Open(pki.HashKeyInfo(a.Site, a.Controller), a.HashKey)
	if err != nil {
		return id, nil, err
	}
	if id.HashKey, err = parseHashKey(hash); err != nil {
		return id, nil, err
	}
	told := pki.Introduction{Site: id.Site, Controller: id.Key.Public(), CommandKeys: id.CommandKeys, HashKey: a.HashKey}
	return id, hash, told.Verify(ca, a.Introduction)
}

// keep makes the new identity the controller's own: secrets first, centre.json last, and only then the pending keys go. After a crash in
// between Load asks to enrol again, and the same token still serves, since the keys are the same.
func (r Request) keep(id Identity, k keys, hash []byte) error {
	if r.CAFile != "" {
		b, err := os.ReadFile(r.CAFile)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "read the console's authority")
		}
		if err := folder.Write(filepath.Join(r.Dir, webCAFile), b); err != nil {
			return err
		}
	}
	for _, s := range []struct {
		name   string
		secret []byte
	}{{hashKey, hash}, {boxKey, k.box.Bytes()}, {signingKey, k.signing.Seed()}} {
		if err := k.vault.Save(s.name, s.secret); err != nil {
			return err
		}
	}
	if err := save(r.Dir, id); err != nil {
		return err
	}
	return k.forget()
}

func checkBroker(s string) error {
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "") {
		return fault.New(fault.Invalid, "identity.broker_url", "the centre names a broker that is not tls://host:port")
	}
	return nil
}
