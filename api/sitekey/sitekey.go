// Package sitekey keeps the secrets of a site: made at the first start, sealed in one folder, never printed.
//
//	device-ca            the authority that signs the certificates of controllers, of the centre and of its servers
//	command-key          Ed25519: what the centre sends is signed with it; beside it the one announced, and those before
//	checkpoint-key       the ledger's checkpoints are signed with it; beside it the public parts of those before
//	credential-hash-key  cards are known by their keyed hash alone; its layers, and the one announced
//	centre-key           the centre's own key as an MQTT client; its certificate lies beside it
//	server               key and certificate of the console and the embedded broker, when they are the authority's
//
// Certificates are renewed by the program itself (Run). What an earlier version kept in plain files is sealed and the files removed.
// The register of keys (lifecycle/key) says which key serves since when; it never sees one.
package sitekey

import (
	"crypto/rand"
	"crypto/x509"
	"path/filepath"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
	"kanmon/reader/credential"
)

// Names in the folder.
const (
	authority   = "device-ca"
	commandKeys = "command-key"
	checkpoint  = "checkpoint-key"
	hashKey     = "credential-hash-key"
	centreKey   = "centre-key"
	centreCert  = "centre-certificate"
	serverPair  = "server"
	oldLedger   = "ledger-signing-key"  // plain files of earlier versions
	oldHash     = "credential-hash-key" //
	sealedFiles = ".sealed"
)

// Config says where the secrets are. All fields but Clock are required.
type Config struct {
	Dir        string // the folder of the sealed secrets
	SealingKey string // file; made when there is none, unless systemd hands over the key
	Site       string
	Origin     string // of the ledger
	// Hosts are the names and addresses by which the console and the broker are called.
	Hosts []string
	Clock func() time.Time // nil: time.Now
}

// Keys are the secrets of a site. They are safe for concurrent use and print masked.
type Keys struct {
	cfg            Config
	vault          *pki.Vault
	ca             *pki.CA
	authorities    func() ring // a function is printed as an address
	trusted        []*x509.Certificate
	authorityWords []pki.Announcement
	command        pki.SigningKey
	commands       func() ring //
	words          []pki.Announcement
	checkpoint     *ledger.Signer
	succession     func() succession
	hash           func() layers
	cards          credential.HashKey
	centre         pki.SigningKey
	shown          certificates
}

// Open opens the secrets and makes those that are not there yet.
func Open(cfg Config) (*Keys, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	k := &Keys{cfg: cfg}
	sealed, err := filepath.Glob(filepath.Join(cfg.Dir, "*"+sealedFiles))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "look for sealed keys")
	}
	sealer, err := pki.OpenSealer(cfg.SealingKey, len(sealed) == 0) // a fresh one opens none of them
	if err != nil {
		return nil, err
	}
	if k.vault, err = pki.NewVault(cfg.Dir, sealer); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		k.vault.Sweep, k.adopt, k.openAuthority, k.openCommandKey, k.openCheckpoint, k.openHashKey, k.openCentre, k.renew,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// open reads what is kept under a name, or makes it, and has it serve.
func open[T any](v *pki.Vault, name string, fresh func() ([]byte, error), parse func([]byte) (T, error), serve func(T) error) error {
	b, err := v.LoadOrMake(name, fresh)
	if err != nil {
		return err
	}
	read, err := parse(b)
	if err != nil {
		return err
	}
	return serve(read)
}

// adopt seals what lay in the clear.
func (k *Keys) adopt() error {
	for name, file := range map[string]string{checkpoint: oldLedger, hashKey: oldHash} {
		if err := k.vault.Adopt(name, filepath.Join(k.cfg.Dir, file)); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keys) openSigning(name string) (pki.SigningKey, error) {
	seed, err := k.vault.LoadOrMake(name, func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil })
	if err != nil {
		return pki.SigningKey{}, err
	}
	return pki.ParseSigningKey(seed)
}

func (k *Keys) openCheckpoint() error {
	text, err := k.vault.LoadOrMake(checkpoint, func() ([]byte, error) {
		s, err := ledger.NewSigner(rand.Reader, k.cfg.Origin)
		if err != nil {
			return nil, err
		}
		return []byte(s.Secret()), nil
	})
	if err != nil {
		return err
	}
	return k.installCheckpoint(text)
}

// CheckpointFile is the file of the sealed checkpoint key.
func CheckpointFile(dir string) string { return filepath.Join(dir, checkpoint+sealedFiles) }

func (k *Keys) openCentre() (err error) {
	k.centre, err = k.openSigning(centreKey)
	return err
}

// Checkpoint signs the ledger's checkpoints.
func (k *Keys) Checkpoint() *ledger.Signer { return k.checkpoint }

// String masks the keys.
func (*Keys) String() string { return "keys of a site" }

// GoString masks the keys.
func (k *Keys) GoString() string { return k.String() }

// CentreName is the centre's client id and the name in its certificate.
const CentreName = wire.Centre
