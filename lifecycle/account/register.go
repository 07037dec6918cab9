package account

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Config sets up a Register. The zero value of each field is usable.
type Config struct {
	Cost  Cost             // of new password hashes; zero: DefaultCost
	Clock func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: nothing is logged
	// BootstrapUsed runs after the first account was created: the file with the token can go.
	BootstrapUsed func()
}

// Register is the register of accounts. It is safe for use by many goroutines.
type Register struct {
	store         *store.Store
	hasher        *hasher
	clock         func() time.Time
	log           *slog.Logger
	bootstrapUsed func()
	logins, again *way   // of strangers, and of who is logged in
	places        []byte // key of the places that names without an account share
}

// New opens the register over a migrated store.
func New(s *store.Store, cfg Config) *Register {
	if cfg.Cost == (Cost{}) {
		cfg.Cost = DefaultCost()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.BootstrapUsed == nil {
		cfg.BootstrapUsed = func() {}
	}
	h := newHasher(cfg.Cost)
	return &Register{
		store: s, hasher: h, clock: cfg.Clock, log: cfg.Log, bootstrapUsed: cfg.BootstrapUsed,
		logins: newWay("", h.apart()), again: newWay("re:", h), places: []byte(rand.Text()),
	}
}

// Add creates an account. Needs authz.AccountWrite.
func (r *Register) Add(ctx context.Context, actor store.Actor, n Details) (Account, error) {
	if err := n.check(); err != nil {
		return Account{}, err
	}
	phc, err := r.hasher.hash(ctx, n.Password)
	if err != nil {
		return Account{}, err
	}
	var made Account
	err = r.store.Write(ctx, actor, "account added", func(tx *store.Tx) error {
		if err := actor.May(authz.AccountWrite); err != nil {
			return err
		}
		if taken, err := exists(ctx, tx, n.ID); err != nil || taken {
			return conflictIf(taken, err)
		}
		made = Account{ID: n.ID, Staff: n.Staff, Roles: n.Roles, State: Active, MustChange: n.Temporary}
		made, err = save(ctx, tx, made, phc)
		return err
	})
	return made, err
}

func conflictIf(taken bool, err error) error {
	if err != nil || !taken {
		return err
	}
	return fault.New(fault.Conflict, "account.exists", "login name taken")
}

// SetRoles changes what an account may do; its sessions see it at their next request. Needs authz.AccountWrite.
func (r *Register) SetRoles(ctx context.Context, actor store.Actor, id string, roles []authz.Role) (Account, error) {
	if err := checkRoles(roles); err != nil {
		return Account{}, err
	}
	return r.change(ctx, actor, id, "roles changed", func(a *Account) { a.Roles = roles })
}

// Disable ends an account: its sessions are dead at once. Needs authz.AccountWrite.
func (r *Register) Disable(ctx context.Context, actor store.Actor, id string) (Account, error) {
	return r.change(ctx, actor, id, "account disabled", func(a *Account) { a.State = Disabled })
}

// Enable lets a disabled account log in again. Needs authz.AccountWrite.
func (r *Register) Enable(ctx context.Context, actor store.Actor, id string) (Account, error) {
	return r.change(ctx, actor, id, "account enabled", func(a *Account) { a.State = Active })
}

// change makes the next version of an account. The last active account that can manage accounts stays.
func (r *Register) change(ctx context.Context, actor store.Actor, id, reason string, alter func(*Account)) (Account, error) {
	var now Account
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.AccountWrite); err != nil {
			return err
		}
		was, secret, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		next := was
		alter(&next)
		if manages(was) && !manages(next) {
			if err := anotherManager(ctx, tx, id); err != nil {
				return err
			}
		}
		if next.State == Disabled {
			if err := endSessions(ctx, tx, id); err != nil {
				return err
			}
		}
		now, err = save(ctx, tx, next, secret.phc)
		return err
	})
	return now, err
}

func manages(a Account) bool { return a.State == Active && authz.Allowed(a.Roles, authz.AccountWrite) }

func anotherManager(ctx context.Context, q store.Queryer, id string) error {
	all, err := list(ctx, q)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.ID != id && manages(a) {
			return nil
		}
	}
	return fault.New(fault.Conflict, "account.last_manager", "the last account that can manage accounts")
}

// Get returns one account.
func (r *Register) Get(ctx context.Context, id string) (Account, error) {
	var a Account
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		a, _, err = load(ctx, q, id)
		return err
	})
	return a, err
}

// OfStaff returns the login names of the active accounts that belong to a member of staff, in order, in the transaction of another register.
func OfStaff(ctx context.Context, q store.Queryer, member string) ([]string, error) {
	all, err := list(ctx, q)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range all {
		if a.State == Active && a.Staff == member && member != "" {
			names = append(names, a.ID)
		}
	}
	return names, nil
}

// Holders returns the login names of the active accounts that hold at least one of the roles, in order, in the transaction of another register.
func Holders(ctx context.Context, q store.Queryer, roles ...authz.Role) ([]string, error) {
	all, err := list(ctx, q)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range all {
		if a.State == Active && slices.ContainsFunc(a.Roles, func(r authz.Role) bool { return slices.Contains(roles, r) }) {
			names = append(names, a.ID)
		}
	}
	return names, nil
}

// List returns every account, by login name.
func (r *Register) List(ctx context.Context) ([]Account, error) {
	var all []Account
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		all, err = list(ctx, q)
		return err
	})
	return all, err
}
