package account_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

const goodPassword = "corect horse battery"

// bench is a register over a fresh database, with a clock the test moves.
type bench struct {
	*account.Register
	t     *testing.T
	db    *db.DB
	store *store.Store
	mu    sync.Mutex
	now   time.Time
	used  int // how often the bootstrap hook ran
}

func run(t *testing.T, fn func(b *bench)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		b := &bench{t: t, db: d, now: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)}
		var err error
		if b.store, err = store.New(d, store.Config{Origin: "kanmon.test/account", Clock: b.clock}); err != nil {
			t.Fatal(err)
		}
		b.Register = account.New(b.store, account.Config{
			Cost: account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, Clock: b.clock, BootstrapUsed: func() { b.used++ },
		})
		fn(b)
	})
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(kind fault.Kind, code string, err error) {
	b.t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		b.t.Fatalf("got %v (%v %q), want %v %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}

func (b *bench) add(id string, roles ...authz.Role) account.Account {
	b.t.Helper()
	a, err := b.Add(b.t.Context(), store.System("test"), account.Details{
		ID: id, Roles: roles, Password: account.NewPassword(goodPassword),
	})
	b.must(err)
	return a
}

func (b *bench) login(id string) account.Session {
	b.t.Helper()
	s, err := b.Login(b.t.Context(), id, account.NewPassword(goodPassword))
	b.must(err)
	return s
}

// R101-1: after set-up there is no default account; the first is made with a token that works once.
func TestTheFirstAccountNeedsTheBootstrapTokenAndEndsIt(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		password := account.NewPassword(goodPassword)
		old, ok, err := b.Bootstrap(ctx)
		b.must(err)
		if !ok {
			b.t.Fatal("no token for an empty register")
		}
		token, _, err := b.Bootstrap(ctx)
		b.must(err)

		_, err = b.Setup(ctx, old, "admin", password)
		b.want(fault.Unauthenticated, "account.bootstrap", err)
		_, err = b.Setup(ctx, account.Token{}, "admin", password)
		b.want(fault.Unauthenticated, "account.bootstrap", err)
		_, err = b.Setup(ctx, token, "admin", account.NewPassword("short"))
		b.want(fault.Invalid, "account.password_length", err)

		a, err := b.Setup(ctx, token, "yamada", password)
		b.must(err)
		if a.ID != "yamada" || a.N != 1 || len(a.Roles) != 1 || a.Roles[0] != authz.SystemManager || a.MustChange {
			b.t.Fatalf("first account: %+v", a)
		}
		if b.used != 1 {
			b.t.Fatalf("bootstrap hook ran %d times", b.used)
		}
		_, err = b.Setup(ctx, token, "second", password)
		b.want(fault.Unauthenticated, "account.bootstrap", err)
		if _, ok, err = b.Bootstrap(ctx); err != nil || ok {
			b.t.Fatalf("token with an account in the register: %v %v", ok, err)
		}
		b.login("yamada")
	})
}

// R101-1: the ledger of rights names who holds which right and since when.
func TestEveryChangeOfRightsIsAVersionWithItsAuthor(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		boss := b.add("boss", authz.SystemManager)
		b.add("taro", authz.Operator)
		b.wait(time.Hour)
		a, err := b.SetRoles(ctx, boss.Actor(), "taro", []authz.Role{authz.Guard, authz.Auditor, authz.Guard})
		b.must(err)
		if a.N != 2 || fmt.Sprint(a.Roles) != "[auditor guard]" || !a.At.Equal(b.clock()) {
			b.t.Fatalf("after the change: %+v", a)
		}
		type row struct {
			N                int64
			At, Actor, Roles string
		}
		var rows []row
		b.must(b.store.Read(ctx, func(q store.Queryer) error {
			return q.Select(ctx, &rows, `SELECT n, at, actor, roles FROM account_version WHERE id = ? ORDER BY n`, "taro")
		}))
		want := []row{
			{1, "2027-04-01T00:00:00.000000Z", "system:test", "operator"},
			{2, "2027-04-01T01:00:00.000000Z", "account:boss", "auditor guard"},
		}
		if fmt.Sprint(rows) != fmt.Sprint(want) {
			b.t.Fatalf("history %v, want %v", rows, want)
		}
		got, err := b.Get(ctx, "taro")
		b.must(err)
		if got.N != 2 {
			b.t.Fatalf("newest is %d", got.N)
		}
	})
}

// R101-1: only a system manager gives rights, and never to nobody.
func TestOnlyAManagerChangesAccountsAndTheLastOneStays(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		boss := b.add("boss", authz.SystemManager)
		taro := b.add("taro", authz.Operator)

		_, err := b.SetRoles(ctx, taro.Actor(), "taro", []authz.Role{authz.SystemManager})
		b.want(fault.Denied, "auth.denied", err)
		_, err = b.Add(ctx, taro.Actor(), account.Details{ID: "friend", Roles: []authz.Role{authz.Guard}, Password: account.NewPassword(goodPassword)})
		b.want(fault.Denied, "auth.denied", err)
		b.want(fault.Denied, "auth.denied", b.ResetPassword(ctx, taro.Actor(), "boss", account.NewPassword(goodPassword+"!")))

		_, err = b.Disable(ctx, boss.Actor(), "boss")
		b.want(fault.Conflict, "account.last_manager", err)
		_, err = b.SetRoles(ctx, boss.Actor(), "boss", []authz.Role{authz.Auditor})
		b.want(fault.Conflict, "account.last_manager", err)
		_, err = b.SetRoles(ctx, boss.Actor(), "taro", []authz.Role{authz.System})
		b.want(fault.Invalid, "account.role", err)
		_, err = b.SetRoles(ctx, boss.Actor(), "taro", nil)
		b.want(fault.Invalid, "account.no_role", err)
		_, err = b.SetRoles(ctx, boss.Actor(), "nobody", []authz.Role{authz.Guard})
		b.want(fault.NotFound, "db.not_found", err)

		b.add("deputy", authz.SystemManager)
		_, err = b.Disable(ctx, boss.Actor(), "boss")
		b.must(err)
	})
}

func TestAnAccountIsAddedOnceAndInForm(t *testing.T) {
	run(t, func(b *bench) {
		b.add("taro", authz.Guard)
		for _, c := range []struct {
			id, password, code string
			kind               fault.Kind
		}{
			{"taro", goodPassword, "account.exists", fault.Conflict},
			{"Taro", goodPassword, "account.login", fault.Invalid},
			{"t", goodPassword, "account.login", fault.Invalid},
			{"' or 1=1--", goodPassword, "account.login", fault.Invalid},
			{strings.Repeat("a", 65), goodPassword, "account.login", fault.Invalid},
			{"jiro", "elevenchars", "account.password_length", fault.Invalid},
		} {
			_, err := b.Add(b.t.Context(), store.System("test"), account.Details{
				ID: c.id, Roles: []authz.Role{authz.Guard}, Password: account.NewPassword(c.password),
			})
			b.want(c.kind, c.code, err)
		}
		all, err := b.List(b.t.Context())
		b.must(err)
		if len(all) != 1 || all[0].ID != "taro" {
			b.t.Fatalf("register: %+v", all)
		}
	})
}

// Both databases refuse a member of staff out of form alike; a NUL is a value one of them cannot keep.
func TestTheHolderOfAnAccountIsNamedInForm(t *testing.T) {
	run(t, func(b *bench) {
		for _, staff := range []string{"1001\x00", "\u202e1001", strings.Repeat("1", 33), "1001\n", "\xff"} {
			_, err := b.Add(b.t.Context(), store.System("test"), account.Details{
				ID: "taro", Staff: staff, Roles: []authz.Role{authz.Guard}, Password: account.NewPassword(goodPassword),
			})
			b.want(fault.Invalid, "field.id", err)
		}
	})
}

// A password hash swapped in the database itself lets nobody in: the ledger-bound version holds its digest.
func TestASwappedPasswordHashLogsNobodyIn(t *testing.T) {
	run(t, func(b *bench) {
		b.add("boss", authz.SystemManager)
		b.add("thief", authz.Guard)
		dbtest.Attack(b.t, b.db, `UPDATE account_password SET phc = (SELECT phc FROM account_password WHERE id = 'thief') WHERE id = 'boss'`)
		_, err := b.Login(b.t.Context(), "boss", account.NewPassword(goodPassword))
		b.want(fault.Unauthenticated, "auth.login", err)
		b.login("thief")
	})
}

// R79-1: passwords and tokens cannot be printed, logged or marshalled.
func TestSecretsCannotBePrinted(t *testing.T) {
	const text = "zx-secret-zx"
	type around struct {
		password account.Password
		token    account.Token
	}
	secrets := []any{
		account.NewPassword(text), account.ParseToken(text),
		account.Session{Token: account.ParseToken(text)},
		around{account.NewPassword(text), account.ParseToken(text)},
	}
	for _, s := range secrets {
		j, _ := json.Marshal(s)
		for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%q", s), string(j)} {
			if strings.Contains(printed, text) {
				t.Errorf("%T is printed: %s", s, printed)
			}
		}
	}
}
