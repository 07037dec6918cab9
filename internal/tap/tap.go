// Package tap is what a desk, a PC of the staff with a card reader, and the centre say to each other: JSON over HTTPS with certificates on both sides, the
// desk always asking. docs/wire.md describes it.
package tap

import (
	"fmt"
	"io"
	"log/slog"

	"kanmon/internal/pki"
)

// Paths at the centre's port for desks; all are POST.
const (
	PathTap    = "/desk/v1/tap"
	PathStatus = "/desk/v1/status"
	PathRenew  = "/desk/v1/renew"
)

// MaxBody bounds what either side sends, in bytes.
const MaxBody = 64 << 10

// MaxAgeMS is for how long a tap is worth something: nobody can have waited for an older one.
const MaxAgeMS = 5000

// Number is a credential in its written form (credential.Credential.Written). It is a secret: JSON alone shows it.
type Number string

const mask = "credential(masked)"

// Format masks the number under every verb of package fmt.
func (Number) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// LogValue masks the number in logs.
func (Number) LogValue() slog.Value { return slog.StringValue(mask) }

// Tap is one card that was held to the desk's reader. Either Credential is there, or Refused.
type Tap struct {
	Credential Number `json:"credential,omitempty"`
	Trust      string `json:"trust,omitempty"`   // access.Trust of what was done to read it
	Refused    string `json:"refused,omitempty"` // fault code of why it is no identifier, or was not read
	AgeMS      int64  `json:"age_ms"`            // how long ago it was held there
}

// Taken answers a Tap.
type Taken struct {
	Taken bool `json:"taken"` // a page waited for it
}

// Status says how a desk is. N rises with each one of one start; Start tells the starts apart.
type Status struct {
	Start    string   `json:"start"`
	N        uint64   `json:"n"`
	Software string   `json:"software"`
	Readers  []Reader `json:"readers"`
	Stays    []Stay   `json:"stays"` // all cards that have lain in a reader for longer than WatchS
	Knows    []string `json:"knows"` // pins of the authorities that it believes
}

// Reader is a reader of a desk.
type Reader struct {
	Name   string `json:"name"`
	Up     bool   `json:"up"`
	Detail string `json:"detail,omitempty"`
}

// Stay is a card that was left in a reader.
type Stay struct {
	ID         string `json:"id"`                   // 8 to 32 letters and digits, another for each time that a card is laid in, or is left by a longer time
	Credential Number `json:"credential,omitempty"` // empty for a card that is no identifier
	ForMS      int64  `json:"for_ms"`               // how long it has been lying there
}

// Answer answers a Status.
type Answer struct {
	WatchS int64  `json:"watch_s"` // after which a card counts as left; 0: never
	Issuer string `json:"issuer"`  // pin of the authority that issues certificates now
	// Authorities are the certificates that are believed, DER, oldest first, and Announced the words that lead there from older ones; both are empty for
	// a desk that knows all of them.
	Authorities [][]byte           `json:"authorities,omitempty"`
	Announced   []pki.Announcement `json:"announced,omitempty"`
}

// Renewal asks for a new certificate for the same key.
type Renewal struct {
	CSR []byte `json:"csr"` // DER
}

// Renewed answers a Renewal.
type Renewed struct {
	Certificate []byte `json:"certificate"` // DER
}

// Refusal is the body of every answer that is not 200.
type Refusal struct {
	Code string `json:"code"`
}
