package vcard

import (
	"sync/atomic"
	"time"
)

// Fault is what goes wrong once.
type Fault int

// Faults.
const (
	None    Fault = iota
	Pulled        // the card is pulled away instead of answering
	Status        // 6F 00
	Slow          // the right answer, after Faulty.After
	Empty         // an answer of no bytes
	OneByte       // an answer of one byte
	Long          // an answer of 300 bytes
	Twisted       // the right answer with every byte but the status turned over
	Short         // the right answer without the last byte before its status
)

// Faults are all of them, with their names.
var Faults = map[string]Fault{
	"removed": Pulled, "wrong status": Status, "slow": Slow, "no byte": Empty, "one byte": OneByte, "300 bytes": Long, "turned over": Twisted, "a byte short": Short,
}

// Faulty is a card of which one answer goes wrong, the At-th counted from 1; At 0: none.
type Faulty struct {
	Card
	At    int
	Kind  Fault
	After time.Duration
	asked atomic.Int64
}

// Asked is how many commands came.
func (f *Faulty) Asked() int { return int(f.asked.Load()) }

// Answer goes wrong once.
func (f *Faulty) Answer(command []byte) Reply {
	r := f.Card.Answer(command)
	if n := int(f.asked.Add(1)); n != f.At {
		return r
	}
	switch f.Kind {
	case None:
	case Pulled:
		r.Removed = true
	case Status:
		r.Data = []byte{0x6F, 0x00}
	case Slow:
		r.After = f.After
	case Empty:
		r.Data = nil
	case OneByte:
		r.Data = []byte{0x90}
	case Long:
		r.Data = append(make([]byte, 298), ok...)
	case Twisted:
		for i := range len(r.Data) - 2 {
			r.Data[i] = ^r.Data[i]
		}
	case Short:
		if n := len(r.Data); n > 2 {
			r.Data = append(r.Data[:n-3:n-3], r.Data[n-2:]...)
		}
	}
	return r
}
