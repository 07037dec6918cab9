package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Three wrong passwords are free; from the fourth on the next attempt must wait 1 s, 2 s, 4 s … at most
// maxWait, so that nobody can lock a colleague out for long.
const (
	freeFailures = 3
	maxWait      = 5 * time.Minute
	forget       = 24 * time.Hour // without a failure
)

// wait is how long after the failures-th failure in a row the next attempt is refused.
func wait(failures int64) time.Duration {
	if failures <= freeFailures {
		return 0
	}
	if failures > freeFailures+12 {
		return maxWait
	}
	return min(time.Second<<(failures-freeFailures-1), maxWait)
}

// TooSoonError says that an attempt came before its wait was over.
type TooSoonError struct{ Wait time.Duration }

// Error implements error.
func (TooSoonError) Error() string { return "log-in attempt before its wait was over" }

// RetryAfter is how long to wait.
func (e TooSoonError) RetryAfter() time.Duration { return e.Wait }

// maxAttempts is how many attempts of one way are looked at together. Each writes, and there is one writer: a flood of them must not
// queue up there before the events of the doors.
const maxAttempts = 4

// noID stands for every name that cannot be a login name.
const noID = "?"

var errLogin = fault.New(fault.Unauthenticated, "auth.login", "log-in refused")

// Login opens a session. A wrong password, an unknown name and a disabled account are the same
// fault.Unauthenticated after the same work; an attempt before its wait is over is fault.TooMany.
func (r *Register) Login(ctx context.Context, id string, p Password) (Session, error) {
	if !ValidID(id) {
		id = noID // bytes a database may refuse do not reach it
	}
	a, err := r.prove(ctx, r.logins, id, p)
	if err != nil {
		return Session{}, err
	}
	var s Session
	err = r.store.WriteDerived(ctx, "log-in", func(tx *store.Tx) error {
		now, _, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if now.N != a.N {
			return errLogin // changed while the password was being checked
		}
		s, err = r.openSession(ctx, tx, now)
		return err
	})
	return s, err
}

// CheckPassword asks somebody who is logged in for the password again, before what must not be done from a screen that was left alone.
// Attempts wait as those of log-ins do (fault.TooMany), and are counted apart: a stranger can make log-ins fail. A wrong password is Denied
// "auth.password" about the field password.
func (r *Register) CheckPassword(ctx context.Context, id string, p Password) error {
	_, err := r.prove(ctx, r.again, id, p)
	if errors.Is(err, errLogin) {
		wrong := fault.New(fault.Denied, "auth.password", "not the account's password")
		wrong.Field = "password"
		return wrong
	}
	return err
}

// prove checks a password under the rules for attempts and returns the account as it stood.
func (r *Register) prove(ctx context.Context, w *way, id string, p Password) (Account, error) {
	if err := w.enter(ctx); err != nil {
		return Account{}, err
	}
	defer w.leave()
	place, err := r.begin(ctx, w, id)
	if err != nil {
		return Account{}, err
	}
	a, s, err := r.candidate(ctx, id)
	if err != nil {
		return Account{}, err
	}
	ok, err := w.hasher.matches(ctx, p, s.phc)
	if err != nil {
		return Account{}, fault.Wrap(fault.Unavailable, err, "check password")
	}
	if !ok || a.State != Active {
		r.log.LogAttrs(ctx, slog.LevelWarn, "log-in refused")
		return Account{}, errLogin
	}
	return a, r.store.WriteDerived(ctx, "log-in proved", func(tx *store.Tx) error {
		return exec(ctx, tx, `DELETE FROM account_attempt WHERE name = ?`, place)
	})
}

// candidate is the account of that name, or a zero one whose empty hash costs the same to check.
func (r *Register) candidate(ctx context.Context, id string) (a Account, s secret, err error) {
	err = r.store.Read(ctx, func(q store.Queryer) error {
		a, s, err = load(ctx, q, id)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	})
	return a, s, err
}

type attempt struct {
	Failures int64  `db:"failures"`
	Until    string `db:"until"`
}

// begin counts the attempt as failed before the password is looked at, so that a thousand at once are counted
// one by one; success clears the count. It returns the place where this name's failures are counted.
func (r *Register) begin(ctx context.Context, w *way, id string) (place string, err error) {
	now := r.clock()
	err = r.store.WriteDerived(ctx, "log-in attempt", func(tx *store.Tx) error {
		if place, err = r.placeOf(ctx, tx, id); err != nil {
			return err
		}
		place = w.mark + place
		old, err := failures(ctx, tx, place, now)
		if err != nil {
			return err
		}
		if until, err := time.Parse(timeForm, old.Until); err == nil && now.Before(until) {
			return fault.Wrap(fault.TooMany, TooSoonError{Wait: until.Sub(now)}, "log in")
		}
		n := old.Failures + 1
		return exec(ctx, tx, `INSERT INTO account_attempt (name, failures, until, at) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, until = excluded.until, at = excluded.at`,
			place, n, stamp(now.Add(wait(n))), stamp(now))
	})
	return place, err
}

// placeOf is the account's own place, or for a name without an account one of 65,536 that such names share:
// guessing names cannot fill the table. Which names share one only this process knows: who knew two that do could
// tell by the wait of one after failures of the other that neither has an account.
func (r *Register) placeOf(ctx context.Context, q store.Queryer, id string) (string, error) {
	there, err := exists(ctx, q, id)
	if there || err != nil {
		return id, err
	}
	h := hmac.New(sha256.New, r.places)
	h.Write([]byte(id))
	return "?" + hex.EncodeToString(h.Sum(nil)[:2]), nil
}

func failures(ctx context.Context, q store.Queryer, place string, now time.Time) (attempt, error) {
	var old []attempt
	err := q.Select(ctx, &old, `SELECT failures, until FROM account_attempt WHERE name = ? AND at > ?`,
		place, stamp(now.Add(-forget)))
	if err != nil || len(old) == 0 {
		return attempt{}, err
	}
	return old[0], nil
}
