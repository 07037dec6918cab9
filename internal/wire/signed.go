package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

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

// bodyRoom is what a body may have so that its envelope fits a payload.
const bodyRoom = MaxPayload - 512

// Seal encodes a payload and signs it for its topic.
func Seal(at Address, body any, by Signer) ([]byte, error) {
	s, err := sealed(at, body, by)
	if err != nil {
		return nil, err
	}
	return Encode(s)
}

func sealed(at Address, body any, by Signer) (Signed, error) {
	b, err := event.Marshal(body)
	if err != nil {
		return Signed{}, fault.Wrap(fault.Invalid, err, "payload")
	}
	if len(b) > bodyRoom {
		return Signed{}, tooLarge(b)
	}
	return Signed{V: V, Type: signedType, Key: by.KeyID(), Sig: by.Sign(message(at, b)), Body: b}, nil
}

// message is what is signed. A topic has no line break, so nothing can be moved between the two.
func message(at Address, body []byte) []byte {
	return append([]byte("kanmon signed v1\n"+at.Topic()+"\n"), body...)
}

// Open reads a signed payload that came on a topic and decodes its body of the given kind into a pointer to a zero value. A
// signature that does not hold, or is by a key not trusted here, is fault.Denied.
func Open(at Address, payload []byte, keys Keys, into any) error {
	var s Signed
	if err := decode(payload, MaxPayload, signedType, &s); err != nil {
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

// BatchStatement is what a controller signs of a batch. The chain's head stands for every event in it, so the statement can be
// checked for years with the kept events alone.
func BatchStatement(at Address, b EventBatch) []byte {
	return []byte(strings.Join([]string{
		"kanmon events v1", at.Site, at.Controller, strconv.FormatUint(b.Epoch, 10), strconv.FormatUint(b.First, 10),
		strconv.Itoa(len(b.Events)), b.Prev, b.Head, "",
	}, "\n"))
}

// SignBatch signs a batch.
func SignBatch(at Address, b EventBatch, by Signer) EventBatch {
	b.Key, b.Sig = by.KeyID(), by.Sign(BatchStatement(at, b))
	return b
}

// VerifyBatch checks the signature of a batch that DecodeEventBatch has read. Errors are fault.Denied.
func VerifyBatch(at Address, b EventBatch, keys Keys) error {
	return verify(b.Key, b.Sig, BatchStatement(at, b), keys)
}
