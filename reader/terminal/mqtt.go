package terminal

import (
	"context"
	"encoding/json"

	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
)

// Envelope is what a terminal publishes: the message as a string, since it is its bytes that are signed, and their signature.
type Envelope struct {
	Message   string `json:"message"`
	Signature string `json:"signature"`
}

// MQTT is a topic to which one terminal publishes, at a broker of the terminals' own network. No answer goes back. What the broker had kept is not taken: it
// is not new. It implements Road.
type MQTT struct {
	Client mqtt.Config
	Topic  string
}

// Run stays connected until ctx ends.
func (q MQTT) Run(ctx context.Context, take Take) error {
	c, err := mqtt.New(q.Client)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "broker of a terminal")
	}
	c.Handle(q.Topic, func(_ context.Context, m mqtt.Message) {
		if m.Retained || len(m.Payload) > 2*MaxMessage {
			return
		}
		var e Envelope
		_ = json.Unmarshal(m.Payload, &e) // what is none carries no signature, and is refused as that
		_, _ = take([]byte(e.Message), e.Signature)
	})
	return c.Run(ctx)
}
