// Package notice is what accounts are told (お知らせ): each has an inbox. A notice leads to what it tells of, which has its own record; the notice
// itself is none. Its words are those of the reader's language, found by its kind when it is read.
package notice

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// Message is what is sent.
type Message struct {
	To      string            // login name
	Kind    string            // names the sentence
	Subject string            // what it is about; of the same kind and subject an account has at most one unread
	Params  map[string]string // of the sentence
	Link    string            // path of the console's page about it
}

// Notice is one that was sent.
type Notice struct {
	ID      string
	Kind    string
	Subject string
	Params  map[string]string
	Link    string
	At      time.Time
	ReadAt  time.Time // zero: unread
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	Unread bool
	Before string // only older than the notice with this id
	Limit  int    // at most 500; 0: 100
}

// Register is the register of notices.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }

// Send puts a notice into an inbox, in the transaction of what it tells of. One of the same kind and subject that is still unread is replaced.
func Send(ctx context.Context, tx *store.Tx, m Message) error {
	params, err := json.Marshal(m.Params)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "send notice")
	}
	_, err = tx.Exec(ctx, `INSERT INTO notice (id, account, kind, subject, params, link, at, read_at) VALUES (?, ?, ?, ?, ?, ?, ?, '')
		ON CONFLICT (account, kind, subject) WHERE read_at = ''
		DO UPDATE SET id = excluded.id, params = excluded.params, link = excluded.link, at = excluded.at`,
		"N-"+rand.Text()[:10], m.To, m.Kind, m.Subject, string(params), m.Link, store.FormatTime(tx.Now()))
	if err != nil {
		return fmt.Errorf("send notice: %w", err)
	}
	return nil
}

// owner is whose inbox an actor may look into: its own.
func owner(actor store.Actor) (string, error) {
	if actor.Kind != store.ActorAccount {
		return "", fault.New(fault.Denied, "auth.denied", actor.String()+" has no inbox")
	}
	return actor.ID, nil
}

// Inbox returns the actor's own notices, newest first.
func (r *Register) Inbox(ctx context.Context, actor store.Actor, f Filter) ([]Notice, error) {
	account, err := owner(actor)
	if err != nil {
		return nil, err
	}
	var rows []row
	err = r.store.Read(ctx, func(q store.Queryer) error {
		where, args, err := f.where(ctx, q, account)
		if err != nil {
			return err
		}
		return q.Select(ctx, &rows, `SELECT id, kind, subject, params, link, at, read_at FROM notice WHERE account = ?`+where+
			` ORDER BY at DESC, id DESC LIMIT ?`, append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	list := make([]Notice, len(rows))
	for i, n := range rows {
		if list[i], err = n.notice(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f Filter) where(ctx context.Context, q store.Queryer, account string) (string, []any, error) {
	where, args := ``, []any{account}
	if f.Unread {
		where = ` AND read_at = ''`
	}
	if f.Before == "" {
		return where, args, nil
	}
	last, err := find(ctx, q, account, f.Before)
	return where + ` AND (at < ? OR (at = ? AND id < ?))`, append(args, last.At, last.At, f.Before), err
}

type row struct {
	ID, Kind, Subject, Params, Link, At string
	ReadAt                              string `db:"read_at"`
}

func (r row) notice() (Notice, error) {
	n := Notice{ID: r.ID, Kind: r.Kind, Subject: r.Subject, Link: r.Link}
	if err := json.Unmarshal([]byte(r.Params), &n.Params); err != nil {
		return Notice{}, fault.Wrap(fault.Internal, err, "read notice "+r.ID)
	}
	var err error
	if n.At, err = period.Time(r.At); err != nil {
		return Notice{}, err
	}
	n.ReadAt, err = period.Time(r.ReadAt)
	return n, err
}

// find returns a notice of an account.
func find(ctx context.Context, q store.Queryer, account, id string) (row, error) {
	var n row
	err := q.Get(ctx, &n, `SELECT id, kind, subject, params, link, at, read_at FROM notice WHERE account = ? AND id = ?`, account, id)
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "notice.unknown", fmt.Sprintf("no notice %.40q for %s", id, account))
	}
	return n, err
}

// Unread counts the actor's own notices that are unread.
func (r *Register) Unread(ctx context.Context, actor store.Actor) (int, error) {
	account, err := owner(actor)
	if err != nil {
		return 0, err
	}
	var n int
	err = r.store.Read(ctx, func(q store.Queryer) error {
		return q.Get(ctx, &n, `SELECT COUNT(*) FROM notice WHERE account = ? AND read_at = ''`, account)
	})
	return n, err
}

// MarkRead says that the actor has read one of its own notices; again changes nothing. It returns where the notice leads. Another's is NotFound
// "notice.unknown".
func (r *Register) MarkRead(ctx context.Context, actor store.Actor, id string) (link string, err error) {
	account, err := owner(actor)
	if err != nil {
		return "", err
	}
	err = r.store.WriteDerived(ctx, "notice read", func(tx *store.Tx) error {
		n, err := find(ctx, tx, account, id)
		if err != nil {
			return err
		}
		link = n.Link
		_, err = tx.Exec(ctx, `UPDATE notice SET read_at = ? WHERE id = ? AND read_at = ''`, store.FormatTime(tx.Now()), id)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("mark notice as read: %w", err)
	}
	return link, nil
}
