package device

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Bounds of what is kept of a status; a controller that says more is cut.
const (
	mostDevices = 64
	mostDoors   = 32
	mostTrouble = 16
	mostText    = 128
)

// RecordStatus keeps what a controller said. An unknown controller is NotFound.
//
// Saying it is offline, or the broker saying it with the last will, leaves the rest as it was last known.
func (r *Register) RecordStatus(ctx context.Context, name string, s Status, received time.Time) error {
	return r.store.WriteDerived(ctx, "status of a controller", func(tx *store.Tx) error {
		if err := Known(ctx, tx, name); err != nil {
			return err
		}
		if !s.Online {
			_, err := tx.Exec(ctx, `UPDATE controller_status SET online = 0 WHERE controller = ?`, name)
			return err
		}
		return s.keep(ctx, tx, name, received)
	})
}

func (s Status) keep(ctx context.Context, tx *store.Tx, name string, received time.Time) error {
	if s.Epoch > math.MaxInt64 || s.LastSeq > math.MaxInt64 || s.Acked > math.MaxInt64 ||
		s.Policy.Epoch > math.MaxInt64 || s.Policy.N > math.MaxInt64 {
		return fault.New(fault.Invalid, "device.status", "a number in the status is out of range")
	}
	s.cut()
	seen := received
	if s.Retained && !s.At.IsZero() && s.At.Before(received) {
		seen = s.At // the broker kept it; it was said then
	}
	_, err := tx.Exec(ctx, `INSERT INTO controller_status (controller, online, seen, offset_ms, epoch, last_seq, acked,
			policy_epoch, policy_n, policy_hash, software, devices, doors, trouble)
		VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (controller) DO UPDATE SET online = 1, seen = excluded.seen,
			offset_ms = COALESCE(excluded.offset_ms, controller_status.offset_ms), epoch = excluded.epoch,
			last_seq = excluded.last_seq, acked = excluded.acked, policy_epoch = excluded.policy_epoch,
			policy_n = excluded.policy_n, policy_hash = excluded.policy_hash, software = excluded.software,
			devices = excluded.devices, doors = excluded.doors, trouble = excluded.trouble`,
		name, store.FormatTime(seen), s.offset(received), int64(s.Epoch), int64(s.LastSeq), int64(s.Acked), // checked above
		int64(s.Policy.Epoch), int64(s.Policy.N), s.PolicyHash, s.Software, // checked above
		list(s.Devices), list(s.Doors), list(s.Trouble))
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
	s.PolicyHash, s.Software = short(s.PolicyHash), short(s.Software)
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
