package card

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/revocation"
	"kanmon/lifecycle/staff"
)

var label = regexp.MustCompile(`^[!-~]([ -~]{0,30}[!-~])?$`)

// Issue enters a card and hands it to a person. A credential that another card has is a Conflict with code
// "card.credential_taken", a label in use one with code "card.label_taken".
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
		if err := staff.Known(ctx, tx, n.Person); err != nil {
			return err
		}
		if err := r.free(ctx, tx, n); err != nil {
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
	case n.Kind != Personal:
		return fault.BadField("kind", "card.kind", fmt.Sprintf("kind %.20q", n.Kind))
	case n.Key == access.Key{}:
		return fault.BadField("credential", "card.no_credential", "no credential")
	}
	return n.Period.Check()
}

// free refuses a label or credential in use, without saying whose.
func (r *Register) free(ctx context.Context, tx *store.Tx, n Issue) error {
	var rows []string
	err := tx.Select(ctx, &rows, `SELECT label FROM card WHERE label = ? OR credential_key = ?`, n.Label, n.Key[:])
	switch {
	case err != nil:
		return err
	case slices.Contains(rows, n.Label):
		return fault.New(fault.Conflict, "card.label_taken", fmt.Sprintf("label %q is in use", n.Label))
	case len(rows) > 0:
		return fault.New(fault.Conflict, "card.credential_taken", "the credential is another card's")
	}
	entry, _, err := revocation.InForce(ctx, tx, r.forms(n.Key))
	if err == nil && entry.State == access.Revoked { // of a card that a restored register does not know
		err = fault.New(fault.Conflict, "card.credential_revoked", "the credential was revoked, which is final")
	}
	return err
}

func (n Issue) keep(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Version(ctx, "card", id, n.issuedRow(id, tx.Now()), nil)
	return err
}
