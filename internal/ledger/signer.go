package ledger

import (
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"kanmon/internal/fault"
)

// Signer signs the checkpoints of one origin. It holds the private key and prints only the name of the origin.
type Signer struct {
	signer   note.Signer
	verifier *Verifier
	secret   string
}

// NewSigner makes a key for an origin from random bytes.
func NewSigner(random io.Reader, origin string) (*Signer, error) {
	if err := checkOrigin(origin); err != nil {
		return nil, err
	}
	skey, vkey, err := note.GenerateKey(random, origin)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make checkpoint key")
	}
	return newSigner(skey, vkey)
}

// checkOrigin keeps to what both a checkpoint's first line and a key's name allow.
func checkOrigin(origin string) error {
	if origin == "" || strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r > '~' || r == '+' }) {
		return fault.New(fault.Invalid, "ledger.bad_origin", "origin must be printable ASCII without space and plus sign")
	}
	return nil
}

func newSigner(skey, vkey string) (*Signer, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "read checkpoint key: not a signing key") // the cause may quote the key
	}
	verifier, err := NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	if checkOrigin(signer.Name()) != nil || signer.Name() != verifier.Origin() || signer.KeyHash() != verifier.verifier.KeyHash() {
		return nil, fault.New(fault.Invalid, "", "read checkpoint key: the two keys do not belong together")
	}
	return &Signer{signer: signer, verifier: verifier, secret: skey + "\n" + vkey + "\n"}, nil
}

// ParseSigner reads what Secret returned.
func ParseSigner(secret string) (*Signer, error) {
	skey, rest, _ := strings.Cut(secret, "\n")
	vkey, rest, _ := strings.Cut(rest, "\n")
	if rest != "" {
		return nil, fault.New(fault.Invalid, "", "read checkpoint key: not two lines")
	}
	return newSigner(skey, vkey)
}

// Secret returns the private and the public key, a line each, to be kept in a file that nobody else can read.
func (s *Signer) Secret() string { return s.secret }

// Origin is the name the signer signs under.
func (s *Signer) Origin() string { return s.signer.Name() }

// Verifier returns what checks the signer's checkpoints.
func (s *Signer) Verifier() *Verifier { return s.verifier }

// Sign returns the signed note of a checkpoint of the signer's own origin. Whether it is consistent with those
// signed before is for the caller to prove first.
func (s *Signer) Sign(c Checkpoint) ([]byte, error) {
	if c.Origin != s.Origin() {
		return nil, fault.New(fault.Invalid, "", "sign checkpoint: of another origin")
	}
	msg, err := note.Sign(&note.Note{Text: c.Text()}, s.signer)
	return msg, fault.Wrap(fault.Internal, err, "sign checkpoint")
}

// String hides the key.
func (s Signer) String() string { return "checkpoint key of " + s.Origin() }

// GoString hides the key.
func (s Signer) GoString() string { return s.String() }

// LogValue hides the key.
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON hides the key.
func (s Signer) MarshalJSON() ([]byte, error) { return []byte(`"hidden"`), nil }

// Verifier checks the checkpoints of one origin with its public key.
type Verifier struct {
	verifier note.Verifier
	key      string
}

// NewVerifier reads a public key in the note form, "origin+hash+base64".
func NewVerifier(vkey string) (*Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read checkpoint verifier key")
	}
	return &Verifier{verifier: v, key: vkey}, nil
}

// Origin is the name of the log whose checkpoints the verifier checks.
func (v *Verifier) Origin() string { return v.verifier.Name() }

// Key returns the public key in the note form.
func (v *Verifier) Key() string { return v.key }

// Public returns the 32 bytes of the public key, which stand in the note form behind one byte for the algorithm.
func (v *Verifier) Public() ([]byte, error) {
	parts := strings.SplitN(v.key, "+", 3) // an origin has no plus sign, base64 has
	b, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(b) != 33 {
		return nil, fault.New(fault.Internal, "", "the public checkpoint key has another form")
	}
	return b[1:], nil
}

// Open checks the signature on a signed note and returns its checkpoint.
func (v *Verifier) Open(msg []byte) (Checkpoint, error) {
	n, err := note.Open(msg, note.VerifierList(v.verifier))
	if err != nil {
		return Checkpoint{}, fault.Wrap(fault.Invalid, err, "open checkpoint")
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != v.Origin() {
		return Checkpoint{}, fault.New(fault.Invalid, "", "open checkpoint: of another origin")
	}
	return c, nil
}

// ReadUnverified returns the checkpoint of a signed note whose key is not at hand: its form is checked, its
// signature is not.
func ReadUnverified(msg []byte) (Checkpoint, error) {
	_, err := note.Open(msg, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return Checkpoint{}, fault.Wrap(fault.Invalid, err, "read checkpoint")
	}
	return ParseCheckpoint(unverified.Note.Text)
}
