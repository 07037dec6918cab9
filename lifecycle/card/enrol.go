package card

import (
	"context"
	"crypto/rand"
	"fmt"
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

// mostCredentials is how many a card may have, those that ended among them.
const mostCredentials = 8

// TakenError says that a credential is another card's. Card and Label are empty for who may not read the register. To who does not look for it, it is a
// fault.Conflict with the code "card.credential_taken".
type TakenError struct {
	Card, Label string
	fault       *fault.Error
}

// Error implements error.
func (e *TakenError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e *TakenError) Unwrap() error { return e.fault }

// Enrol adds a credential to a card that is issued or suspended; one of a suspended card is suspended with it. Needs authz.CardIssue.
//
// Errors: TakenError; Conflict "card.credential_reversed" (a sibling is known: two readers deliver this card in different order, or at different lengths; Read.Apart
// says that it is not so), "card.credential_revoked", "card.credentials_many", "card.already_revoked", "card.not_issued"; Invalid "card.no_credential",
// "card.format", "card.format_kind".
func (r *Register) Enrol(ctx context.Context, actor store.Actor, id, reason string, n Read) (Credential, error) {
	reason, err := field.Optional("reason", reason, 200)
	var made further
	if err == nil {
		err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
			if err := actor.May(authz.CardIssue); err != nil {
				return err
			}
			made, err = r.enrol(ctx, tx, id, n)
			return err
		})
	}
	if err != nil {
		return Credential{}, fmt.Errorf("enrol credential: %w", err)
	}
	return made.credential()
}

func (r *Register) enrol(ctx context.Context, tx *store.Tx, id string, n Read) (further, error) {
	present, err := keptOf(ctx, tx, id)
	if err == nil {
		err = closed(present.State)
	}
	if err == nil {
		err = n.check(Kind(present.Kind))
	}
	if err == nil {
		err = r.unused(ctx, tx, n)
	}
	if err != nil {
		return further{}, err
	}
	all, err := furtherOf(ctx, tx, id)
	if err != nil {
		return further{}, err
	}
	if len(all)+2 > mostCredentials {
		return further{}, fault.New(fault.Conflict, "card.credentials_many", fmt.Sprintf("%d credentials", len(all)+1))
	}
	c := further{ID: "K-" + rand.Text()[:10], Card: id, Key: n.Key[:], Format: n.format(), State: enrolled, EnrolledAt: period.Text(tx.Now())}
	if err := c.keep(ctx, tx); err != nil {
		return further{}, err
	}
	if err := keepKey(ctx, tx, id, n.Key); err != nil {
		return further{}, err
	}
	if present.State == Suspended {
		if err := r.suspendToo(ctx, tx, c); err != nil {
			return further{}, err
		}
	}
	return c, device.WantForHolder(ctx, tx)
}

// suspendToo enters the suspension of a card for a credential that it had not then.
func (r *Register) suspendToo(ctx context.Context, tx *store.Tx, c further) error {
	since, err := revocation.LostAt(ctx, tx, c.Card)
	if err != nil {
		return err
	}
	_, err = r.revocations.Add(ctx, tx, revocation.Entry{Card: c.Card, Key: r.newest(c.Key), State: access.Suspended, LostAt: since})
	return err
}

// End takes a credential from a card for good, as when the wrong card was held to the reader: the card goes on with the others. Its own ends with the card.
// It returns the entry in the revocation set. Needs authz.CardRevoke.
//
// Errors: NotFound "card.unknown_credential"; Conflict "card.credential_ended".
func (r *Register) End(ctx context.Context, actor store.Actor, id, credential, reason string) (access.Version, error) {
	reason, err := field.Text("reason", reason, 200)
	var v access.Version
	if err == nil {
		err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
			if err := actor.May(authz.CardRevoke); err != nil {
				return err
			}
			c, err := furtherNamed(ctx, tx, id, credential)
			if err != nil {
				return err
			}
			v, err = r.end(ctx, tx, c)
			return err
		})
	}
	if err != nil {
		return access.Version{}, fmt.Errorf("end credential: %w", err)
	}
	return v, nil
}

func (r *Register) end(ctx context.Context, tx *store.Tx, c further) (v access.Version, err error) {
	if err := c.finish(ctx, tx); err != nil {
		return v, err
	}
	if v, err = r.revocations.Add(ctx, tx, revocation.Entry{Card: c.Card, Key: r.newest(c.Key), State: access.Revoked}); err != nil {
		return v, err
	}
	return v, device.WantForHolder(ctx, tx)
}

func (n Read) format() string {
	if n.Format == "" {
		return access.FormatBits
	}
	return n.Format
}

// check refuses what is no credential for a card of a kind: a terminal's word is one of an enrolment there, and of nothing else.
func (n Read) check(k Kind) error {
	switch {
	case n.Key == access.Key{}:
		return fault.BadField("credential", "card.no_credential", "no credential")
	case access.Frame{Format: n.format()}.Validate() != nil:
		return fault.BadField("credential", "card.format", fmt.Sprintf("format %.20q", n.Format))
	case (n.format() == access.FormatVerdict) != (k == Biometric):
		return fault.BadField("credential", "card.format_kind", fmt.Sprintf("format %s for a card of kind %s", n.format(), k))
	}
	return nil
}

// unused refuses a credential that some card has or had, one of which a sibling is known, and one that was revoked.
func (r *Register) unused(ctx context.Context, tx *store.Tx, n Read) error {
	if err := taken(ctx, tx, n.Key); err != nil {
		return err
	}
	for _, s := range n.Siblings {
		if _, known, err := whose(ctx, tx, s); err != nil || known && !n.Apart {
			if err == nil {
				err = fault.New(fault.Conflict, "card.credential_reversed", "a sibling of the credential is known")
			}
			return err
		}
	}
	entry, _, err := revocation.InForce(ctx, tx, r.forms(n.Key))
	if err == nil && entry.State == access.Revoked { // of a card that a restored register does not know
		err = fault.New(fault.Conflict, "card.credential_revoked", "the credential was revoked, which is final")
	}
	return err
}

func taken(ctx context.Context, tx *store.Tx, key access.Key) error {
	id, known, err := whose(ctx, tx, key)
	if err != nil || !known {
		return err
	}
	e := &TakenError{fault: fault.New(fault.Conflict, "card.credential_taken", "the credential is another card's")}
	if tx.Actor().May(authz.CardRead) == nil {
		c, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		e.Card, e.Label = c.ID, c.Label
	}
	return e
}

// whose is the card that a credential is of, or was.
func whose(ctx context.Context, q store.Queryer, key access.Key) (card string, known bool, err error) {
	err = q.Get(ctx, &card, `SELECT card FROM card_key WHERE credential_key = ?`, key[:])
	if fault.KindOf(err) == fault.NotFound {
		return "", false, nil
	}
	return card, err == nil, err
}

func keepKey(ctx context.Context, tx *store.Tx, card string, key access.Key) error {
	_, err := tx.Exec(ctx, `INSERT INTO card_key (credential_key, card) VALUES (?, ?)`, key[:], card)
	return err
}

// States of a credential.
const (
	enrolled = "enrolled"
	ended    = "ended"
)

// further is a credential beside the card's own, as it is stored.
type further struct {
	ID, Card, Format, State string
	Key                     []byte `db:"credential_key"`
	EnrolledAt              string `db:"enrolled_at"`
	EndedAt                 string `db:"ended_at"`
}

func (c further) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "card_credential", c.ID, store.Row{
		{Name: "card", Value: c.Card},
		{Name: "credential_key", Value: c.Key},
		{Name: "ended_at", Value: c.EndedAt},
		{Name: "enrolled_at", Value: c.EnrolledAt},
		{Name: "format", Value: c.Format},
		{Name: "state", Value: c.State},
		{Name: "trust", Value: string(access.Proves(c.Format))},
	}, nil)
	return err
}

func (c further) finish(ctx context.Context, tx *store.Tx) error {
	if c.State == ended {
		return fault.New(fault.Conflict, "card.credential_ended", "the credential ended already")
	}
	c.State, c.EndedAt = ended, period.Text(tx.Now())
	return c.keep(ctx, tx)
}

const furtherQuery = `SELECT id, card, credential_key, format, state, enrolled_at, ended_at FROM v_card_credential WHERE card = ? AND id `

// furtherOf are the credentials of a card beside its own, oldest first.
func furtherOf(ctx context.Context, q store.Queryer, card string) (all []further, err error) {
	err = q.Select(ctx, &all, furtherQuery+`<> '' ORDER BY enrolled_at, id`, card)
	return all, err
}

func furtherNamed(ctx context.Context, q store.Queryer, card, id string) (c further, err error) {
	err = q.Get(ctx, &c, furtherQuery+`= ? AND id <> ''`, card, id)
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "card.unknown_credential", fmt.Sprintf("card %.40q has no credential %.40q", card, id))
	}
	return c, err
}

// Credentials returns what a card is or was read by, its own first, then in the order of their enrolment. Needs authz.CardRead.
func (r *Register) Credentials(ctx context.Context, actor store.Actor, id string) ([]Credential, error) {
	var rows []further
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if _, err := get(ctx, q, id); err != nil {
			return err
		}
		return q.Select(ctx, &rows, `SELECT id, card, credential_key, format, state, enrolled_at, ended_at FROM v_card_credential
			WHERE card = ? ORDER BY CASE WHEN id = '' THEN 0 ELSE 1 END, enrolled_at, id`, id)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Credential, len(rows))
	for i, row := range rows {
		if list[i], err = row.credential(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (c further) credential() (v Credential, err error) {
	v = Credential{ID: c.ID, Format: c.Format, Trust: access.Proves(c.Format)}
	for text, into := range map[string]*time.Time{c.EnrolledAt: &v.EnrolledAt, c.EndedAt: &v.EndedAt} {
		if *into, err = period.Time(text); err != nil {
			return v, err
		}
	}
	return v, nil
}
