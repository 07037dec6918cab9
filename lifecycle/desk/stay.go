package desk

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/notice"
)

// CardLeft is the kind of the notice about a card that was left in a reader. Its parameters are the card's label ("label", empty for one that is
// unknown), the desk ("desk", "place") and for how many minutes it had lain ("minutes"). CardLeftOwn is that to its holder.
const (
	CardLeft    = "card_left"
	CardLeftOwn = "card_left_own"
)

// mostStays is how many readers a desk can have.
const mostStays = 16

var stayForm = regexp.MustCompile(`^[A-Za-z0-9]{8,32}$`)

// Left is told which cards lie in a desk's readers for longer than they may, all of them. For one that is new, the card's holder and the managers get a
// notice, and an alarm is raised about the desk; for the last one that is gone the alarm is over. The same again changes nothing. The key is
// checked as in Peer.
func (r *Register) Left(ctx context.Context, name string, public ed25519.PublicKey, stays []Stay) error {
	if err := checkStays(stays); err != nil {
		return fmt.Errorf("cards left at desk %.40q: %w", name, err)
	}
	var p plan
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		p, err = planOf(ctx, q, name, stays)
		return err
	})
	switch {
	case err != nil || p.nothing():
	case len(p.fresh) > 0:
		err = r.store.Write(ctx, actorOf(name), "", func(tx *store.Tx) error { return r.follow(ctx, tx, name, public, stays) })
	default:
		err = r.store.WriteDerived(ctx, "cards taken from a desk's reader", func(tx *store.Tx) error { return r.follow(ctx, tx, name, public, stays) })
	}
	if err != nil {
		return fmt.Errorf("cards left at desk %.40q: %w", name, err)
	}
	return nil
}

func checkStays(stays []Stay) error {
	if len(stays) > mostStays {
		return fault.New(fault.Invalid, "desk.stays", "more cards than a desk has readers")
	}
	for _, s := range stays {
		if !stayForm.MatchString(s.ID) || s.Since.IsZero() {
			return fault.New(fault.Invalid, "desk.stays", "a stay without a name or a beginning")
		}
	}
	return nil
}

// plan is what is new and what is gone, against what is kept.
type plan struct {
	fresh []Stay
	gone  []string
	lies  bool // something lies there afterwards
}

func (p plan) nothing() bool { return len(p.fresh)+len(p.gone) == 0 }

func planOf(ctx context.Context, q store.Queryer, name string, stays []Stay) (plan, error) {
	var known []string
	if err := q.Select(ctx, &known, `SELECT stay FROM desk_stay WHERE desk = ? ORDER BY stay`, name); err != nil {
		return plan{}, err
	}
	var p plan
	for _, s := range stays {
		var before int64
		if err := q.Get(ctx, &before, `SELECT COUNT(*) FROM desk_left WHERE desk = ? AND stay = ?`, name, s.ID); err != nil {
			return plan{}, err
		}
		if before == 0 {
			p.fresh = append(p.fresh, s)
		}
	}
	for _, id := range known {
		if !slices.ContainsFunc(stays, func(s Stay) bool { return s.ID == id }) {
			p.gone = append(p.gone, id)
		}
	}
	p.lies = len(known)+len(p.fresh) > len(p.gone)
	return p, nil
}

func (r *Register) follow(ctx context.Context, tx *store.Tx, name string, public ed25519.PublicKey, stays []Stay) error {
	present, err := keptOf(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := present.is(name, public); err != nil {
		return err
	}
	p, err := planOf(ctx, tx, name, stays)
	if err != nil {
		return err
	}
	for _, id := range p.gone {
		if _, err := tx.Exec(ctx, `DELETE FROM desk_stay WHERE desk = ? AND stay = ?`, name, id); err != nil {
			return err
		}
	}
	for _, s := range p.fresh {
		if err := r.left(ctx, tx, name, present.Place, s); err != nil {
			return err
		}
	}
	if !p.lies {
		return r.alarms.CardTaken(ctx, tx, name)
	}
	return nil
}

func (r *Register) left(ctx context.Context, tx *store.Tx, name, place string, s Stay) error {
	c, err := cardOf(ctx, tx, s.Key)
	if err != nil {
		return err
	}
	if err := keep(ctx, tx, name, c.ID, s); err != nil {
		return err
	}
	if err := r.alarms.CardLeft(ctx, tx, name); err != nil {
		return err
	}
	return tell(ctx, tx, c, s.ID, "/desks/"+name, map[string]string{
		"label": c.Label, "desk": name, "place": place, "minutes": strconv.Itoa(max(1, int(tx.Now().Sub(s.Since)/time.Minute))),
	})
}

func keep(ctx context.Context, tx *store.Tx, name, card string, s Stay) error {
	_, err := tx.Append(ctx, "desk_left", store.Row{
		{Name: "actor", Value: tx.Actor().String()},
		{Name: "at", Value: store.FormatTime(tx.Now())},
		{Name: "card", Value: card},
		{Name: "desk", Value: name},
		{Name: "since", Value: store.FormatTime(s.Since)},
		{Name: "stay", Value: s.ID},
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO desk_stay (desk, stay) VALUES (?, ?)`, name, s.ID)
	return err
}

// cardOf is the zero Card for one that the register does not know.
func cardOf(ctx context.Context, q store.Queryer, key access.Key) (card.Card, error) {
	if key == (access.Key{}) {
		return card.Card{}, nil
	}
	c, err := card.ByKey(ctx, q, key)
	if fault.KindOf(err) == fault.NotFound {
		return card.Card{}, nil
	}
	return c, err
}

// tell sends the notices: one to each manager, and to each account of the holder. A manager who is the holder gets the holder's.
func tell(ctx context.Context, tx *store.Tx, c card.Card, subject, link string, params map[string]string) error {
	managers, err := account.Holders(ctx, tx, authz.SecurityManager, authz.SystemManager)
	if err != nil {
		return err
	}
	var own []string
	if c.Person != "" {
		if own, err = account.OfStaff(ctx, tx, c.Person); err != nil {
			return err
		}
	}
	for _, to := range managers {
		if slices.Contains(own, to) {
			continue
		}
		if err := notice.Send(ctx, tx, notice.Message{To: to, Kind: CardLeft, Subject: subject, Params: params, Link: link}); err != nil {
			return err
		}
	}
	for _, to := range own {
		if err := notice.Send(ctx, tx, notice.Message{To: to, Kind: CardLeftOwn, Subject: subject, Params: params, Link: "/notices"}); err != nil {
			return err
		}
	}
	return nil
}
