package device

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Bounds of what is kept of a status; a controller that says more is cut.
const (
	mostDevices = 64
	mostDoors   = 32
	mostTrouble = 16
	mostText    = 128
)

// RecordStatus keeps what a controller said and reports whether it was news: one that is not newer than the one kept (Start, N)
// changes nothing, so that nobody can bring an old one back. An unknown controller is NotFound, a revoked one Denied.
//
// Saying it is offline, or the broker saying it with the last will, leaves the rest as it was last known.
func (r *Register) RecordStatus(ctx context.Context, name string, s Status, received time.Time) (news bool, err error) {
	if err := s.check(); err != nil {
		return false, err
	}
	s.cut()
	err = r.store.WriteDerived(ctx, "status of a controller", func(tx *store.Tx) error {
		present, err := identityOf(ctx, tx, name)
		if err != nil {
			return err
		}
		if present.State == Revoked {
			return machine.Revoked(name)
		}
		if !s.Online {
			news = true
			_, err := tx.Exec(ctx, `UPDATE controller_status SET online = 0 WHERE controller = ?`, name)
			return err
		}
		if news, err = s.news(ctx, tx, name); err != nil || !news {
			return err
		}
		return s.keep(ctx, tx, name, received)
	})
	return news && err == nil, err
}

// check refuses numbers that no column can hold.
func (s Status) check() error {
	for _, n := range []uint64{
		s.Start, s.N, s.Epoch, s.LastSeq, s.Acked, s.Kept, s.Policy.Epoch, s.Policy.N, s.Revoked.Epoch, s.Revoked.N,
	} {
		if n > math.MaxInt64 {
			return fault.New(fault.Invalid, "device.status", "a number in the status is out of range")
		}
	}
	return nil
}

// news reports whether the status is newer than the one kept. Only where neither has a number, the last to come is the newest.
func (s Status) news(ctx context.Context, tx *store.Tx, name string) (bool, error) {
	var kept struct {
		Start uint64 `db:"start_n"`
		N     uint64 `db:"status_n"`
	}
	err := tx.Get(ctx, &kept, `SELECT start_n, status_n FROM controller_status WHERE controller = ?`, name)
	if fault.KindOf(err) == fault.NotFound {
		return true, nil
	}
	unnumbered := s.Start == 0 && kept.Start == 0
	return unnumbered || s.Start > kept.Start || (s.Start == kept.Start && s.N > kept.N), err
}

// statusColumns are the columns a status fills; values gives them in this order.
var statusColumns = []string{
	"controller", "online", "seen", "offset_ms", "epoch", "last_seq", "acked", "policy_epoch", "policy_n", "policy_hash", "software",
	"devices", "doors", "trouble", "start_n", "status_n", "kept", "fill_per_mil", "revoked_epoch", "revoked_n", "revoked_hash",
	"lease_age_s", "leased_at", "lease_s",
}

func (s Status) values(name string, received time.Time) []any {
	seen := received
	if s.Retained && !s.At.IsZero() && s.At.Before(received) {
		seen = s.At // the broker kept it; it was said then
	}
	return []any{ // check has seen that the numbers fit
		name, 1, store.FormatTime(seen), s.offset(received), int64(s.Epoch), int64(s.LastSeq), int64(s.Acked),
		int64(s.Policy.Epoch), int64(s.Policy.N), s.PolicyHash, s.Software, list(s.Devices), list(s.Doors), list(s.Trouble),
		int64(s.Start), int64(s.N), int64(s.Kept), int64(s.FillPerMil), int64(s.Revoked.Epoch), int64(s.Revoked.N),
		s.RevokedHash, int64(s.LeaseAge / time.Second), period.Text(s.LeasedAt), int64(s.LeaseTime / time.Second),
	}
}

// saveStatus has every value replace the one before, but for the offset and the lease, which stay where the status has none.
var saveStatus = sync.OnceValue(func() string {
	set := make([]string, 0, len(statusColumns))
	for _, c := range statusColumns[1:] {
		switch c {
		case "offset_ms":
			set = append(set, `offset_ms = COALESCE(excluded.offset_ms, controller_status.offset_ms)`)
		case "leased_at":
			set = append(set, `leased_at = CASE WHEN excluded.leased_at = '' THEN controller_status.leased_at ELSE excluded.leased_at END`)
		default:
			set = append(set, c+` = excluded.`+c)
		}
	}
	return `INSERT INTO controller_status (` + strings.Join(statusColumns, ", ") + `)
		VALUES (?` + strings.Repeat(", ?", len(statusColumns)-1) + `)
		ON CONFLICT (controller) DO UPDATE SET ` + strings.Join(set, ", ")
})

func (s Status) keep(ctx context.Context, tx *store.Tx, name string, received time.Time) error {
	_, err := tx.Exec(ctx, saveStatus(), s.values(name, received)...)
	return err
}

// offset is how far the controller's clock is ahead of ours, in milliseconds, or nil where the status does not
// tell.
func (s Status) offset(received time.Time) any {
	if s.At.IsZero() || s.Retained {
		return nil
	}
	return s.At.Sub(received).Milliseconds()
}

func (s *Status) cut() {
	s.Devices = s.Devices[:min(len(s.Devices), mostDevices)]
	s.Doors = s.Doors[:min(len(s.Doors), mostDoors)]
	s.Trouble = s.Trouble[:min(len(s.Trouble), mostTrouble)]
	s.PolicyHash, s.RevokedHash, s.Software = short(s.PolicyHash), short(s.RevokedHash), short(s.Software)
	s.FillPerMil = min(max(s.FillPerMil, 0), 1000)
	for i := range s.Devices {
		d := &s.Devices[i]
		d.Name, d.Detail = short(d.Name), short(d.Detail)
	}
	for i := range s.Doors {
		s.Doors[i] = DoorState{short(s.Doors[i].ID), short(s.Doors[i].State)}
	}
	for i := range s.Trouble {
		s.Trouble[i] = short(s.Trouble[i])
	}
}

// short cuts a text and takes out the one character that PostgreSQL cannot keep.
func short(s string) string {
	kept := make([]rune, 0, min(len(s), mostText))
	for _, r := range s {
		if len(kept) == mostText {
			break
		}
		if r != 0 {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

// list writes a list as JSON; none is [].
func list[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(v) //nolint:errchkjson // strings and booleans only
	return string(b)
}

// MarkSilent marks every controller offline that was last heard before the moment, and returns their names.
func (r *Register) MarkSilent(ctx context.Context, before time.Time) ([]string, error) {
	const silent = ` FROM controller_status WHERE online = 1 AND seen < ?`
	var names []string
	limit := store.FormatTime(before)
	err := r.store.Read(ctx, func(q store.Queryer) error {
		return q.Select(ctx, &names, `SELECT controller`+silent+` ORDER BY controller`, limit)
	})
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return names, r.store.WriteDerived(ctx, "controllers gone silent", func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE controller_status SET online = 0 WHERE online = 1 AND seen < ?`, limit)
		return err
	})
}
