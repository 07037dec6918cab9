package card

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/revocation"
)

// Suspend stops a card for a time, as when a loss is reported: issued → suspended. lostAt is when it was lost; zero: not said. It needs
// authz.CardSuspend. The card's version and the entry in the revocation set, whose version is returned, are one transaction.
//
// Errors: Conflict "card.already_suspended", "card.already_revoked", "card.not_issued"; Invalid "card.lost_at".
func (r *Register) Suspend(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (Card, access.Version, error) {
	return r.turn(ctx, actor, id, reason, lostAt, turns[Suspended])
}

// Revoke ends a card for good: issued or suspended → revoked. A loss that was reported with the suspension stays reported. It needs
// authz.CardRevoke; otherwise it is as Suspend.
func (r *Register) Revoke(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (Card, access.Version, error) {
	return r.turn(ctx, actor, id, reason, lostAt, turns[Revoked])
}

// Lift ends a suspension: suspended → issued. It needs authz.CardLift. A card that is not suspended is a Conflict with code
// "card.not_suspended", or "card.already_revoked".
func (r *Register) Lift(ctx context.Context, actor store.Actor, id, reason string) (Card, access.Version, error) {
	return r.turn(ctx, actor, id, reason, time.Time{}, turns[Issued])
}

// turn is a change of state: what it needs, what it leads to, what doors are told.
type turn struct {
	doing  string
	action authz.Action
	to     State
	tell   access.CredentialState
	from   func(State) error
}

var turns = map[State]turn{
	Suspended: {"suspend card", authz.CardSuspend, Suspended, access.Suspended, func(s State) error {
		if s == Suspended {
			return fault.New(fault.Conflict, "card.already_suspended", "the card is suspended already")
		}
		return closed(s)
	}},
	Revoked: {"revoke card", authz.CardRevoke, Revoked, access.Revoked, closed},
	Issued: {"lift suspension", authz.CardLift, Issued, access.Active, func(s State) error {
		if s != Suspended && s != Revoked {
			return fault.New(fault.Conflict, "card.not_suspended", "the card is not suspended")
		}
		return closed(s)
	}},
}

// closed refuses cards that nobody can use.
func closed(s State) error {
	switch s {
	case Issued, Suspended:
		return nil
	case Revoked:
		return fault.New(fault.Conflict, "card.already_revoked", "the card is revoked, which is final")
	default:
		return fault.New(fault.Conflict, "card.not_issued", "the card is not issued")
	}
}

func (r *Register) turn(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time, t turn) (Card, access.Version, error) {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return Card{}, access.Version{}, fmt.Errorf("%s: %w", t.doing, err)
	}
	var c Card
	var v access.Version
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(t.action); err != nil {
			return err
		}
		present, err := keptOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := t.from(present.State); err != nil {
			return err
		}
		since, err := lost(ctx, tx, id, lostAt, t.to)
		if err != nil {
			return err
		}
		if err := present.become(ctx, tx, t.to); err != nil {
			return err
		}
		if v, err = r.tell(ctx, tx, present, t.tell, since); err != nil {
			return err
		}
		if err := device.WantForHolder(ctx, tx); err != nil {
			return err
		}
		c, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return Card{}, access.Version{}, fmt.Errorf("%s: %w", t.doing, err)
	}
	return c, v, nil
}

// tell enters a state of a card in the revocation set, for each of its credentials that did not end before. It returns the last entry: who has that has them all.
func (r *Register) tell(ctx context.Context, tx *store.Tx, k kept, s access.CredentialState, lostAt time.Time) (v access.Version, err error) {
	all, err := furtherOf(ctx, tx, k.ID)
	if err != nil {
		return v, err
	}
	keys := [][]byte{k.Key}
	for _, c := range all {
		if c.State == enrolled {
			keys = append(keys, c.Key)
		}
	}
	for _, key := range keys {
		if v, err = r.revocations.Add(ctx, tx, revocation.Entry{Card: k.ID, Key: r.newest(key), State: s, LostAt: lostAt}); err != nil {
			return v, err
		}
	}
	return v, nil
}

// lost checks when a card was lost, or takes over what was said before.
func lost(ctx context.Context, tx *store.Tx, id string, at time.Time, to State) (time.Time, error) {
	switch {
	case to == Issued:
		return time.Time{}, nil
	case at.IsZero():
		return revocation.LostAt(ctx, tx, id)
	case at.After(tx.Now()) || at.Year() < 2000:
		return time.Time{}, fault.BadField("lost_at", "card.lost_at", "lost in the future, or before the year 2000")
	}
	return at, nil
}

// kept is the newest version of a card as it is stored.
type kept struct {
	ID       string
	Label    string
	Kind     string
	State    State
	Person   string
	Key      []byte  `db:"credential_key"`
	Format   *string // NULL in what is older than formats
	Terminal *string
	IssuedAt string `db:"issued_at"`
	From     string `db:"valid_from"`
	Until    string `db:"valid_until"`
}

func keptOf(ctx context.Context, q store.Queryer, id string) (kept, error) {
	var k kept
	err := q.Get(ctx, &k, `SELECT c.id, v.label, v.kind, v.state, v.person, v.credential_key, v.format, v.terminal, v.issued_at, v.valid_from, v.valid_until
		FROM card c JOIN card_version v ON v.id = c.id AND v.n = c.n WHERE c.id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "card.unknown", fmt.Sprintf("no card %.40q", id))
	}
	return k, err
}

// newest is the form of a stored key in which doors are told of it now.
func (r *Register) newest(key []byte) access.Key { return r.forms(access.Key(key))[0] }

// become writes the card's next version with another state.
func (k kept) become(ctx context.Context, tx *store.Tx, s State) error {
	k.State = s
	_, err := tx.Version(ctx, "card", k.ID, k.row(), nil)
	return err
}

func (k kept) row() store.Row {
	row := store.Row{
		{Name: "credential_key", Value: k.Key},
		{Name: "issued_at", Value: k.IssuedAt},
		{Name: "kind", Value: k.Kind},
		{Name: "label", Value: k.Label},
		{Name: "person", Value: k.Person},
		{Name: "state", Value: string(k.State)},
		{Name: "valid_from", Value: k.From},
		{Name: "valid_until", Value: k.Until},
	}
	if k.Format != nil {
		row = append(row, store.Col("format", *k.Format))
	}
	if k.Terminal != nil {
		row = append(row, store.Col("terminal", *k.Terminal))
	}
	return row
}

// errKnown ends an adoption that has nothing to write.
var errKnown = errors.New("known already")

// Adopt keeps an entry of the revocation set that a controller's events show and that the centre lost when its database was put back to
// an older state (revocation.Adopt), and turns the card, where it is known here, to what the entry in force says. It reports whether an
// entry was new. What is of the present epoch, or known, changes nothing.
func (r *Register) Adopt(ctx context.Context, a revocation.Adoption) (fresh bool, err error) {
	past, err := r.past(ctx, a.Entry.Version)
	if err != nil || !past {
		return false, err
	}
	actor := store.Actor{Kind: store.ActorController, ID: a.Controller}
	err = r.store.Write(ctx, actor, "reported by a door after the register was put back to an older state", func(tx *store.Tx) error {
		fresh, err = r.adopt(ctx, tx, a)
		return err
	})
	if errors.Is(err, errKnown) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("adopt revocation: %w", err)
	}
	return fresh, nil
}

func (r *Register) past(ctx context.Context, v access.Version) (bool, error) {
	var present uint64
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		present, err = device.Epoch(ctx, q)
		return err
	})
	return v.Epoch < present, err
}

func (r *Register) adopt(ctx context.Context, tx *store.Tx, a revocation.Adoption) (fresh bool, err error) {
	if err := device.Known(ctx, tx, a.Controller); err != nil {
		return false, err
	}
	present, err := r.adoptee(ctx, tx, a.Entry)
	if err != nil {
		return false, err
	}
	a.Forms = present.forms
	fresh, confirmed, err := r.revocations.Adopt(ctx, tx, a)
	switch {
	case err != nil:
		return false, err
	case !fresh && !confirmed:
		return false, errKnown
	case !fresh:
		return false, nil
	}
	if err := r.follow(ctx, tx, present); err != nil {
		return false, err
	}
	return true, device.WantForHolder(ctx, tx)
}

// adoptee is what the register knows of the card of a lost entry.
type adoptee struct {
	known bool
	card  kept
	extra *further     // the credential that the entry is of; nil: the card's own, or one whose enrolment was lost too
	forms []access.Key // of the credential, newest first; none where it is not known
	lost  bool         // the credential's enrolment was lost too
}

func (r *Register) adoptee(ctx context.Context, tx *store.Tx, e access.Revocation) (adoptee, error) {
	var a adoptee
	var err error
	if a.card, err = keptOf(ctx, tx, e.Card); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return a, err
	}
	all, err := furtherOf(ctx, tx, e.Card)
	if err != nil {
		return a, err
	}
	a.known, a.forms = true, r.forms(access.Key(a.card.Key))
	if slices.Contains(a.forms, e.Key) {
		return a, nil
	}
	for _, c := range all {
		if forms := r.forms(access.Key(c.Key)); slices.Contains(forms, e.Key) {
			a.extra, a.forms = &c, forms
			return a, nil
		}
	}
	if len(all) > 0 { // of one credential only it may be a form that went with a lost key
		a.lost, a.forms = true, []access.Key{e.Key}
	}
	return a, nil
}

// follow turns a card that somebody could still use, or the one credential that was ended, to what the entry in force for it says.
func (r *Register) follow(ctx context.Context, tx *store.Tx, a adoptee) error {
	if !a.known || a.lost || closed(a.card.State) != nil {
		return nil
	}
	entry, found, err := revocation.InForce(ctx, tx, a.forms)
	if err != nil || !found {
		return err
	}
	if a.extra != nil {
		if entry.State == access.Revoked && a.extra.State == enrolled {
			return a.extra.finish(ctx, tx)
		}
		return nil
	}
	to := map[access.CredentialState]State{access.Revoked: Revoked, access.Suspended: Suspended, access.Active: Issued}[entry.State]
	if to == a.card.State {
		return nil
	}
	return a.card.become(ctx, tx, to)
}

// issuedRow is the first version of a card.
func (n Issue) issuedRow(id string, now time.Time) store.Row {
	from, until := n.Texts()
	format := n.read().format()
	k := kept{
		ID: id, Label: n.Label, Kind: string(n.Kind), State: Issued, Person: n.Person, Key: n.Key[:], IssuedAt: period.Text(now),
		From: from, Until: until, Format: &format,
	}
	if n.Terminal != "" {
		k.Terminal = &n.Terminal
	}
	return k.row()
}
