// Package key is the register of the centre's own keys (Art. 47, 95): which key serves which purpose, since when, until when, in which
// state. It never sees a key: secrets are sealed elsewhere (internal/pki), and what stands here are fingerprints. The keys of controllers
// are in lifecycle/device.
package key

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

// Purposes are the ids of the register; one key serves each at a time.
//
//nolint:gosec // the word credential, not one
const (
	DeviceCA           = "device-ca"
	DeviceCANext       = "device-ca-next"   // announced; retired as the next one when it issues certificates
	DeviceCABefore     = "device-ca-before" // active while it is still trusted
	Command            = "command"
	CommandNext        = "command-next"   // announced; retired as the next one when it signs
	CommandBefore      = "command-before" // active while controllers still believe it
	Checkpoint         = "checkpoint"
	CheckpointBefore   = "checkpoint-before" // retired; its public part checks the checkpoints that it signed
	Document           = "document"
	CredentialHash     = "credential-hash"      // the newest layer in use; those before it serve too
	CredentialHashNext = "credential-hash-next" // announced; retired as the next one when it is in use
	Console            = "console"
)

// State of a key.
type State string

// States.
const (
	Active  State = "active"
	Retired State = "retired" // replaced in good order
	Revoked State = "revoked" // not to be trusted any more
)

// Key is one key as it stands.
type Key struct {
	Purpose     string
	Algorithm   string // such as "Ed25519"
	Fingerprint string // at most 128 characters; of the public key, or of a secret under a hash that does not give it away
	KeyID       string // the short name in signatures, of a checkpoint key its origin; empty where there is none
	NotAfter    time.Time
	State       State

	At      time.Time // of this version, in answers
	Reason  string    // in answers
	Version int64     // in answers
}

// Register is the register of keys.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }

// Record enters a key, or what has changed of it, with a reason, and reports whether anything had: a start that finds the keys it left
// records nothing. Only the program itself may.
func (r *Register) Record(ctx context.Context, actor store.Actor, k Key, reason string) (changed bool, err error) {
	if actor.Kind != store.ActorSystem {
		return false, fault.New(fault.Denied, "auth.denied", actor.String()+" may not record keys")
	}
	if err := k.check(); err != nil {
		return false, fmt.Errorf("record key: %w", err)
	}
	present, err := r.present(ctx, k.Purpose)
	if err != nil || present == k.facts() {
		return false, err
	}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		_, err := tx.Version(ctx, "crypto_key", k.Purpose, k.facts().row(), nil)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record key: %w", err)
	}
	return true, nil
}

func (k Key) check() error {
	if err := field.ID("purpose", k.Purpose); err != nil {
		return err
	}
	for name, value := range map[string]string{"algorithm": k.Algorithm, "fingerprint": k.Fingerprint} {
		if _, err := field.Text(name, value, 128); err != nil {
			return err
		}
	}
	if k.State != Active && k.State != Retired && k.State != Revoked {
		return fault.BadField("state", "key.state", fmt.Sprintf("state %.20q", k.State))
	}
	_, err := field.Optional("key_id", k.KeyID, 128)
	return err
}

// facts is a key as it is stored.
type facts struct {
	Algorithm   string
	Fingerprint string
	KeyID       string `db:"key_id"`
	NotAfter    string `db:"not_after"`
	State       State
}

func (k Key) facts() facts {
	return facts{k.Algorithm, k.Fingerprint, k.KeyID, period.Text(k.NotAfter), k.State}
}

func (f facts) row() store.Row {
	return store.Row{
		{Name: "algorithm", Value: f.Algorithm},
		{Name: "fingerprint", Value: f.Fingerprint},
		{Name: "key_id", Value: f.KeyID},
		{Name: "not_after", Value: f.NotAfter},
		{Name: "state", Value: string(f.State)},
	}
}

// Present is the fingerprint of the key that a purpose has by the register, empty while it has none, and whether it is active. It names no key, so
// that anybody in the program may ask.
func (r *Register) Present(ctx context.Context, purpose string) (fingerprint string, active bool, err error) {
	f, err := r.present(ctx, purpose)
	return f.Fingerprint, f.State == Active, err
}

// present reads the newest version of a purpose; nothing while it has none.
func (r *Register) present(ctx context.Context, purpose string) (facts, error) {
	var f facts
	err := r.store.Read(ctx, func(q store.Queryer) error {
		err := q.Get(ctx, &f, `SELECT v.algorithm, v.fingerprint, v.key_id, v.not_after, v.state FROM crypto_key k
			JOIN crypto_key_version v ON v.id = k.id AND v.n = k.n WHERE k.id = ?`, purpose)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return facts{}, fmt.Errorf("read key: %w", err)
	}
	return f, nil
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.KeyRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		return nil
	})
}

// List returns the keys of all purposes in the order of their names. Needs authz.KeyRead.
func (r *Register) List(ctx context.Context, actor store.Actor) ([]Key, error) {
	var rows []struct {
		facts
		ID, At, Reason string
		N              int64
	}
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT k.id, k.n, v.at, v.reason, v.algorithm, v.fingerprint, v.key_id, v.not_after, v.state
			FROM crypto_key k JOIN crypto_key_version v ON v.id = k.id AND v.n = k.n ORDER BY k.id`)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Key, len(rows))
	for i, row := range rows {
		list[i] = Key{
			Purpose: row.ID, Algorithm: row.Algorithm, Fingerprint: row.Fingerprint, KeyID: row.KeyID, State: row.State,
			Reason: row.Reason, Version: row.N,
		}
		if list[i].At, err = period.Time(row.At); err != nil {
			return nil, err
		}
		if list[i].NotAfter, err = period.Time(row.NotAfter); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// History returns every version of a purpose's key, oldest first. Needs authz.KeyRead.
func (r *Register) History(ctx context.Context, actor store.Actor, purpose string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, algorithm, fingerprint, key_id, not_after, state
			FROM crypto_key_version WHERE id = ? ORDER BY n`, purpose)
		return err
	})
	return changes, err
}
