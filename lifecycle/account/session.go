package account

import (
	"context"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Limits of a session (NIST SP 800-63B-4, AAL2).
const (
	IdleLimit     = 30 * time.Minute
	AbsoluteLimit = 12 * time.Hour
	seenStep      = time.Minute // a session's last use is written down at most this often
)

// Session is a log-in in force.
type Session struct {
	Account Account
	Token   Token
	Made    time.Time
	Ends    time.Time // at the latest; IdleLimit without a request ends it earlier
}

type sessionRow struct {
	Account string `db:"account"`
	Made    string `db:"made_at"`
	Seen    string `db:"seen_at"`
}

var errNoSession = fault.New(fault.Unauthenticated, "auth.session", "no such session, or it ended")

// Resume finds the session of a token and the account as it stands now. A session that ended, or whose account
// is disabled, is fault.Unauthenticated.
func (r *Register) Resume(ctx context.Context, t Token) (Session, error) {
	var row sessionRow
	s := Session{Token: t}
	err := r.store.Read(ctx, func(q store.Queryer) error {
		err := q.Get(ctx, &row, `SELECT account, made_at, seen_at FROM account_session WHERE hash = ?`, t.hash())
		if err != nil {
			return gone(err)
		}
		s.Account, _, err = load(ctx, q, row.Account)
		return gone(err)
	})
	if err != nil {
		return Session{}, err
	}
	seen, err := row.times(&s)
	if err != nil {
		return Session{}, err
	}
	now := r.clock()
	if s.Account.State != Active || !now.Before(s.Ends) || !now.Before(seen.Add(IdleLimit)) {
		return Session{}, errNoSession
	}
	if now.Sub(seen) >= seenStep {
		err = r.touch(ctx, t)
	}
	return s, err
}

// gone turns "no such row" into "no session"; any other error stays what it is.
func gone(err error) error {
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return errNoSession
	}
	return err
}

func (row sessionRow) times(s *Session) (seen time.Time, err error) {
	if s.Made, err = time.Parse(timeForm, row.Made); err == nil {
		seen, err = time.Parse(timeForm, row.Seen)
	}
	s.Ends = s.Made.Add(AbsoluteLimit)
	return seen, fault.Wrap(fault.Internal, err, "read session times")
}

func (r *Register) touch(ctx context.Context, t Token) error {
	return r.store.WriteDerived(ctx, "session used", func(tx *store.Tx) error {
		return exec(ctx, tx, `UPDATE account_session SET seen_at = ? WHERE hash = ?`, stamp(r.clock()), t.hash())
	})
}

// Logout ends a session. Ending one that is not there is no error.
func (r *Register) Logout(ctx context.Context, t Token) error {
	return r.store.WriteDerived(ctx, "log-out", func(tx *store.Tx) error {
		return exec(ctx, tx, `DELETE FROM account_session WHERE hash = ?`, t.hash())
	})
}

// openSession makes a session and clears away those that ended.
func (r *Register) openSession(ctx context.Context, tx *store.Tx, a Account) (Session, error) {
	now := r.clock().Truncate(time.Microsecond) // as it is stored
	s := Session{Account: a, Token: NewToken(), Made: now, Ends: now.Add(AbsoluteLimit)}
	err := exec(ctx, tx, `DELETE FROM account_session WHERE made_at <= ? OR seen_at <= ?`,
		stamp(now.Add(-AbsoluteLimit)), stamp(now.Add(-IdleLimit)))
	if err != nil {
		return Session{}, err
	}
	err = exec(ctx, tx, `INSERT INTO account_session (hash, account, made_at, seen_at) VALUES (?, ?, ?, ?)`,
		s.Token.hash(), a.ID, stamp(now), stamp(now))
	return s, err
}

func endSessions(ctx context.Context, tx *store.Tx, id string) error {
	return exec(ctx, tx, `DELETE FROM account_session WHERE account = ?`, id)
}
