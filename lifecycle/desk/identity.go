package desk

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
)

// TokenTime is the longest a token may be good.
const TokenTime = enrolment.TokenTime

var machine = enrolment.Machine{Codes: "desk", Word: "desk"}

// NewToken opens a desk to one enrolment until expires, at most TokenTime from now, in place of any token before. hash is that of the token, which
// the register never sees. Needs authz.DeviceWrite.
func (r *Register) NewToken(ctx context.Context, actor store.Actor, name, hash string, expires time.Time) error {
	return r.write(ctx, actor, "new token", "", func(tx *store.Tx) error {
		if err := enrolment.CheckToken(hash, expires, tx.Now()); err != nil {
			return err
		}
		present, err := keptOf(ctx, tx, name)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO desk_token (desk, hash, expires, used_by) VALUES (?, ?, ?, '')
			ON CONFLICT (desk) DO UPDATE SET hash = excluded.hash, expires = excluded.expires, used_by = ''`,
			name, hash, store.FormatTime(expires))
		if err != nil {
			return err
		}
		return present.step(ctx, tx, name, stepToken, expires)
	})
}

// Enroll gives a desk the key it brings, when its token is the open one, and records the certificate that issue makes. issue runs inside the
// transaction, after every check, and may run again. The same token with the same key succeeds again while it lasts: the answer may have been
// lost. A key that another desk has or had, or that was revoked, is refused.
//
// Errors: Unauthenticated "desk.token" (none, or another) and "desk.token_expired", Conflict "desk.token_used" and "desk.key_taken".
func (r *Register) Enroll(ctx context.Context, e Enrolment, issue func() (Certificate, error)) error {
	if len(e.Public) != ed25519.PublicKeySize {
		return fault.New(fault.Invalid, "device.public_key", "enrol: a key of another length")
	}
	public := hex.EncodeToString(e.Public)
	err := r.store.Write(ctx, actorOf(e.Desk), "", func(tx *store.Tx) error {
		if err := useToken(ctx, tx, e, public); err != nil {
			return err
		}
		if err := keyFree(ctx, tx, e.Desk, public); err != nil {
			return err
		}
		next, err := keptOf(ctx, tx, e.Desk)
		if err != nil {
			return err
		}
		certificate, err := issue()
		if err != nil {
			return err
		}
		next.State, next.PublicKey, next.KeyID = Enrolled, public, wire.KeyID(e.Public)
		next.certified(certificate)
		return next.step(ctx, tx, e.Desk, stepEnrolled, time.Time{})
	})
	if err != nil {
		return fmt.Errorf("enrol desk %.40q: %w", e.Desk, err)
	}
	return nil
}

// useToken checks the token and marks it used by the key.
func useToken(ctx context.Context, tx *store.Tx, e Enrolment, public string) error {
	var open enrolment.Token
	err := tx.Get(ctx, &open, `SELECT hash, expires, used_by FROM desk_token WHERE desk = ?`, e.Desk)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err := machine.MayUse(open, e.TokenHash, public, tx.Now()); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE desk_token SET used_by = ? WHERE desk = ?`, public, e.Desk)
	return err
}

// keyFree refuses a key that is or was another desk's, or was ever revoked.
func keyFree(ctx context.Context, tx *store.Tx, name, public string) error {
	var n int64
	err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM desk_version WHERE public_key = ? AND (id <> ? OR state = 'revoked')`, public, name)
	if err != nil {
		return err
	}
	return machine.Free(n)
}

// Renewed records a new certificate for the key that a desk has. issue is as in Enroll. Errors as of Peer.
func (r *Register) Renewed(ctx context.Context, name string, public ed25519.PublicKey, issue func() (Certificate, error)) error {
	err := r.store.Write(ctx, actorOf(name), "", func(tx *store.Tx) error {
		present, err := keptOf(ctx, tx, name)
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
		return present.step(ctx, tx, name, stepRenewed, time.Time{})
	})
	if err != nil {
		return fmt.Errorf("renew the certificate of desk %.40q: %w", name, err)
	}
	return nil
}

// is checks that a key is the one enrolled and in force.
func (k kept) is(name string, public ed25519.PublicKey) error {
	return machine.Is(name, enrolment.Known{Enrolled: k.State == Enrolled, Revoked: k.State == Revoked, PublicKey: k.PublicKey}, public)
}

// Peer returns the desk that is enrolled with the key, which the caller has seen proved (a TLS handshake). Errors: NotFound for one nobody entered,
// Denied "desk.not_enrolled", "desk.revoked" or "desk.other_key". It has no actor: it is how a desk becomes one.
func (r *Register) Peer(ctx context.Context, name string, public ed25519.PublicKey) (Desk, error) {
	var d Desk
	err := r.store.Read(ctx, func(q store.Queryer) error {
		present, err := keptOf(ctx, q, name)
		if err != nil {
			return err
		}
		if err := present.is(name, public); err != nil {
			return err
		}
		d, err = get(ctx, q, name)
		return err
	})
	if err != nil {
		return Desk{}, fmt.Errorf("desk %.40q: %w", name, err)
	}
	return d, nil
}

// Revoke throws a desk out: its key is worth nothing from the commit on, an open token neither; what lay in its reader is not watched any more. Needs
// authz.DeviceRevoke. One that is revoked already is a Conflict "desk.already_revoked".
func (r *Register) Revoke(ctx context.Context, actor store.Actor, name, reason string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("revoke desk: %w", err)
	}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.DeviceRevoke); err != nil {
			return err
		}
		present, err := keptOf(ctx, tx, name)
		if err != nil {
			return err
		}
		if present.State == Revoked {
			return fault.New(fault.Conflict, "desk.already_revoked", name+" is revoked already")
		}
		present.State = Revoked
		if err := present.step(ctx, tx, name, stepRevoked, time.Time{}); err != nil {
			return err
		}
		for _, table := range []string{`DELETE FROM desk_token WHERE desk = ?`, `DELETE FROM desk_stay WHERE desk = ?`} {
			if _, err := tx.Exec(ctx, table, name); err != nil {
				return err
			}
		}
		return r.alarms.CardTaken(ctx, tx, name)
	})
	if err != nil {
		return fmt.Errorf("revoke desk: %w", err)
	}
	return nil
}
