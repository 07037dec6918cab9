package ledger

import (
	"slices"
	"strconv"
	"strings"

	"kanmon/internal/fault"
)

// OriginAt is the name under which the nth key of a log signs, counted from 1. The first one's is the name of the log; those after it are
// that name, a slash and their number.
func OriginAt(log string, n int) string {
	if n == 1 {
		return log
	}
	return log + "/" + strconv.Itoa(n)
}

// OriginNumber is n for OriginAt(log, n), and false for a name that is none of the log's.
func OriginNumber(log, origin string) (int, bool) {
	if origin == log {
		return 1, true
	}
	rest, _ := strings.CutPrefix(origin, log+"/")
	n, err := strconv.Atoi(rest)
	return n, err == nil && n > 1 && OriginAt(log, n) == origin
}

// Past is a key of a log that signs no more: what checks the checkpoints it signed, and its word for the key after it.
type Past struct {
	Verifier *Verifier
	Farewell []byte
}

// Origins are the public keys of one log in the order in which they signed, each under an origin of its own. They check every checkpoint that
// the log ever had.
type Origins struct {
	past    []Past  // oldest first
	last    []int64 // the largest size that each of them signed
	present *Verifier
}

// NewOrigins puts together the key that signs and those before it, oldest first. Each of those has to name the next one in its farewell.
func NewOrigins(present *Verifier, past ...Past) (*Origins, error) {
	o := &Origins{past: slices.Clone(past), present: present}
	all := o.verifiers()
	for i, v := range all {
		if v.Origin() != OriginAt(o.Log(), i+1) {
			return nil, fault.New(fault.Invalid, "ledger.bad_origin", v.Origin()+" is not the next origin of "+o.Log())
		}
	}
	for i, p := range past {
		f, err := p.Verifier.Follow(p.Farewell)
		if err != nil {
			return nil, err
		}
		if f.Next.Key() != all[i+1].Key() {
			return nil, fault.New(fault.Invalid, "ledger.bad_origin", "the farewell of "+p.Verifier.Origin()+" names another key than the next one")
		}
		o.last = append(o.last, f.Size)
	}
	return o, nil
}

func (o *Origins) verifiers() []*Verifier {
	all := make([]*Verifier, 0, len(o.past)+1)
	for _, p := range o.past {
		all = append(all, p.Verifier)
	}
	return append(all, o.present)
}

// Log is the name of the log: its first origin.
func (o *Origins) Log() string { return o.verifiers()[0].Origin() }

// Len is how many keys there are.
func (o *Origins) Len() int { return len(o.past) + 1 }

// Present checks what is signed now.
func (o *Origins) Present() *Verifier { return o.present }

// Past are the keys before, oldest first.
func (o *Origins) Past() []Past { return slices.Clone(o.past) }

// Left reports whether a checkpoint is larger than what its key signed before its farewell: whoever signed it had no right to.
func (o *Origins) Left(c Checkpoint) bool {
	n, ok := OriginNumber(o.Log(), c.Origin)
	return ok && n <= len(o.last) && c.Size > o.last[n-1]
}

// Open checks the signature on a signed note, by whichever of the keys it is, and returns its checkpoint. It does not look whether the key had
// left: that is Left, and that OriginNumber does not fall from one checkpoint to a larger one.
func (o *Origins) Open(msg []byte) (Checkpoint, error) {
	c, err := o.present.Open(msg)
	for _, p := range o.past {
		if err == nil {
			break
		}
		c, err = p.Verifier.Open(msg)
	}
	return c, fault.Wrap(fault.Invalid, err, "open checkpoint by any key of "+o.Log())
}
