package sitekey

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/internal/store"
)

// formerKey is a checkpoint key that signs no more. Its secret is gone.
type formerKey struct {
	Origin   string `json:"origin"`
	Verifier string `json:"verifier"` // in note form
	Farewell string `json:"farewell"` // the signed note that names the size it signed last, and the key after it
	Act      Act    `json:"act"`      // that replaced it
}

func (f formerKey) past() (ledger.Past, error) {
	v, err := ledger.NewVerifier(f.Verifier)
	if err == nil && v.Origin() != f.Origin {
		err = fault.New(fault.Invalid, "ledger.bad_origin", "the checkpoint key kept for "+f.Origin+" is of "+v.Origin())
	}
	return ledger.Past{Verifier: v, Farewell: []byte(f.Farewell)}, err
}

// succession is the checkpoint keys in the order in which they signed: those before, oldest first, and the one that signs.
type succession struct {
	before []formerKey
	past   []ledger.Past // the same
	signer *ledger.Signer
}

// successionFile is how a succession of more than one is kept.
type successionFile struct {
	Before []formerKey `json:"before"`
	Secret string      `json:"secret"` // of the one that signs: ledger.Signer.Secret
}

// parseSuccession reads what bytes gave: the signer's two lines while no key was replaced, JSON since then. The origins are those of the site's
// ledger in their order, and every farewell leads to the next key.
func parseSuccession(b []byte, origin string) (succession, error) {
	file := successionFile{Secret: string(b)}
	if bytes.HasPrefix(b, []byte("{")) {
		file = successionFile{}
		if err := json.Unmarshal(b, &file); err != nil {
			return succession{}, fault.New(fault.Invalid, "", "what is kept as the checkpoint key is none") // the cause may quote the key
		}
	}
	signer, err := ledger.ParseSigner(file.Secret)
	if err != nil {
		return succession{}, err
	}
	s := succession{before: file.Before, signer: signer}
	for _, f := range file.Before {
		p, err := f.past()
		if err != nil {
			return succession{}, err
		}
		s.past = append(s.past, p)
	}
	keys, err := ledger.NewOrigins(signer.Verifier(), s.past...)
	if err == nil && keys.Log() != origin {
		err = fault.New(fault.Invalid, "ledger.bad_origin", "the checkpoint key is of "+keys.Log()+", not "+origin)
	}
	return s, err
}

func (s succession) bytes() ([]byte, error) {
	if len(s.before) == 0 {
		return []byte(s.signer.Secret()), nil
	}
	b, err := json.Marshal(successionFile{Before: s.before, Secret: s.signer.Secret()})
	return b, fault.Wrap(fault.Internal, err, "write the checkpoint keys")
}

// replaced is the bytes of the succession with a new key under the next origin. The one before leaves its farewell, and not its secret.
func (s succession) replaced(origin string, size int64, a Act) ([]byte, error) {
	next, err := ledger.NewSigner(rand.Reader, ledger.OriginAt(origin, len(s.before)+2))
	if err != nil {
		return nil, err
	}
	farewell, err := s.signer.Farewell(ledger.Farewell{Size: size, Next: next.Verifier()})
	if err != nil {
		return nil, err
	}
	left := formerKey{Origin: s.signer.Origin(), Verifier: s.signer.Verifier().Key(), Farewell: string(farewell), Act: a}
	return succession{before: append(s.before[:len(s.before):len(s.before)], left), signer: next}.bytes()
}

func (k *Keys) installCheckpoint(text []byte) error {
	s, err := parseSuccession(text, k.cfg.Origin)
	if err != nil {
		return err
	}
	k.checkpoint, k.succession = s.signer, func() succession { return s }
	return nil
}

// UseCheckpointKey makes a new checkpoint key that signs from the next start on, under the next origin. It is one file written, so that after a
// crash it was done or not, and the secret of the key before is gone with it. Size is what the key before has signed: nothing larger by it counts
// any more. It is for a centre that is not running.
func (k *Keys) UseCheckpointKey(size int64, a Act) error {
	if err := a.Check(); err != nil {
		return err
	}
	b, err := k.succession().replaced(k.cfg.Origin, size, a)
	if err != nil {
		return err
	}
	if err := k.vault.Save(checkpoint, b); err != nil {
		return err
	}
	return k.installCheckpoint(b)
}

// ReplaceCheckpointKey is UseCheckpointKey after the key that leaves has signed all that the ledger has: so it is the right one, and the ledger
// continues its last checkpoint.
func (k *Keys) ReplaceCheckpointKey(ctx context.Context, s *store.Store, a Act) error {
	if err := a.Check(); err != nil {
		return err
	}
	last, _, err := s.Checkpoint(ctx)
	if err != nil && fault.KindOf(err) != fault.NotFound { // an empty one
		return err
	}
	return k.UseCheckpointKey(last.Size, a)
}

// CheckpointsBefore are the checkpoint keys before the present one, oldest first.
func (k *Keys) CheckpointsBefore() []ledger.Past { return k.succession().past }

// CheckpointKey is the public side of a checkpoint key.
type CheckpointKey struct {
	Origin      string
	Verifier    string // in note form
	Fingerprint string
	Since       Act  // that had it sign; zero for the first, which was made with the site
	Signs       bool // the present one
}

// CheckpointKeys are all checkpoint keys there ever were, oldest first; the last one signs.
func (k *Keys) CheckpointKeys() ([]CheckpointKey, error) {
	s := k.succession()
	verifiers := make([]*ledger.Verifier, 0, len(s.past)+1)
	for _, p := range s.past {
		verifiers = append(verifiers, p.Verifier)
	}
	var list []CheckpointKey
	for i, v := range append(verifiers, s.signer.Verifier()) {
		public, err := v.Public()
		if err != nil {
			return nil, err
		}
		one := CheckpointKey{Origin: v.Origin(), Verifier: v.Key(), Fingerprint: pki.Fingerprint(public), Signs: i == len(s.past)}
		if i > 0 {
			one.Since = s.before[i-1].Act
		}
		list = append(list, one)
	}
	return list, nil
}

// Checkpoint opens the checkpoint key and those before it, oldest first, and makes nothing; fault.NotFound when it or the sealing key is not there.
func Checkpoint(cfg Config) (*ledger.Signer, []ledger.Past, error) {
	sealer, err := pki.OpenSealer(cfg.SealingKey, false)
	if err != nil {
		return nil, nil, err
	}
	vault, err := pki.NewVault(cfg.Dir, sealer)
	if err != nil {
		return nil, nil, err
	}
	text, err := vault.Load(checkpoint)
	if err != nil {
		return nil, nil, err
	}
	s, err := parseSuccession(text, cfg.Origin)
	return s.signer, s.past, err
}
