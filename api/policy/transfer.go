package policy

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/wire"
)

// A controller puts parts together more slowly than they travel, and drops those that find its queue full. So only the first parts of a
// large policy go at once, the others a few at a time, between looks at all the other controllers.
const (
	atOnce  = 64 // parts; a controller's queue holds twice as many
	perLook = 8  // with four looks a second: 32 parts
)

// transfer is a snapshot on its way.
type transfer struct {
	at    wire.Address
	parts []wire.PolicyPart
	next  int
}

func newTransfer(at wire.Address, spec access.Spec, manifest wire.Signed) (*transfer, error) {
	parts, err := wire.SplitPolicy(spec, manifest)
	return &transfer{at: at, parts: parts}, err
}

// send sends some parts and reports whether that was all.
func (t *transfer) send(ctx context.Context, publish Publish) (done bool, err error) {
	n := perLook
	if t.next == 0 {
		n = atOnce
	}
	for end := min(len(t.parts), t.next+n); t.next < end; t.next++ {
		payload, err := wire.Encode(t.parts[t.next])
		if err != nil {
			return false, err
		}
		if err := publish(ctx, t.at.Topic(), payload); err != nil {
			return false, err
		}
	}
	return t.next == len(t.parts), nil
}
