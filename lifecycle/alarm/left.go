package alarm

import (
	"context"

	"kanmon/internal/store"
)

// CardLeftIn is an alarm about a card that was left in the reader of a desk.
const CardLeftIn Kind = "card_left"

// atDesk is a desk among the things an alarm is about: a device that is no controller's.
func atDesk(desk string) Key {
	return Key{Kind: CardLeftIn, Subject: Subject{About: Device, ID: "desk/" + desk}}
}

// CardLeft raises an alarm about a desk, or counts one more into it, in the transaction of who found the card.
func (r *Register) CardLeft(ctx context.Context, tx *store.Tx, desk string) error {
	open, err := openOf(ctx, tx, "")
	if err != nil {
		return err
	}
	c := &change{Key: atDesk(desk), Severity: Normal, Count: 1, First: tx.Now(), Last: tx.Now()}
	return c.apply(ctx, tx, open)
}

// CardTaken says that nothing lies at a desk any more.
func (r *Register) CardTaken(ctx context.Context, tx *store.Tx, desk string) error {
	open, err := openOf(ctx, tx, "")
	if err != nil {
		return err
	}
	c := &change{Key: atDesk(desk), Over: tx.Now()}
	return c.apply(ctx, tx, open)
}
