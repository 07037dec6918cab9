// Package repeat recognises the tap that a device delivers twice.
package repeat

import (
	"bytes"
	"time"

	"kanmon/reader/osdp"
)

// Memory remembers a card or keys that were delivered in a session that may have ended before the device learned
// of it. A device keeps an event until the next number arrives; when the session is lost in between it delivers
// the event once more in the next one, and one tap would count as two.
type Memory struct {
	at   time.Time
	code osdp.Code
	data []byte
}

// Window bounds how long after an event its like is taken for a repeat: long enough for a new session, short
// enough that a person who tries again is heard.
const Window = 5 * time.Second

// Again reports whether an authentic reply delivers the same event once more, in a session that began after the
// first time. It also keeps the memory: in the session of the event any further reply proves that the device
// knows; in a later one only the answer to a POLL shows whether it still holds the event.
func (r *Memory) Again(now, begun time.Time, asked osdp.Code, reply osdp.Frame) bool {
	later := r.data != nil && begun.After(r.at)
	event := reply.Code == osdp.ReplyRaw || reply.Code == osdp.ReplyKeypad
	if later && !event && asked != osdp.CmdPoll {
		return false
	}
	same := later && reply.Code == r.code && bytes.Equal(reply.Data, r.data) && now.Sub(r.at) < Window
	if *r = (Memory{}); event {
		*r = Memory{at: now, code: reply.Code, data: reply.Data}
	}
	return same
}
