package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// Signer signs for a controller or the centre; pki.SigningKey is one. The signature is Ed25519.
type Signer interface {
	KeyID() string // first 16 hex digits of SHA-256 of the public key
	Sign(message []byte) []byte
}

// Keys finds a public key by its id; false for one that is not trusted (any more).
type Keys func(id string) (ed25519.PublicKey, bool)

// OneKey trusts a single key.
func OneKey(public ed25519.PublicKey) Keys {
	return ManyKeys(public)
}

// ManyKeys trusts a few keys, as while one replaces another.
func ManyKeys(public ...ed25519.PublicKey) Keys {
	return func(id string) (ed25519.PublicKey, bool) {
		for _, k := range public {
			if KeyID(k) == id {
				return k, true
			}
		}
		return nil, false
	}
}

// KeyID names a public key: the first 16 hex digits of its SHA-256.
func KeyID(public ed25519.PublicKey) string {
	h := sha256.Sum256(public)
	return hex.EncodeToString(h[:8])
}

// Signed is a payload with its signature. Body is the exact bytes that were signed, together with the topic.
type Signed struct {
	V    int             `json:"v"`
	Type Kind            `json:"type"`
	Key  string          `json:"key"`
	Sig  []byte          `json:"sig"`
	Body json.RawMessage `json:"body"`
}

const signedType Kind = "signed"

// envelopeRoom is more than an envelope takes beside its body.
const envelopeRoom = 512

// Seal encodes a payload and signs it for its topic. It refuses what Open would: a topic that is none, a body of another kind, one
// that is too large (fault.TooLarge).
func Seal(at Address, body any, by Signer) ([]byte, error) {
	s, err := sealed(at, at.Kind, body, by)
	if err != nil {
		return nil, err
	}
	return Encode(s)
}

func sealed(at Address, kind Kind, body any, by Signer) (Signed, error) {
	if _, err := ParseTopic(at.Topic()); err != nil {
		return Signed{}, err
	}
	b, err := event.Marshal(body)
	if err != nil {
		return Signed{}, fault.Wrap(fault.Invalid, err, "payload")
	}
	if !bytes.HasPrefix(b, fmt.Appendf(nil, `{"v":%d,"type":"%s"`, V, kind)) {
		return Signed{}, fault.New(fault.Invalid, "wire.type", fmt.Sprintf("a %T for a %s topic", body, kind))
	}
	if len(b) > at.Kind.most()-envelopeRoom {
		return Signed{}, tooLarge(b)
	}
	return Signed{V: V, Type: signedType, Key: by.KeyID(), Sig: by.Sign(message(at, b)), Body: b}, nil
}

// most is the size of the largest payload of a kind.
func (k Kind) most() int {
	if k == Status {
		return MaxStatus
	}
	return MaxPayload
}

// message is what is signed. A topic has no line break, so nothing can be moved between the two.
func message(at Address, body []byte) []byte {
	return append([]byte("kanmon signed v1\n"+at.Topic()+"\n"), body...)
}

// Open reads a signed payload that came on a topic and decodes its body of the given kind into a pointer to a zero value. A
// signature that does not hold, or is by a key not trusted here, is fault.Denied.
func Open(at Address, payload []byte, keys Keys, into any) error {
	var s Signed
	if err := decode(payload, at.Kind.most(), signedType, &s); err != nil {
		return err
	}
	return s.open(at, at.Kind, keys, into)
}

func (s Signed) open(at Address, want Kind, keys Keys, into any) error {
	if err := verify(s.Key, s.Sig, message(at, s.Body), keys); err != nil {
		return err
	}
	return decode(s.Body, MaxPayload, want, into)
}

func verify(id string, sig, message []byte, keys Keys) error {
	public, trusted := keys(id)
	if !trusted || len(public) != ed25519.PublicKeySize {
		return fault.New(fault.Denied, "wire.unknown_key", fmt.Sprintf("signed by the key %.16q, which is not trusted here", id))
	}
	if !ed25519.Verify(public, message, sig) {
		return fault.New(fault.Denied, "wire.signature", "the signature does not hold")
	}
	return nil
}
