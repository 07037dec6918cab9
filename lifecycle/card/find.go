package card

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Found is the card that a credential is of, or was.
type Found struct {
	Card
	Ended bool // the credential was taken from the card: it opens nothing, whatever the card does
}

// Find returns the card that a credential is of, or was, by its key in the first form. Needs authz.CardRead. A credential that no card ever had is NotFound
// "card.stranger".
func (r *Register) Find(ctx context.Context, actor store.Actor, key access.Key) (Found, error) {
	var f Found
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		if f.Card, err = ByKey(ctx, q, key); err != nil {
			return err
		}
		var gone int64
		err = q.Get(ctx, &gone, `SELECT COUNT(*) FROM v_card_credential WHERE credential_key = ? AND state = 'ended'`, key[:])
		f.Ended = gone > 0
		return err
	})
	return f, err
}

// ByID is Get in the transaction of another register.
func ByID(ctx context.Context, q store.Queryer, id string) (Card, error) { return get(ctx, q, id) }

// ByKey is the card of Find in the transaction of another register.
func ByKey(ctx context.Context, q store.Queryer, key access.Key) (Card, error) {
	id, known, err := whose(ctx, q, key)
	if err == nil && !known {
		err = fault.New(fault.NotFound, "card.stranger", "no card has or had the credential")
	}
	if err != nil {
		return Card{}, err
	}
	return get(ctx, q, id)
}
