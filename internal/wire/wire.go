// Package wire is the contract between a controller and the centre over MQTT: every topic and payload is
// built and parsed here, and nowhere else. docs/wire.md describes it for other systems.
//
// Topics are kanmon/v1/<site>/<controller>/<kind>. Payloads are JSON objects whose first fields are
// "v" (1) and "type" (the kind), in the one form in which Encode writes them (event.Marshal). A payload of another version, an
// unknown field, or bytes that Encode would have written differently are errors; the receiver counts and reports them, and goes on.
package wire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"kanmon/internal/access"
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
	Events   Kind = "events" // up: a batch of events
	Status   Kind = "status" // up, retained: how the controller is; its last will says offline
	Ack      Kind = "ack"    // down: the centre has everything up to n
	Policy   Kind = "policy" // down: one part of a policy snapshot
	Commands Kind = "cmd"    // down: reserved for signed commands
)

// Up reports whether controllers publish this kind.
func (k Kind) Up() bool { return k == Events || k == Status }

// Down reports whether the centre publishes this kind.
func (k Kind) Down() bool { return k == Ack || k == Policy || k == Commands }

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidName reports whether s can name a site or a controller in a topic: lower case letters, digits and
// hyphens, at most 32.
func ValidName(s string) bool { return name.MatchString(s) }

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
	return a, nil
}

// EventBatch carries consecutive events of one epoch, oldest first. Each element of Events is the exact bytes
// of event.Encode. Prev is the chain hash before the first event, Head the one after the last (hex).
type EventBatch struct {
	V      int               `json:"v"`
	Type   Kind              `json:"type"`
	Epoch  uint64            `json:"epoch"`
	First  uint64            `json:"first"`
	Prev   string            `json:"prev"`
	Head   string            `json:"head"`
	Events []json.RawMessage `json:"events"`
}

// MaxBatch is the most events in one batch.
const MaxBatch = 256

// AckUpTo tells a controller that the centre has committed everything of Epoch up to UpTo. A lower number than
// the controller remembers means the centre went back: the controller sends again from there.
type AckUpTo struct {
	V     int    `json:"v"`
	Type  Kind   `json:"type"`
	Epoch uint64 `json:"epoch"`
	UpTo  uint64 `json:"up_to"`
}

// DeviceStatus is one reader or I/O device on a controller's line.
type DeviceStatus struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Secure bool   `json:"secure"`
	Detail string `json:"detail,omitempty"`
}

// DoorStatus is the state of one door, by the names of package door.
type DoorStatus struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// ControllerStatus is sent at every connection, at every change and once in ten seconds. The last will is the
// same object with Online false and nothing but v, type, and online.
type ControllerStatus struct {
	V          int             `json:"v"`
	Type       Kind            `json:"type"`
	Online     bool            `json:"online"`
	At         *time.Time      `json:"at,omitempty"` // the controller's clock when sending: the centre compares it with its own
	Epoch      uint64          `json:"epoch,omitempty"`
	LastSeq    uint64          `json:"last_seq,omitempty"`
	Acked      uint64          `json:"acked,omitempty"`
	Policy     *access.Version `json:"policy,omitempty"`
	PolicyHash string          `json:"policy_hash,omitempty"` // hex SHA-256, see PolicyPart.Hash
	Software   string          `json:"software,omitempty"`
	Devices    []DeviceStatus  `json:"devices,omitempty"`
	Doors      []DoorStatus    `json:"doors,omitempty"`
	Trouble    []string        `json:"trouble,omitempty"` // journal, clock: short codes
}

// PolicyPart is part N (from 1) of Of. All parts of one snapshot share Version and Hash; joining the lists of
// their Specs in order gives the whole. Hash is the hex SHA-256 of PolicyBytes of the whole.
type PolicyPart struct {
	V    int         `json:"v"`
	Type Kind        `json:"type"`
	N    int         `json:"n"`
	Of   int         `json:"of"`
	Hash string      `json:"hash"`
	Spec access.Spec `json:"spec"`
}

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

// NewEventBatch fills in the header. prev is the chain hash before the first event.
func NewEventBatch(epoch, first uint64, prev event.Hash, events [][]byte) EventBatch {
	b := EventBatch{V: V, Type: Events, Epoch: epoch, First: first, Prev: hexOf(prev)}
	h := prev
	for _, e := range events {
		b.Events = append(b.Events, e)
		h = event.Next(h, e)
	}
	b.Head = hexOf(h)
	return b
}

// DecodeEventBatch reads a batch and checks that the chain inside it holds and that every event decodes and
// carries the number its place demands.
func DecodeEventBatch(b []byte) (EventBatch, []event.Event, error) {
	var batch EventBatch
	if err := decode(b, MaxPayload, Events, &batch); err != nil {
		return EventBatch{}, nil, err
	}
	if n := len(batch.Events); n == 0 || n > MaxBatch || batch.Epoch == 0 || batch.First == 0 {
		return EventBatch{}, nil, fault.New(fault.Invalid, "wire.batch", fmt.Sprintf("batch of %d events from %d.%d", n, batch.Epoch, batch.First))
	}
	h, err := hashOf(batch.Prev)
	if err != nil {
		return EventBatch{}, nil, err
	}
	events := make([]event.Event, len(batch.Events))
	for i, raw := range batch.Events {
		if events[i], err = event.Decode(raw); err != nil {
			return EventBatch{}, nil, err
		}
		if events[i].Epoch != batch.Epoch || events[i].Seq != batch.First+uint64(i) {
			return EventBatch{}, nil, fault.New(fault.Invalid, "wire.batch", fmt.Sprintf("event %d.%d in place of %d.%d", events[i].Epoch, events[i].Seq, batch.Epoch, batch.First+uint64(i)))
		}
		h = event.Next(h, raw)
	}
	if hexOf(h) != batch.Head {
		return EventBatch{}, nil, fault.New(fault.Invalid, "wire.chain", "the batch's chain does not end at its head")
	}
	return batch, events, nil
}

func hexOf(h event.Hash) string { return hex.EncodeToString(h[:]) }

func hashOf(s string) (event.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(event.Hash{}) || hex.EncodeToString(b) != s {
		return event.Hash{}, fault.New(fault.Invalid, "wire.hash", "a chain hash is not 64 lower-case hex digits")
	}
	return event.Hash(b), nil
}

// NewAck fills in the header.
func NewAck(epoch, upTo uint64) AckUpTo { return AckUpTo{V: V, Type: Ack, Epoch: epoch, UpTo: upTo} }

// DecodeAck reads an acknowledgement.
func DecodeAck(b []byte) (AckUpTo, error) {
	var a AckUpTo
	if err := decode(b, MaxPayload, Ack, &a); err != nil {
		return AckUpTo{}, err
	}
	if a.Epoch == 0 {
		return AckUpTo{}, fault.New(fault.Invalid, "wire.ack", "acknowledgement without an epoch")
	}
	return a, nil
}

// DecodeStatus reads a controller's status or its last will.
func DecodeStatus(b []byte) (ControllerStatus, error) {
	var s ControllerStatus
	if err := decode(b, MaxStatus, Status, &s); err != nil {
		return ControllerStatus{}, err
	}
	return s, nil
}

// Offline is the payload of a controller's last will.
func Offline() ControllerStatus { return ControllerStatus{V: V, Type: Status} }
