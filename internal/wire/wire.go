// Package wire is the contract between a controller and the centre over MQTT: every topic and payload is
// built and parsed here, and nowhere else. docs/wire.md describes it for other systems.
//
// Topics are kanmon/v1/<site>/<controller>/<kind>. Payloads are JSON objects whose first fields are
// "v" (1) and "type" (the kind), in the one form in which Encode writes them (event.Marshal). A payload of another version, an
// unknown field, or bytes that Encode would have written differently are errors; the receiver counts and reports them, and goes on.
//
// The broker is trusted with nothing: every payload is signed by the controller or the centre (Seal, SignBatch), over its topic too,
// so that nothing can be passed on to another controller, site or kind. The one exception is the last will, which says only "offline".
package wire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// V is the version in every topic and payload.
const V = 1

// MaxPayload bounds every payload; the broker enforces it too. MaxStatus bounds a status: brokers keep them.
const (
	MaxPayload = 1 << 20
	MaxStatus  = 64 << 10
)

// Kind is the last level of a topic.
type Kind string

// Kinds. Up: controller to centre. Down: centre to controller.
const (
	Events  Kind = "events"  // up: a batch of events
	Live    Kind = "live"    // up: the newest events, provisional, while a backlog drains
	Status  Kind = "status"  // up, retained: how the controller is; its last will says offline
	Receipt Kind = "receipt" // up: the revocation set is in force and on disk here up to a version
	Answer  Kind = "answer"  // up: to a command
	Ack     Kind = "ack"     // down: the centre has everything up to n
	Policy  Kind = "policy"  // down: one part of a policy snapshot, or a delta
	Lease   Kind = "lease"   // down: the centre still stands by its policy
	Revoked Kind = "revoked" // down, to one or to All: entries of the revocation set
	Command Kind = "cmd"     // down: do something now
)

// Ups lists the kinds that controllers publish.
func Ups() []Kind { return []Kind{Events, Live, Status, Receipt, Answer} }

// Downs lists the kinds that the centre publishes.
func Downs() []Kind { return []Kind{Ack, Policy, Lease, Revoked, Command} }

// Up reports whether controllers publish this kind.
func (k Kind) Up() bool { return slices.Contains(Ups(), k) }

// Down reports whether the centre publishes this kind.
func (k Kind) Down() bool { return slices.Contains(Downs(), k) }

// Names that no controller can have: All in a topic stands for every controller of the site and carries only Revoked; Centre
// is the centre's own client id and certificate name.
const (
	All    = "all"
	Centre = "centre"
)

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidName reports whether s can name a site or a controller in a topic: lower case letters, digits and
// hyphens, at most 32.
func ValidName(s string) bool { return name.MatchString(s) }

// ValidController reports whether s can name a controller: a valid name that is not reserved.
func ValidController(s string) bool { return ValidName(s) && s != All && s != Centre }

// Topic is kanmon/v1/<site>/<controller>/<kind>.
func Topic(site, controller string, k Kind) string {
	return "kanmon/v1/" + site + "/" + controller + "/" + string(k)
}

// Filter matches the kind from every controller of a site.
func Filter(site string, k Kind) string { return Topic(site, "+", k) }

// Address is a parsed topic.
type Address struct {
	Site, Controller string
	Kind             Kind
}

// ParseTopic reads a topic, strictly.
func ParseTopic(topic string) (Address, error) {
	p := strings.Split(topic, "/")
	if len(p) != 5 || p[0] != "kanmon" || p[1] != "v1" || !ValidName(p[2]) || !ValidName(p[3]) {
		return Address{}, fault.New(fault.Invalid, "wire.topic", fmt.Sprintf("topic %.80q", topic))
	}
	a := Address{Site: p[2], Controller: p[3], Kind: Kind(p[4])}
	if !a.Kind.Up() && !a.Kind.Down() {
		return Address{}, fault.New(fault.Invalid, "wire.topic", fmt.Sprintf("topic kind %.40q", p[4]))
	}
	if a.Controller == Centre || (a.Controller == All && a.Kind != Revoked) {
		return Address{}, fault.New(fault.Invalid, "wire.topic", fmt.Sprintf("topic %.80q of a reserved name", topic))
	}
	return a, nil
}

// Topic is the address as a topic.
func (a Address) Topic() string { return Topic(a.Site, a.Controller, a.Kind) }

// Encode writes a payload and checks its size. v is a pointer to or a value of one of the payload types.
func Encode(v any) ([]byte, error) {
	b, err := event.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "payload")
	}
	if len(b) > MaxPayload {
		return nil, tooLarge(b)
	}
	return b, nil
}

func tooLarge(b []byte) error {
	return fault.New(fault.TooLarge, "wire.too_large", fmt.Sprintf("payload of %d bytes", len(b)))
}

// decode looks at version and type first, so that a payload of another version is called that.
func decode(b []byte, most int, want Kind, into any) error {
	if len(b) > most {
		return tooLarge(b)
	}
	var head struct {
		V    int  `json:"v"`
		Type Kind `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fault.Wrap(fault.Invalid, err, "decode "+string(want))
	}
	if head.V != V {
		return fault.New(fault.Invalid, "wire.version", fmt.Sprintf("payload version %d, this program speaks %d", head.V, V))
	}
	if head.Type != want {
		return fault.New(fault.Invalid, "wire.type", fmt.Sprintf("payload type %.40q on a %s topic", head.Type, want))
	}
	return fault.Wrap(fault.Invalid, event.Unmarshal(b, into), string(want))
}

func hexOf(h event.Hash) string { return hex.EncodeToString(h[:]) }

func hashOf(s string) (event.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(event.Hash{}) || hex.EncodeToString(b) != s {
		return event.Hash{}, fault.New(fault.Invalid, "wire.hash", "a chain hash is not 64 lower-case hex digits")
	}
	return event.Hash(b), nil
}
