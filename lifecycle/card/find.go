package card

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Find returns the card that a credential is of, or was, by its key in the first form. Needs authz.CardRead. A credential that no card ever had is NotFound
// "card.stranger".
func (r *Register) Find(ctx context.Context, actor store.Actor, key access.Key) (Card, error) {
	var c Card
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		c, err = ByKey(ctx, q, key)
		return err
	})
	return c, err
}

// ByID is Get in the transaction of another register.
func ByID(ctx context.Context, q store.Queryer, id string) (Card, error) { return get(ctx, q, id) }

// ByKey is Find in the transaction of another register.
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
