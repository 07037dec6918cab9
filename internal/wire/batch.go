package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// EventBatch carries consecutive events of one epoch, oldest first. Each element of Events is the exact bytes
// of event.Encode. Prev is the chain hash before the first event, Head the one after the last (hex). Key and Sig are
// filled in by SignBatch.
type EventBatch struct {
	V      int               `json:"v"`
	Type   Kind              `json:"type"`
	Epoch  uint64            `json:"epoch"`
	First  uint64            `json:"first"`
	Prev   string            `json:"prev"`
	Head   string            `json:"head"`
	Events []json.RawMessage `json:"events"`
	Key    string            `json:"key,omitempty"`
	Sig    []byte            `json:"sig,omitempty"`
}

// MaxBatch is the most events in one batch.
const MaxBatch = 256

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

// LiveEvents are the newest events of a controller whose backlog is long. They are provisional: the same bytes come again in
// their order, and only then count.
type LiveEvents struct {
	V      int               `json:"v"`
	Type   Kind              `json:"type"`
	Events []json.RawMessage `json:"events"`
}

// MaxLive is the most events in one LiveEvents.
const MaxLive = 64

// OpenLive reads live events; each decodes.
func OpenLive(at Address, payload []byte, keys Keys) ([]event.Event, [][]byte, error) {
	var l LiveEvents
	if err := Open(at, payload, keys, &l); err != nil {
		return nil, nil, err
	}
	if len(l.Events) == 0 || len(l.Events) > MaxLive {
		return nil, nil, fault.New(fault.Invalid, "wire.live", fmt.Sprintf("%d live events", len(l.Events)))
	}
	events, raws := make([]event.Event, len(l.Events)), make([][]byte, len(l.Events))
	for i, raw := range l.Events {
		var err error
		if events[i], err = event.Decode(raw); err != nil {
			return nil, nil, err
		}
		raws[i] = raw
	}
	return events, raws, nil
}
