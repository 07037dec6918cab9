package device

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Believes is what a controller that is enrolled last said it has of the centre's keys. All of it is empty when it has said nothing since it was
// enrolled.
type Believes struct {
	Controller  string
	CommandKeys []string  // ids
	Authorities []string  // pins
	Issuer      string    // pin of the authority of its own certificate
	HashKeys    []string  // fingerprints of its credential hash keys
	At          time.Time // when it said so, by the centre's clock; in answers
}

// Bounds of what a controller may name.
const (
	mostBelieved = 16
	longestName  = 64
)

func (b Believes) check() error {
	for _, list := range [][]string{b.CommandKeys, b.Authorities, b.HashKeys, {b.Issuer}} {
		if len(list) > mostBelieved {
			return fault.New(fault.Invalid, "device.believes", "a controller names too many keys")
		}
		for _, name := range list {
			if len(name) > longestName {
				return fault.New(fault.Invalid, "device.believes", "a controller names a key at too great length")
			}
		}
	}
	return nil
}

// RecordBelieves keeps which of the centre's keys a controller has. The caller has seen that it said so with its key. Errors as of Peer.
func (r *Register) RecordBelieves(ctx context.Context, b Believes, public ed25519.PublicKey) error {
	if err := b.check(); err != nil {
		return err
	}
	err := r.store.WriteDerived(ctx, "keys a controller believes", func(tx *store.Tx) error {
		present, err := identityOf(ctx, tx, b.Controller)
		if err != nil {
			return err
		}
		if err := present.is(b.Controller, public); err != nil {
			return err
		}
		return b.keep(ctx, tx, present.KeyID)
	})
	if err != nil {
		return fmt.Errorf("keys that %.40q believes: %w", b.Controller, err)
	}
	return nil
}

func (b Believes) keep(ctx context.Context, tx *store.Tx, own string) error {
	var lists [3]string
	for i, list := range [][]string{b.CommandKeys, b.Authorities, b.HashKeys} {
		text, err := json.Marshal(append([]string{}, list...))
		if err != nil {
			return fault.Wrap(fault.Internal, err, "keep which keys a controller believes")
		}
		lists[i] = string(text)
	}
	_, err := tx.Exec(ctx, `INSERT INTO controller_believes (controller, key_id, command_keys, authorities, issuer, hash_keys, at)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (controller) DO UPDATE SET key_id = excluded.key_id, command_keys = excluded.command_keys, authorities = excluded.authorities,
			issuer = excluded.issuer, hash_keys = excluded.hash_keys, at = excluded.at`,
		b.Controller, own, lists[0], lists[1], b.Issuer, lists[2], store.FormatTime(tx.Now()))
	return err
}

// Believed lists what every enrolled controller said, by name. Needs authz.DeviceRead.
func (r *Register) Believed(ctx context.Context, actor store.Actor) ([]Believes, error) {
	var rows []believesRow
	err := r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.DeviceRead); err != nil {
			return err
		}
		return q.Select(ctx, &rows, `SELECT i.id AS controller, COALESCE(b.command_keys, '[]') AS command_keys,
			COALESCE(b.authorities, '[]') AS authorities, COALESCE(b.issuer, '') AS issuer, COALESCE(b.hash_keys, '[]') AS hash_keys, COALESCE(b.at, '') AS at
			FROM controller_identity i JOIN controller_identity_version v ON v.id = i.id AND v.n = i.n
			LEFT JOIN controller_believes b ON b.controller = i.id AND b.key_id = v.key_id
			WHERE i.state = 'enrolled' ORDER BY i.id`)
	})
	if err != nil {
		return nil, fmt.Errorf("list which keys are believed: %w", err)
	}
	all := make([]Believes, len(rows))
	for i, row := range rows {
		if all[i], err = row.believes(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

type believesRow struct {
	Controller, Issuer string
	CommandKeys        string `db:"command_keys"`
	Authorities        string
	HashKeys           string `db:"hash_keys"`
	At                 string
}

func (r believesRow) believes() (Believes, error) {
	b := Believes{Controller: r.Controller, Issuer: r.Issuer}
	if r.At != "" {
		at, err := store.ParseTime(r.At)
		if err != nil {
			return b, err
		}
		b.At = at
	}
	for _, list := range []struct {
		text string
		into *[]string
	}{{r.CommandKeys, &b.CommandKeys}, {r.Authorities, &b.Authorities}, {r.HashKeys, &b.HashKeys}} {
		if err := json.Unmarshal([]byte(list.text), list.into); err != nil {
			return Believes{}, fault.Wrap(fault.Internal, err, "read which keys a controller believes")
		}
	}
	return b, nil
}
