package revocation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/period"
)

// Add makes the next entry of the centre's present epoch in the caller's transaction, which also writes the card's new state. After the
// commit the subscribers are woken.
func (r *Register) Add(ctx context.Context, tx *store.Tx, e Entry) (access.Version, error) {
	latest, err := Latest(ctx, tx)
	if err != nil {
		return access.Version{}, err
	}
	entry := access.Revocation{
		Version: access.Version{Epoch: latest.Epoch, N: latest.N + 1}, Key: e.Key, Card: e.Card, State: e.State,
	}
	return entry.Version, r.keep(ctx, tx, entry, e.LostAt)
}

func (r *Register) keep(ctx context.Context, tx *store.Tx, entry access.Revocation, lost time.Time) error {
	if err := entry.Validate(); err != nil {
		return fault.Wrap(fault.Internal, err, "add revocation")
	}
	targets, err := withDoor(ctx, tx)
	if err != nil {
		return err
	}
	names, err := json.Marshal(targets)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "add revocation")
	}
	_, err = tx.Append(ctx, "revocation", store.Row{
		{Name: "actor", Value: tx.Actor().String()},
		{Name: "at", Value: store.FormatTime(tx.Now())},
		{Name: "card", Value: entry.Card},
		{Name: "credential_key", Value: entry.Key[:]},
		{Name: "epoch", Value: int64(entry.Version.Epoch)}, // as stored, or as Adopt has checked
		{Name: "lost_at", Value: period.Text(lost)},
		{Name: "n", Value: int64(entry.Version.N)}, // as stored, or as Adopt has checked
		{Name: "reason", Value: tx.Reason()},
		{Name: "state", Value: string(entry.State)},
		{Name: "target_count", Value: int64(len(targets))},
		{Name: "targets", Value: string(names)},
	})
	if err != nil {
		return fmt.Errorf("add revocation: %w", err)
	}
	tx.AfterCommit(r.wakeAll)
	return nil
}

// withDoor lists the controllers that could know a card: with a door, and enrolled at some time.
func withDoor(ctx context.Context, q store.Queryer) ([]string, error) {
	names := []string{}
	err := q.Select(ctx, &names, `SELECT controller FROM v_device_with_door ORDER BY controller`)
	return names, err
}

// Adoption is an entry of an earlier epoch that a controller's events report, and so its word that it applied it.
type Adoption struct {
	Entry      access.Revocation
	Controller string
	Key        string // id of the key that signed the events
	AppliedAt  time.Time
	Payload    []byte // the event's bytes
}

// Adopt keeps an entry that the centre lost when its database was put back to an older state, with its old version, so that the sets here
// and there have the same hash again. It also counts as that controller's confirmation. It reports what was new; nothing is, when all was
// known. Epochs that have not ended are refused (Conflict "revocation.epoch"), and so is an entry in whose place another one stands
// (Conflict "revocation.other_entry").
func (r *Register) Adopt(ctx context.Context, tx *store.Tx, a Adoption) (entry, confirmed bool, err error) {
	if err := a.check(ctx, tx); err != nil {
		return false, false, err
	}
	known, err := a.known(ctx, tx)
	if err != nil {
		return false, false, err
	}
	if !known {
		if err := r.keep(ctx, tx, a.Entry, time.Time{}); err != nil {
			return false, false, err
		}
		if _, err := tx.Exec(ctx, `UPDATE revocation_progress SET whole = 0`); err != nil {
			return false, false, err
		}
	}
	confirmed, err = a.confirm(ctx, tx)
	return !known, confirmed, err
}

func (a Adoption) check(ctx context.Context, tx *store.Tx) error {
	present, err := device.Epoch(ctx, tx)
	if err != nil {
		return err
	}
	if v := a.Entry.Version; v.Epoch >= present || v.N >= 1<<62 {
		return fault.New(fault.Conflict, "revocation.epoch", fmt.Sprintf("entry %d.%d is not of an epoch before %d", v.Epoch, v.N, present))
	}
	return fault.Wrap(fault.Invalid, a.Entry.Validate(), "adopt revocation")
}

func (a Adoption) known(ctx context.Context, tx *store.Tx) (bool, error) {
	var rows []entryRow
	err := tx.Select(ctx, &rows, `SELECT `+entryColumns+` FROM revocation WHERE epoch = ? AND n = ?`,
		int64(a.Entry.Version.Epoch), int64(a.Entry.Version.N)) // check has bounded them
	if err != nil || len(rows) == 0 {
		return false, err
	}
	there, err := rows[0].entry()
	if err == nil && there != a.Entry {
		err = fault.New(fault.Conflict, "revocation.other_entry", fmt.Sprintf("entry %d.%d is of card %s here and of card %s there",
			a.Entry.Version.Epoch, a.Entry.Version.N, there.Card, a.Entry.Card))
	}
	return true, err
}

// confirm keeps the controller's word for this one entry.
func (a Adoption) confirm(ctx context.Context, tx *store.Tx) (bool, error) {
	var found struct {
		Targets string
		Have    int64
	}
	v := a.Entry.Version
	err := tx.Get(ctx, &found, `SELECT targets, (SELECT COUNT(*) FROM revocation_receipt c
			WHERE c.epoch = r.epoch AND c.n = r.n AND c.controller = ?) AS have FROM revocation r WHERE epoch = ? AND n = ?`,
		a.Controller, int64(v.Epoch), int64(v.N)) // check has bounded them
	if err != nil || found.Have > 0 {
		return false, err
	}
	targets, err := names(found.Targets)
	if err != nil || !targets[a.Controller] {
		return false, err
	}
	_, err = tx.Append(ctx, "revocation_receipt", Confirmation{
		Controller: a.Controller, Key: a.Key, AppliedAt: a.AppliedAt, ReceivedAt: tx.Now(), Payload: a.Payload,
	}.row(v))
	return err == nil, err
}

// names reads a list of targets.
func names(text string) (map[string]bool, error) {
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "read the targets of a revocation")
	}
	set := make(map[string]bool, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set, nil
}
