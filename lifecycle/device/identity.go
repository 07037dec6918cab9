package device

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/enrolment"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// TokenTime is the longest a token may be good.
const TokenTime = enrolment.TokenTime

var machine = enrolment.Machine{Codes: "device", Word: "controller"}

// boxKeySize is that of an X25519 public key.
const boxKeySize = 32

// Enrolment is what a controller brings with its token: the hash of the token, its public key, and the key under which
// secrets are sealed to it (X25519).
type Enrolment struct {
	Controller string
	TokenHash  string
	Public     ed25519.PublicKey
	BoxKey     []byte
}

// steps of an identity.
const (
	stepToken    = "token"
	stepEnrolled = "enrolled"
	stepRenewed  = "renewed"
	stepRevoked  = "revoked"
)

// identity is the newest version of a controller's identity; State Registered and empty texts while it has none.
type identity struct {
	State       State
	PublicKey   string `db:"public_key"` // hex
	KeyID       string `db:"key_id"`
	BoxKey      string `db:"box_key"` // hex
	Fingerprint string
	Serial      string
	IssuedAt    string `db:"issued_at"`
	NotAfter    string `db:"not_after"`
}

// identityOf reads it; NotFound for a controller nobody entered.
func identityOf(ctx context.Context, q store.Queryer, controller string) (identity, error) {
	var i identity
	err := q.Get(ctx, &i, `SELECT COALESCE(v.state, 'registered') AS state, COALESCE(v.public_key, '') AS public_key,
			COALESCE(v.key_id, '') AS key_id, COALESCE(v.box_key, '') AS box_key, COALESCE(v.fingerprint, '') AS fingerprint,
			COALESCE(v.serial, '') AS serial, COALESCE(v.issued_at, '') AS issued_at, COALESCE(v.not_after, '') AS not_after
		FROM controller c LEFT JOIN controller_identity i ON i.id = c.id
		LEFT JOIN controller_identity_version v ON v.id = i.id AND v.n = i.n WHERE c.id = ?`, controller)
	if fault.KindOf(err) == fault.NotFound {
		err = unknown(controller)
	}
	return i, err
}

func unknown(controller string) error {
	return fault.New(fault.NotFound, "device.unknown_controller", fmt.Sprintf("no controller %.40q", controller))
}

// keep writes the next version.
func (i identity) keep(ctx context.Context, tx *store.Tx, controller, step string, tokenUntil time.Time) error {
	_, err := tx.Version(ctx, "controller_identity", controller, store.Row{
		{Name: "box_key", Value: i.BoxKey},
		{Name: "fingerprint", Value: i.Fingerprint},
		{Name: "issued_at", Value: i.IssuedAt},
		{Name: "key_id", Value: i.KeyID},
		{Name: "not_after", Value: i.NotAfter},
		{Name: "public_key", Value: i.PublicKey},
		{Name: "serial", Value: i.Serial},
		{Name: "state", Value: string(i.State)},
		{Name: "step", Value: step},
		{Name: "token_until", Value: period.Text(tokenUntil)},
	}, nil)
	return err
}

func (i *identity) certified(c Certificate) {
	i.Serial, i.Fingerprint, i.IssuedAt, i.NotAfter = c.Serial, c.Fingerprint, period.Text(c.Issued), period.Text(c.Until)
}

// NewToken opens a controller to one enrolment until expires, at most TokenTime from now, in place of any token before. hash is that of
// the token, which the register never sees. Until somebody comes with it, nothing else changes.
func (r *Register) NewToken(ctx context.Context, actor store.Actor, name, hash string, expires time.Time) error {
	err := r.write(ctx, actor, "", func(tx *store.Tx) error {
		if err := enrolment.CheckToken(hash, expires, tx.Now()); err != nil {
			return err
		}
		present, err := identityOf(ctx, tx, name)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO controller_token (controller, hash, expires, used_by) VALUES (?, ?, ?, '')
			ON CONFLICT (controller) DO UPDATE SET hash = excluded.hash, expires = excluded.expires, used_by = ''`,
			name, hash, store.FormatTime(expires))
		if err != nil {
			return err
		}
		return present.keep(ctx, tx, name, stepToken, expires)
	})
	if err != nil {
		return fmt.Errorf("new token: %w", err)
	}
	return nil
}

// Enroll gives a controller the key it brings, when its token is the open one, and records the certificate that issue makes. issue runs
// inside the transaction, after every check, and may run again. The same token with the same key succeeds again while it lasts: the
// answer may have been lost. A key that another controller has or had, or that was revoked, is refused.
//
// Errors: Unauthenticated "device.token" (none, or another) and "device.token_expired", Conflict "device.token_used" and "device.key_taken".
func (r *Register) Enroll(ctx context.Context, e Enrolment, issue func() (Certificate, error)) error {
	if len(e.Public) != ed25519.PublicKeySize || len(e.BoxKey) != boxKeySize {
		return fault.New(fault.Invalid, "device.public_key", "enrol: a key of another length")
	}
	public := hex.EncodeToString(e.Public)
	err := r.store.Write(ctx, controllerActor(e.Controller), "", func(tx *store.Tx) error {
		if err := useToken(ctx, tx, e, public); err != nil {
			return err
		}
		if err := keyFree(ctx, tx, e.Controller, public); err != nil {
			return err
		}
		before, err := identityOf(ctx, tx, e.Controller)
		if err != nil {
			return err
		}
		certificate, err := issue()
		if err != nil {
			return err
		}
		next := identity{State: Enrolled, PublicKey: public, KeyID: wire.KeyID(e.Public), BoxKey: hex.EncodeToString(e.BoxKey)}
		next.certified(certificate)
		if err := next.keep(ctx, tx, e.Controller, stepEnrolled, time.Time{}); err != nil {
			return err
		}
		if err := certificate.hold(ctx, tx, e.Controller); err != nil {
			return err
		}
		return r.replaced(ctx, tx, e.Controller, before, next)
	})
	if err != nil {
		return fmt.Errorf("enrol %.40q: %w", e.Controller, err)
	}
	return nil
}

// replaced follows a change of keys: another key is another box, which counts its statuses anew, and the one before is thrown out.
func (r *Register) replaced(ctx context.Context, tx *store.Tx, name string, before, next identity) error {
	tx.AfterCommit(func() { r.keys.forget(name) })
	if before.PublicKey == next.PublicKey {
		return nil
	}
	if before.State == Enrolled {
		tx.AfterCommit(func() { r.told.tell(name) })
	}
	_, err := tx.Exec(ctx, `UPDATE controller_status SET online = 0, start_n = 0, status_n = 0 WHERE controller = ?`, name)
	return err
}

func controllerActor(name string) store.Actor {
	return store.Actor{Kind: store.ActorController, ID: name}
}

// useToken checks the token and marks it used by the key.
func useToken(ctx context.Context, tx *store.Tx, e Enrolment, public string) error {
	var open enrolment.Token
	err := tx.Get(ctx, &open, `SELECT hash, expires, used_by FROM controller_token WHERE controller = ?`, e.Controller)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err := machine.MayUse(open, e.TokenHash, public, tx.Now()); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE controller_token SET used_by = ? WHERE controller = ?`, public, e.Controller)
	return err
}

// keyFree refuses a key that is or was another controller's, or was ever revoked.
func keyFree(ctx context.Context, tx *store.Tx, controller, public string) error {
	var n int64
	err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM controller_identity_version WHERE public_key = ? AND (id <> ? OR state = 'revoked')`,
		public, controller)
	if err != nil {
		return err
	}
	return machine.Free(n)
}

// Renewed records a new certificate for the key that a controller has. issue is as in Enroll. A controller without that key, or
// revoked, is Denied.
func (r *Register) Renewed(ctx context.Context, name string, public ed25519.PublicKey, issue func() (Certificate, error)) error {
	err := r.store.Write(ctx, controllerActor(name), "", func(tx *store.Tx) error {
		present, err := identityOf(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := present.is(name, public); err != nil {
			return err
		}
		certificate, err := issue()
		if err != nil {
			return err
		}
		present.certified(certificate)
		if err := present.keep(ctx, tx, name, stepRenewed, time.Time{}); err != nil {
			return err
		}
		return certificate.hold(ctx, tx, name)
	})
	if err != nil {
		return fmt.Errorf("renew the certificate of %.40q: %w", name, err)
	}
	return nil
}

// is checks that a key is the one enrolled and in force.
func (i identity) is(name string, public ed25519.PublicKey) error {
	return machine.Is(name, enrolment.Known{Enrolled: i.State == Enrolled, Revoked: i.State == Revoked, PublicKey: i.PublicKey}, public)
}

// RevokeController throws a controller out: its key is worth nothing from the commit on, an open token neither, and who listens
// (OnRevoked) cuts its connection. Needs authz.DeviceRevoke. One that is revoked already is a Conflict.
func (r *Register) RevokeController(ctx context.Context, actor store.Actor, name, reason string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("revoke controller: %w", err)
	}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.DeviceRevoke); err != nil {
			return err
		}
		present, err := identityOf(ctx, tx, name)
		if err != nil {
			return err
		}
		if present.State == Revoked {
			return fault.New(fault.Conflict, "device.already_revoked", name+" is revoked already")
		}
		present.State = Revoked
		if err := present.keep(ctx, tx, name, stepRevoked, time.Time{}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM controller_token WHERE controller = ?`, name); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.keys.forget(name); r.told.tell(name) })
		_, err = tx.Exec(ctx, `UPDATE controller_status SET online = 0 WHERE controller = ?`, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke controller: %w", err)
	}
	return nil
}
