package device

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Believes is what a controller that is enrolled last said of the centre's command keys.
type Believes struct {
	Controller  string
	CommandKeys []string // ids; empty when it has said nothing since it was enrolled
}

// mostBelieved bounds what a controller may name.
const mostBelieved = 16

// RecordBelieves keeps which command keys a controller believes. The caller has seen that it said so with its key. Errors as of Peer.
func (r *Register) RecordBelieves(ctx context.Context, b Believes, public ed25519.PublicKey) error {
	list, err := json.Marshal(b.CommandKeys)
	if err != nil || len(b.CommandKeys) > mostBelieved {
		return fault.New(fault.Invalid, "device.believes", "a controller names too many command keys")
	}
	err = r.store.WriteDerived(ctx, "command keys a controller believes", func(tx *store.Tx) error {
		present, err := identityOf(ctx, tx, b.Controller)
		if err != nil {
			return err
		}
		if err := present.is(b.Controller, public); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO controller_believes (controller, key_id, command_keys, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (controller) DO UPDATE SET key_id = excluded.key_id, command_keys = excluded.command_keys, at = excluded.at`,
			b.Controller, present.KeyID, string(list), store.FormatTime(tx.Now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("command keys that %.40q believes: %w", b.Controller, err)
	}
	return nil
}

// Believed lists what every enrolled controller said, by name. Needs authz.DeviceRead.
func (r *Register) Believed(ctx context.Context, actor store.Actor) ([]Believes, error) {
	var rows []struct {
		Controller string
		List       string
	}
	err := r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.DeviceRead); err != nil {
			return err
		}
		return q.Select(ctx, &rows, `SELECT i.id AS controller, COALESCE(b.command_keys, '[]') AS list FROM controller_identity i
			JOIN controller_identity_version v ON v.id = i.id AND v.n = i.n
			LEFT JOIN controller_believes b ON b.controller = i.id AND b.key_id = v.key_id
			WHERE i.state = 'enrolled' ORDER BY i.id`)
	})
	if err != nil {
		return nil, fmt.Errorf("list which command keys are believed: %w", err)
	}
	all := make([]Believes, len(rows))
	for i, row := range rows {
		all[i].Controller = row.Controller
		if err := json.Unmarshal([]byte(row.List), &all[i].CommandKeys); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "read command keys")
		}
	}
	return all, nil
}
