package entrylog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Head is how far the log goes for one controller and epoch: the last number and the chain hash after it.
type Head struct {
	Seq  uint64
	Hash event.Hash
}

// HeadOf returns the head; before the first event it is number 0 and the start of the chain.
func HeadOf(ctx context.Context, q store.Queryer, controller string, epoch uint64) (Head, error) {
	var row struct {
		Seq  uint64
		Hash []byte
	}
	err := q.Get(ctx, &row, `SELECT seq, hash FROM event_head WHERE controller = ? AND epoch = ?`,
		controller, int64(epoch)) // ingest takes no number over 2^63
	if fault.KindOf(err) == fault.NotFound {
		return Head{Hash: event.Start(controller, epoch)}, nil
	}
	if err != nil {
		return Head{}, err
	}
	if len(row.Hash) != len(event.Hash{}) {
		return Head{}, fault.New(fault.Internal, "", "a stored chain hash has another length")
	}
	return Head{Seq: row.Seq, Hash: event.Hash(row.Hash)}, nil
}

// Bodies returns the bytes of the events first to last, oldest first.
func Bodies(ctx context.Context, q store.Queryer, controller string, epoch, first, last uint64) ([][]byte, error) {
	var bodies [][]byte
	err := q.Select(ctx, &bodies, `SELECT body FROM event WHERE controller = ? AND epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq`,
		controller, int64(epoch), int64(first), int64(last)) // ingest takes no number over 2^63
	return bodies, err
}

// Append adds events that follow the head, in order, with the bytes they came in, and brings head, presence
// and ledger along. It returns the id of the last row and the new head.
func Append(ctx context.Context, tx *store.Tx, controller string, head Head, events []event.Event, raws [][]byte) (int64, Head, error) {
	rows := make([]store.Row, len(events))
	received := store.FormatTime(tx.Now())
	for i, e := range events {
		rows[i] = eventRow(controller, received, e, raws[i])
		head = Head{Seq: e.Seq, Hash: event.Next(head.Hash, raws[i])}
	}
	first, err := tx.AppendAll(ctx, "event", rows)
	if err != nil {
		return 0, Head{}, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO event_head (controller, epoch, seq, hash) VALUES (?, ?, ?, ?)
		ON CONFLICT (controller, epoch) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`,
		controller, int64(events[0].Epoch), int64(head.Seq), head.Hash[:]) // ingest takes no number over 2^63
	if err != nil {
		return 0, Head{}, err
	}
	if err := settle(ctx, tx, controller, events[0].Epoch, head.Seq); err != nil {
		return 0, Head{}, err
	}
	return first + int64(len(rows)) - 1, head, follow(ctx, tx, controller, events)
}

// eventRow has its columns in alphabetical order, which is the order in which they are hashed.
func eventRow(controller, received string, e event.Event, raw []byte) store.Row {
	return store.Row{
		{Name: "area", Value: plain(e.Area)},
		{Name: "at", Value: store.FormatTime(e.At)},
		{Name: "body", Value: raw},
		{Name: "card", Value: plain(e.Card)},
		{Name: "controller", Value: controller},
		{Name: "direction", Value: plain(string(e.Direction))},
		{Name: "door", Value: plain(e.Door)},
		{Name: "epoch", Value: int64(e.Epoch)}, // ingest takes no number over 2^63
		{Name: "kind", Value: string(e.Kind)},
		{Name: "person", Value: plain(e.Person)},
		{Name: "reason", Value: plain(string(e.Reason))},
		{Name: "received", Value: received},
		{Name: "seq", Value: int64(e.Seq)}, // ingest takes no number over 2^63
	}
}

// plain replaces the one character a JSON text can hold and a column cannot. The bytes of the event keep it.
func plain(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// Suspect is something that came and cannot be believed.
type Suspect struct {
	Controller string // "" when nobody registered it
	Reason     access.Reason
	Mark       string // what makes it the same suspect when it comes again; "": its bytes
	Detail     string
	Payload    []byte
}

// Bounds of the quarantine.
const (
	keptBytes  = 4096 // of a payload
	mostHourly = 100  // rows a controller can cause in one hour; what is over is only counted
)

// Quarantine keeps a suspect, once, and counts it every time. It returns the id of the new row, or 0 when only
// the count rose. What a controller causes beyond some in a short time is only counted, and the sum written by Settle. raise
// is called in the transaction of a new row; nil: nothing is.
func (r *Register) Quarantine(ctx context.Context, s Suspect, raise func(ctx context.Context, tx *store.Tx, id int64) error) (int64, error) {
	if !r.tally.allow(s, r.store.Now()) {
		return 0, nil
	}
	mark := s.mark()
	fresh, err := r.count(ctx, s, mark)
	if err != nil || !fresh {
		return 0, err
	}
	var id int64
	err = r.store.Write(ctx, store.System("ingest"), "", func(tx *store.Tx) error {
		digest := sha256.Sum256(s.Payload)
		var err error
		id, err = tx.Append(ctx, "quarantine", store.Row{
			{Name: "at", Value: store.FormatTime(tx.Now())},
			{Name: "body", Value: append([]byte{}, s.Payload[:min(len(s.Payload), keptBytes)]...)},
			{Name: "controller", Value: s.Controller},
			{Name: "detail", Value: detail(s.Detail)},
			{Name: "mark", Value: mark},
			{Name: "reason", Value: string(s.Reason)},
			{Name: "sha256", Value: hex.EncodeToString(digest[:])},
			{Name: "size", Value: int64(len(s.Payload))},
		})
		if err == nil && raise != nil {
			err = raise(ctx, tx, id)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("quarantine: %w", err)
	}
	return id, nil
}

func (s Suspect) mark() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %q ", s.Controller, s.Reason, s.Mark)
	if s.Mark == "" {
		h.Write(s.Payload)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// count adds one to the suspect's count and reports whether it also deserves a row of its own.
func (r *Register) count(ctx context.Context, s Suspect, mark string) (fresh bool, err error) {
	err = r.store.WriteDerived(ctx, "count of quarantined messages", func(tx *store.Tx) error {
		if err := addCount(ctx, tx, countedBy{s.Controller, s.Reason}, 1); err != nil {
			return err
		}
		var same, recent int64
		if err := tx.Get(ctx, &same, `SELECT COUNT(*) FROM quarantine WHERE mark = ?`, mark); err != nil {
			return err
		}
		err := tx.Get(ctx, &recent, `SELECT COUNT(*) FROM quarantine WHERE controller = ? AND at > ?`,
			s.Controller, store.FormatTime(tx.Now().Add(-time.Hour)))
		fresh = same == 0 && recent < mostHourly
		return err
	})
	if err != nil {
		return false, fmt.Errorf("count quarantined: %w", err)
	}
	return fresh, nil
}

// detail bounds a text that may hold what a stranger sent.
func detail(s string) string {
	s = strings.ToValidUTF8(plain(s), "\uFFFD")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300])
	}
	return s
}
