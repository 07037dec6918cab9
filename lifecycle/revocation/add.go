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

// Adoption is an entry of an earlier epoch that a controller's events show, and so its word that it applied it. The caller has seen that the
// centre made the entry: it is known, or sealed.
type Adoption struct {
	Entry      access.Revocation
	Controller string
	Key        string // id of the key that signed the events
	AppliedAt  time.Time
	Payload    []byte // the event's bytes
	// Forms are those of the card's credential, newest first, where the register of cards knows it.
	Forms []access.Key
}

// Has reports whether the register has an entry, under its version.
func Has(ctx context.Context, q store.Queryer, e access.Revocation) (bool, error) {
	there, found, err := at(ctx, q, e.Version)
	return found && there.Same(e), err
}

func at(ctx context.Context, q store.Queryer, v access.Version) (access.Revocation, bool, error) {
	if v.Epoch >= 1<<62 || v.N >= 1<<62 {
		return access.Revocation{}, false, nil
	}
	list, err := entries(ctx, q, `WHERE epoch = ? AND n = ?`, int64(v.Epoch), int64(v.N)) // bounded
	if err != nil || len(list) == 0 {
		return access.Revocation{}, false, err
	}
	return list[0], true, nil
}

// Adopt keeps an entry that the centre lost when its database was put back to an older state, with its old version, so that the sets here
// and there have the same hash again. It also counts as that controller's confirmation. It reports what was new; nothing is, when all was
// known. Epochs that have not ended are refused (Conflict "revocation.epoch").
//
// The day may have been lived twice, and the version belong to another card by now. Then the entry is made anew in the present epoch,
// unless what is in force for its credential is as strict or of a later epoch.
func (r *Register) Adopt(ctx context.Context, tx *store.Tx, a Adoption) (entry, confirmed bool, err error) {
	if err := a.check(ctx, tx); err != nil {
		return false, false, err
	}
	there, found, err := at(ctx, tx, a.Entry.Version)
	switch {
	case err != nil:
		return false, false, err
	case found && !there.Same(a.Entry):
		entry, err = r.again(ctx, tx, a)
		return entry, false, err
	case !found:
		if err := r.back(ctx, tx, a.Entry); err != nil {
			return false, false, err
		}
	}
	confirmed, err = a.confirm(ctx, tx)
	return !found, confirmed, err
}

// back gives an entry its old place.
func (r *Register) back(ctx context.Context, tx *store.Tx, entry access.Revocation) error {
	if err := r.keep(ctx, tx, entry, time.Time{}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE revocation_progress SET whole = 0`)
	return err
}

// again makes an entry anew whose place is taken: in the newest form, but as it was for a card that the register of cards does not know.
func (r *Register) again(ctx context.Context, tx *store.Tx, a Adoption) (fresh bool, err error) {
	forms, entry := a.Forms, a.Entry
	if len(forms) == 0 {
		others, err := formsOf(ctx, tx, entry.Card)
		if err != nil {
			return false, err
		}
		forms = append([]access.Key{entry.Key}, others...)
	}
	present, found, err := InForce(ctx, tx, forms)
	if err != nil || !missed(entry, present, found) {
		return false, err
	}
	_, err = r.Add(ctx, tx, Entry{Card: entry.Card, Key: forms[0], State: entry.State})
	return err == nil, err
}

// missed reports whether a lost entry whose version went to another card still says something: revoked is final; a suspension counts until
// somebody has decided anew.
func missed(lost, present access.Revocation, found bool) bool {
	switch lost.State {
	case access.Revoked:
		return !found || present.State != access.Revoked
	case access.Suspended:
		return !found || present.Version.Less(lost.Version)
	case access.Active:
	}
	return false
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
