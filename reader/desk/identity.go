package desk

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kanmon/internal/ask"
	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
)

// Names in the folder. The last is written last: a folder without it is not enrolled.
const (
	keyName    = "desk-key"
	pending    = "-pending"
	certFile   = "certificate.pem"
	caFile     = "ca.pem"
	centreFile = "centre.json"
)

// Identity is what a desk is to the centre.
type Identity struct {
	Site, Desk  string
	URL         string // of the centre's port for desks, https
	Key         pki.SigningKey
	Certificate *x509.Certificate
	Authorities []*x509.Certificate // of the site, oldest first; two while one replaces the other
}

// centre is centre.json.
type centre struct {
	Site string `json:"site"`
	Desk string `json:"desk"`
	URL  string `json:"url"`
}

// Load reads the identity in a folder. fault.NotFound: this desk is not enrolled yet.
func Load(dir string, sealer pki.Sealer) (Identity, error) {
	b, err := os.ReadFile(filepath.Join(dir, centreFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fault.New(fault.NotFound, "desk.not_enrolled",
			"このPCはまだ中央に登録されていません。kanmon-desk enroll を実行してください。/ not enrolled yet: run kanmon-desk enroll")
	}
	if err != nil {
		return Identity{}, fault.Wrap(fault.Unavailable, err, "read the identity")
	}
	var c centre
	if err := json.Unmarshal(b, &c); err != nil {
		return Identity{}, fault.Wrap(fault.Invalid, err, "read the identity")
	}
	id := Identity{Site: c.Site, Desk: c.Desk, URL: c.URL}
	if id.Certificate, err = readCertificate(filepath.Join(dir, certFile)); err != nil {
		return Identity{}, err
	}
	if b, err = os.ReadFile(filepath.Join(dir, caFile)); err != nil {
		return Identity{}, fault.Wrap(fault.Unavailable, err, "read the authorities")
	}
	if id.Authorities, err = pki.ParseCertificates(b); err != nil {
		return Identity{}, err
	}
	seed, err := pki.OpenVault(dir, sealer).Load(keyName)
	if err != nil {
		return Identity{}, err
	}
	if id.Key, err = pki.ParseSigningKey(seed); err != nil {
		return Identity{}, err
	}
	return id, id.proves(id.Certificate)
}

func readCertificate(file string) (*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read the certificate")
	}
	return pki.ParseCertificate(b)
}

// proves checks that a certificate is for this desk, its key, and by an authority that it believes. Its end is for the centre to look at.
func (id Identity) proves(c *x509.Certificate) error {
	name, public, ok := pki.DeskName(c)
	if !ok || name != id.Desk || !public.Equal(id.Key.Public()) || pki.Issuer(c, id.Authorities) == nil {
		return fault.New(fault.Invalid, "desk.certificate", "the certificate is not this desk's: enrol again")
	}
	return nil
}

// keep writes what may change: the certificate and the authorities. They go together: the older authority stays until the certificate is of the newer.
func (id Identity) keep(dir string) error {
	if err := folder.Write(filepath.Join(dir, caFile), pki.EncodeCertificates(id.Authorities)); err != nil {
		return err
	}
	return folder.Write(filepath.Join(dir, certFile), pki.EncodeCertificate(id.Certificate))
}

// Request for a new identity. All fields but CAFile and Clock are required.
type Request struct {
	URL    string // of the centre's console, https://host[:port]
	Token  pki.Token
	Desk   string
	Dir    string // folder of the identity
	Sealer pki.Sealer
	CAFile string           // authority of the console's own certificate, where neither the pin nor the system's authorities lead to it
	Clock  func() time.Time // nil: time.Now
}

type enrolment struct {
	Desk  string `json:"desk"`
	Token string `json:"token"`
	CSR   []byte `json:"csr"`
}

type enrolled struct {
	Site        string `json:"site"`
	Desk        string `json:"desk"`
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
	URL         string `json:"url"`
}

// Enroll makes a key, shows the centre the token, and keeps what it answers. The key of a failed attempt is used again by the next one, so that an
// answer that was lost costs nothing. Both fingerprints are told to the person who enrols, for comparing.
func Enroll(ctx context.Context, r Request) (Identity, error) {
	if r.Clock == nil {
		r.Clock = time.Now
	}
	vault, err := pki.NewVault(r.Dir, r.Sealer)
	if err != nil {
		return Identity{}, err
	}
	seed, err := vault.LoadOrMake(keyName+pending, func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil })
	if err != nil {
		return Identity{}, err
	}
	key, err := pki.ParseSigningKey(seed)
	if err != nil {
		return Identity{}, err
	}
	csr, err := pki.MakeCSR(key, r.Desk)
	if err != nil {
		return Identity{}, err
	}
	var a enrolled
	if err := r.ask(ctx, enrolment{r.Desk, r.Token.Reveal(), csr}, &a); err != nil {
		return Identity{}, err
	}
	id, err := r.accept(a, key)
	if err != nil {
		return Identity{}, err
	}
	return id, r.keep(id, vault)
}

// accept checks everything the centre answered.
func (r Request) accept(a enrolled, key pki.SigningKey) (Identity, error) {
	id := Identity{Site: a.Site, Desk: a.Desk, URL: strings.TrimSuffix(a.URL, "/"), Key: key}
	if a.Desk != r.Desk {
		return id, fault.New(fault.Invalid, "desk.answer", "the centre answered for another desk")
	}
	if _, err := ask.URL(id.URL, codeURL); err != nil {
		return id, err
	}
	ca, err := pki.ParseCertificate([]byte(a.CA))
	if err != nil {
		return id, err
	}
	if id.Authorities = []*x509.Certificate{ca}; pki.Pin(ca) != r.Token.Pin() {
		return id, fault.New(fault.Denied, "desk.pin", "the centre's authority is not the one that the token names")
	}
	if id.Certificate, err = pki.ParseCertificate([]byte(a.Certificate)); err != nil {
		return id, err
	}
	return id, id.proves(id.Certificate)
}

// keep makes the new identity the desk's own; after a crash before its end the same token still serves.
func (r Request) keep(id Identity, vault *pki.Vault) error {
	if err := vault.Save(keyName, id.Key.Seed()); err != nil {
		return err
	}
	if err := id.keep(r.Dir); err != nil {
		return err
	}
	b, err := json.Marshal(centre{id.Site, id.Desk, id.URL})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "keep the identity")
	}
	if err := folder.Write(filepath.Join(r.Dir, centreFile), append(b, '\n')); err != nil {
		return err
	}
	return vault.Remove(keyName + pending)
}

// ask speaks to the console's interface for programs, once.
func (r Request) ask(ctx context.Context, in, out any) error {
	u, err := ask.URL(r.URL, codeURL)
	if err != nil {
		return err
	}
	roots, err := ask.Roots(r.CAFile)
	if err != nil {
		return err
	}
	client := ask.Client(pki.PinnedTLS(u.Hostname(), []string{r.Token.Pin()}, roots, r.Clock))
	defer client.CloseIdleConnections()
	return ask.Post(ctx, client, strings.TrimSuffix(r.URL, "/")+"/api/v1/desks/enrol", in, out, words)
}

const codeURL = "desk.url"

// words are a desk's errors. A refusal has the code that the centre gave, and the sentence where it gave one.
var words = ask.Words{Refused: refusal, Unreached: func(err error) error { return fault.Wrap(fault.Unavailable, err, "ask the centre") }}

func refusal(status int, b []byte) error {
	var said struct {
		Code   string `json:"code"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(b, &said) // what is no refusal of ours has no words for us
	text := cmp.Or(said.Detail, said.Title)
	return fault.New(ask.KindOf(status), said.Code, "the centre refuses ("+http.StatusText(status)+" "+said.Code+"): "+text)
}
