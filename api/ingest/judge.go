package ingest

import (
	"bytes"
	"encoding/hex"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/lifecycle/entrylog"
)

// verdict says what to do with a batch.
type verdict struct {
	skip int           // leading events the log has already
	gap  bool          // events are missing between the log and the batch: take nothing
	bad  access.Reason // not empty: take nothing, and why
	at   uint64        // with bad: the number of the first event that is wrong
}

// judge compares a well-formed batch with what the log has of its controller and epoch. stored are the log's
// bytes of the numbers that the batch repeats, oldest first.
//
// The chain decides: over the repeated events it must arrive at the log's own hash, else somebody has
// rewritten what was already told.
func judge(b wire.EventBatch, head entrylog.Head, stored [][]byte) verdict {
	if b.First > head.Seq+1 {
		return verdict{gap: true}
	}
	repeated := int(min(uint64(len(b.Events)), head.Seq+1-b.First)) // at most wire.MaxBatch
	for i := range repeated {
		if !bytes.Equal(stored[i], b.Events[i]) {
			return verdict{bad: entrylog.BadRepeat, at: b.First + uint64(i)} // not negative
		}
	}
	if b.First+uint64(len(b.Events)) <= head.Seq {
		return verdict{skip: repeated} // ends before our head: nothing new, and nothing of ours to compare the chain with
	}
	if chain(b, repeated) != head.Hash {
		return verdict{bad: entrylog.BadChain, at: head.Seq + 1}
	}
	return verdict{skip: repeated}
}

// chain is the batch's chain hash after its first n events.
func chain(b wire.EventBatch, n int) event.Hash {
	var h event.Hash
	if _, err := hex.Decode(h[:], []byte(b.Prev)); err != nil {
		return event.Hash{} // wire.DecodeEventBatch has refused it already
	}
	for _, raw := range b.Events[:n] {
		h = event.Next(h, raw)
	}
	return h
}
