package card

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/staff"
)

var label = regexp.MustCompile(`^[!-~]([ -~]{0,30}[!-~])?$`)

// Issue enters a card and hands it to a person. A credential that another card has is a TakenError, a label in use a Conflict with code "card.label_taken"; what
// else a credential is refused for is as in Enrol.
func (r *Register) Issue(ctx context.Context, actor store.Actor, n Issue) (Card, error) {
	if err := n.check(); err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	id := "C-" + rand.Text()[:10]
	var c Card
	err := r.store.Write(ctx, actor, "", func(tx *store.Tx) error {
		if err := actor.May(authz.CardIssue); err != nil {
			return err
		}
		if err := r.fits(ctx, tx, n); err != nil {
			return err
		}
		if err := n.keep(ctx, tx, id); err != nil {
			return err
		}
		if err := device.WantForHolder(ctx, tx); err != nil {
			return err
		}
		var err error
		c, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	return c, nil
}

func (n Issue) check() error {
	switch {
	case !label.MatchString(n.Label):
		return fault.BadField("label", "card.label", "a label is 1 to 32 ASCII characters, not beginning or ending with a blank")
	case n.Kind != Personal && n.Kind != Biometric:
		return fault.BadField("kind", "card.kind", fmt.Sprintf("kind %.20q", n.Kind))
	case (n.Kind == Biometric) != (n.Terminal != ""):
		return fault.BadField("terminal", "card.terminal", fmt.Sprintf("terminal %.40q of a card of kind %s", n.Terminal, n.Kind))
	}
	if err := n.read().check(n.Kind); err != nil {
		return err
	}
	return n.Period.Check()
}

func (n Issue) read() Read {
	return Read{Key: n.Key, Format: n.Format, Siblings: n.Siblings, Apart: n.Apart}
}

// fits checks a card against the other registers and the other cards.
func (r *Register) fits(ctx context.Context, tx *store.Tx, n Issue) error {
	if err := staff.Known(ctx, tx, n.Person); err != nil {
		return err
	}
	if err := n.checkTerminal(ctx, tx); err != nil {
		return err
	}
	var labels int64
	err := tx.Get(ctx, &labels, `SELECT COUNT(*) FROM card WHERE label = ?`, n.Label)
	if err == nil && labels > 0 {
		err = fault.New(fault.Conflict, "card.label_taken", fmt.Sprintf("label %q is in use", n.Label))
	}
	if err != nil {
		return err
	}
	return r.unused(ctx, tx, n.read())
}

// checkTerminal refuses what cannot say who somebody is: only a terminal can, or a serial reader, behind which one may stand.
func (n Issue) checkTerminal(ctx context.Context, q store.Queryer) error {
	if n.Kind != Biometric {
		return nil
	}
	controller, name, _ := strings.Cut(n.Terminal, "/")
	kind, err := device.KindOf(ctx, q, controller, name)
	if fault.KindOf(err) == fault.NotFound || err == nil && kind != device.Terminal && kind != device.SerialReader {
		err = fault.BadField("terminal", "device.unknown_terminal", fmt.Sprintf("no terminal %.40q", n.Terminal))
	}
	return err
}

func (n Issue) keep(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Version(ctx, "card", id, n.issuedRow(id, tx.Now()), nil); err != nil {
		return err
	}
	return keepKey(ctx, tx, id, n.Key)
}
