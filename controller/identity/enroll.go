package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"kanmon/internal/fault"
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

// HashKeyInfo binds the sealed credential hash key to its receiver.
func HashKeyInfo(site, controller string) string {
	return "kanmon hash key v1\n" + site + "\n" + controller
}

type enrolment struct {
	Controller string `json:"controller"`
	Token      string `json:"token"`
	CSR        []byte `json:"csr"`
	BoxKey     []byte `json:"box_key"`
}

type answer struct {
	Site        string   `json:"site"`
	Controller  string   `json:"controller"`
	Certificate string   `json:"certificate"`
	CA          string   `json:"ca"`
	CommandKeys [][]byte `json:"command_keys"`
	HashKey     []byte   `json:"hash_key"`
	BrokerURL   string   `json:"broker_url"`
}

// Enroll makes keys, shows the centre the token, and keeps what it answers. The keys of a failed attempt are used again by the next one, so
// that an answer that was lost on its way costs nothing. A controller that is enrolled already gets new keys.
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
	client, err := newClient(r.URL, r.Token.Pin(), r.CAFile, r.Clock)
	if err != nil {
		return Identity{}, err
	}
	defer client.close()
	var a answer
	err = client.post(ctx, "/api/v1/enrol", enrolment{r.Controller, r.Token.Reveal(), csr, keys.box.Public()}, &a)
	if err != nil {
		return Identity{}, err
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

// accept checks everything the centre answered.
func (r Request) accept(a answer, k keys) (Identity, []byte, error) {
	id := Identity{Site: a.Site, Controller: a.Controller, URL: r.URL, BrokerURL: a.BrokerURL, Key: k.signing}
	if !wire.ValidName(a.Site) || a.Controller != r.Controller {
		return id, nil, fault.New(fault.Invalid, "identity.answer", "the centre answered for another controller")
	}
	var err error
	if id.CA, err = pki.ParseCertificate([]byte(a.CA)); err != nil {
		return id, nil, err
	}
	if pki.Pin(id.CA) != r.Token.Pin() {
		return id, nil, fault.New(fault.Denied, "identity.pin", "the centre's authority is not the one that the token names")
	}
	if id.Certificate, err = pki.ParseCertificate([]byte(a.Certificate)); err != nil {
		return id, nil, err
	}
	if err := ours(id.Certificate, id.CA, k.signing.Public(), r.Controller, r.Clock()); err != nil {
		return id, nil, err
	}
	if id.CommandKeys, err = publicKeys(a.CommandKeys); err != nil {
		return id, nil, err
	}
	hash, err := k.box.Open(HashKeyInfo(a.Site, a.Controller), a.HashKey)
	if err != nil {
		return id, nil, err
	}
	id.HashKey = HashKey{&hash}
	return id, hash, nil
}

// ours checks that a certificate is for our key and name and from the authority.
func ours(c, ca *x509.Certificate, key ed25519.PublicKey, name string, now time.Time) error {
	public, ok := c.PublicKey.(ed25519.PublicKey)
	if !ok || !public.Equal(key) || c.Subject.CommonName != name {
		return fault.New(fault.Invalid, "identity.certificate", "the certificate is not for this controller's key and name")
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: pki.Pool(ca), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return fault.Wrap(fault.Invalid, err, "check the certificate")
}

// keep makes the new identity the controller's own: secrets first, centre.json last.
func (r Request) keep(id Identity, k keys, hash []byte) error {
	if r.CAFile != "" {
		b, err := os.ReadFile(r.CAFile)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "read the console's authority")
		}
		if err := pki.WriteDurably(filepath.Join(r.Dir, webCAFile), b); err != nil {
			return err
		}
	}
	for name, secret := range map[string][]byte{signingKey: k.signing.Seed(), boxKey: k.box.Bytes(), hashKey: hash} {
		if err := k.vault.Save(name, secret); err != nil {
			return err
		}
	}
	if err := save(r.Dir, id); err != nil {
		return err
	}
	for _, name := range []string{signingKey, boxKey} {
		if err := os.Remove(filepath.Join(r.Dir, name+pending+".sealed")); err != nil {
			return fault.Wrap(fault.Unavailable, err, "remove the key of the attempt")
		}
	}
	return nil
}

// problem is what a refusal carries (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func refusal(status int, b []byte) error {
	var p problem
	_ = json.Unmarshal(b, &p) // what is no problem document has no words for us
	kind := fault.Unavailable
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		kind = fault.Denied
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return fault.New(kind, "identity.refused", "the centre refuses ("+http.StatusText(status)+"): "+text)
}

func checkURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fault.New(fault.Invalid, "identity.url", "the centre's URL is https://host[:port]")
	}
	return u, nil
}
