package account_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// R104-1: a wrong password and an unknown name are told apart by nothing in the answer.
func TestWrongPasswordUnknownNameAndDisabledAccountAreTheSameError(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		boss := b.add("boss", authz.SystemManager)
		b.add("gone", authz.Guard)
		_, err := b.Disable(ctx, boss.Actor(), "gone")
		b.must(err)

		var texts []string
		for id, password := range map[string]string{
			"boss": "wrong password 1", "nobody": goodPassword, "gone": goodPassword, "": "", "' or 1=1--\x00": goodPassword,
		} {
			_, err := b.Login(ctx, id, account.NewPassword(password))
			b.want(fault.Unauthenticated, "auth.login", err)
			texts = append(texts, err.Error())
		}
		for _, text := range texts {
			if text != texts[0] {
				b.t.Errorf("answers differ: %q and %q", text, texts[0])
			}
		}
	})
}

// R104-1, R105-1: who is logged in can be asked again; guessing waits as at a log-in, and a right answer opens no session.
func TestAPasswordIsAskedForAgain(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		b.add("boss", authz.SystemManager)
		for range 4 {
			b.must(b.CheckPassword(ctx, "boss", account.NewPassword(goodPassword)))
		}
		for range 4 {
			b.want(fault.Denied, "auth.password", b.CheckPassword(ctx, "boss", account.NewPassword("wrong password 1")))
		}
		b.want(fault.TooMany, "", b.CheckPassword(ctx, "boss", account.NewPassword(goodPassword)))
		b.login("boss") // a right log-in says nothing for who sits at the open screen
		b.want(fault.TooMany, "", b.CheckPassword(ctx, "boss", account.NewPassword(goodPassword)))
	})
}

// R104-1: whoever knows a name can make its log-in wait, and not the one who is logged in already and has a door to release.
func TestAStrangersGuessesDoNotStopWhoIsLoggedIn(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		b.add("boss", authz.SystemManager)
		s := b.login("boss")
		for range 4 {
			_, err := b.Login(ctx, "boss", account.NewPassword("wrong password 1"))
			b.want(fault.Unauthenticated, "auth.login", err)
		}
		_, err := b.Login(ctx, "boss", account.NewPassword(goodPassword))
		b.want(fault.TooMany, "", err)
		b.must(b.CheckPassword(ctx, "boss", account.NewPassword(goodPassword)))
		_, err = b.Login(ctx, "boss", account.NewPassword(goodPassword))
		b.want(fault.TooMany, "", err) // it waits as before
		_, err = b.ChangePassword(ctx, s, account.NewPassword(goodPassword), account.NewPassword("another long phrase"))
		b.must(err)
	})
}

// R104-1: an unknown name takes as long as a wrong password. Without the work for nothing it would be a
// hundred times faster; half is far from both.
func TestAnUnknownNameTakesAsLongAsAWrongPassword(t *testing.T) {
	s, err := store.New(dbtest.SQLite(t), store.Config{Origin: "kanmon.test/account"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	r := account.New(s, account.Config{
		Cost: account.Cost{MemoryKiB: 16 << 10, Passes: 2, Lanes: 1}, Clock: func() time.Time { return now },
	})
	_, err = r.Add(t.Context(), store.System("test"), account.Details{
		ID: "boss", Roles: []authz.Role{authz.SystemManager}, Password: account.NewPassword(goodPassword),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The least of several in turn: another program can make an attempt slower, never faster.
	least := map[string]time.Duration{}
	for range 9 {
		for _, id := range []string{"boss", "nobody", "' or 1=1"} {
			now = now.Add(time.Hour)
			began := time.Now()
			if _, err := r.Login(t.Context(), id, account.NewPassword("wrong password 1")); fault.CodeOf(err) != "auth.login" {
				t.Fatal(err)
			}
			if took := time.Since(began); least[id] == 0 || took < least[id] {
				least[id] = took
			}
		}
	}
	known, unknown, impossible := least["boss"], least["nobody"], least["' or 1=1"]
	t.Logf("wrong password %v, unknown name %v, impossible name %v", known, unknown, impossible)
	if unknown < known/2 || impossible < known/2 {
		t.Errorf("wrong password %v, unknown name %v, impossible name %v", known, unknown, impossible)
	}
}

// R104-1: from the fourth wrong password on the next attempt waits, longer each time; for names that do not
// exist as well.
func TestFailuresMakeTheNextAttemptWait(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		b.add("boss", authz.SystemManager)
		wrong := account.NewPassword("wrong password 1")
		for _, id := range []string{"boss", "nobody"} {
			for range 3 {
				_, err := b.Login(ctx, id, wrong)
				b.want(fault.Unauthenticated, "auth.login", err)
			}
			for _, wait := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
				if wait > 0 {
					b.wait(wait - time.Microsecond)
					_, err := b.Login(ctx, id, account.NewPassword(goodPassword)) // even the right one
					b.want(fault.TooMany, "", err)
					if soon, ok := errors.AsType[account.TooSoonError](err); !ok || soon.Wait != time.Microsecond {
						b.t.Fatalf("%s: wait %v", id, soon.Wait)
					}
					b.wait(time.Microsecond)
				}
				_, err := b.Login(ctx, id, wrong)
				b.want(fault.Unauthenticated, "auth.login", err)
			}
		}
		b.wait(5 * time.Minute) // the longest wait: nobody is locked out for good
		b.login("boss")
		_, err := b.Login(ctx, "boss", wrong) // success cleared the count
		b.want(fault.Unauthenticated, "auth.login", err)
		b.login("boss")
	})
}

// R104-1: names without an account share the places where failures are counted. Were it known which do, the wait of
// one after failures of the other would tell that neither has an account; by SHA-256 alone anybody can find a pair.
func TestFailuresOfOneNameSayNothingAboutAnother(t *testing.T) {
	run(t, func(b *bench) {
		ctx, wrong := b.t.Context(), account.NewPassword("wrong password 1")
		start := func(name string) [2]byte {
			sum := sha256.Sum256([]byte(name))
			return [2]byte(sum[:2])
		}
		other := "guess0"
		for i := 1; start(other) != start("nobody"); i++ {
			other = fmt.Sprint("guess", i)
		}
		for range 4 {
			_, err := b.Login(ctx, "nobody", wrong)
			b.want(fault.Unauthenticated, "auth.login", err)
		}
		_, err := b.Login(ctx, other, wrong)
		b.want(fault.Unauthenticated, "auth.login", err)
	})
}

// R104-1: attempts made at the same time are counted one by one.
func TestParallelGuessesAreCounted(t *testing.T) {
	run(t, func(b *bench) {
		b.add("boss", authz.SystemManager)
		var group sync.WaitGroup
		var mu sync.Mutex
		kinds := map[fault.Kind]int{}
		for range 20 {
			group.Go(func() {
				_, err := b.Login(b.t.Context(), "boss", account.NewPassword("wrong password 1"))
				mu.Lock()
				defer mu.Unlock()
				kinds[fault.KindOf(err)]++
			})
		}
		group.Wait()
		if kinds[fault.Unauthenticated] != 4 || kinds[fault.TooMany] != 16 {
			b.t.Fatalf("outcomes %v, want 4 looked at and 16 turned away", kinds)
		}
	})
}

// R104-1: a session ends 30 minutes after its last use and 12 hours after it was made.
func TestSessionsTimeOut(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		b.add("boss", authz.SystemManager)
		idle, busy := b.login("boss"), b.login("boss")
		b.wait(29 * time.Minute)
		_, err := b.Resume(ctx, busy.Token)
		b.must(err)
		b.wait(time.Minute)
		_, err = b.Resume(ctx, idle.Token)
		b.want(fault.Unauthenticated, "auth.session", err)
		for range 24 {
			_, err = b.Resume(ctx, busy.Token)
			b.must(err)
			b.wait(28 * time.Minute)
		}
		// 30 min + 24 × 28 min = 11 h 42 min
		_, err = b.Resume(ctx, busy.Token)
		b.must(err)
		b.wait(18 * time.Minute)
		_, err = b.Resume(ctx, busy.Token)
		b.want(fault.Unauthenticated, "auth.session", err)
	})
}

func TestASessionEndsAtLogOut(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		b.add("boss", authz.SystemManager)
		s, other := b.login("boss"), b.login("boss")
		b.must(b.Logout(ctx, s.Token))
		_, err := b.Resume(ctx, s.Token)
		b.want(fault.Unauthenticated, "auth.session", err)
		_, err = b.Resume(ctx, account.Token{})
		b.want(fault.Unauthenticated, "auth.session", err)
		_, err = b.Resume(ctx, other.Token)
		b.must(err)
		b.must(b.Logout(ctx, s.Token))
	})
}

// R101-1: taking rights away and disabling an account act at the next request of its sessions.
func TestASessionFollowsItsAccountAtOnce(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		boss := b.add("boss", authz.SystemManager)
		b.add("taro", authz.Operator)
		s := b.login("taro")
		_, err := b.SetRoles(ctx, boss.Actor(), "taro", []authz.Role{authz.Guard})
		b.must(err)
		now, err := b.Resume(ctx, s.Token)
		b.must(err)
		if len(now.Account.Roles) != 1 || now.Account.Roles[0] != authz.Guard {
			b.t.Fatalf("session still has %v", now.Account.Roles)
		}
		_, err = b.Disable(ctx, boss.Actor(), "taro")
		b.must(err)
		_, err = b.Resume(ctx, s.Token)
		b.want(fault.Unauthenticated, "auth.session", err)
		hash := sha256.Sum256([]byte("left over"))
		dbtest.Attack(b.t, b.db, fmt.Sprintf(`INSERT INTO account_session (hash, account, made_at, seen_at)
VALUES ('%x', 'taro', '2027-04-01T00:00:00.000000Z', '2027-04-01T00:00:00.000000Z')`, hash))
		_, err = b.Resume(ctx, account.ParseToken("left over"))
		b.want(fault.Unauthenticated, "auth.session", err) // even one that should have been deleted
		_, err = b.Enable(ctx, boss.Actor(), "taro")
		b.must(err)
		_, err = b.Resume(ctx, s.Token)
		b.want(fault.Unauthenticated, "auth.session", err) // the old session stays dead
		b.login("taro")
	})
}

// R79-1: a password somebody else chose is changed at the first log-in, and the old sessions end.
func TestChangingAPassword(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		fresh := account.NewPassword("another long phrase")
		_, err := b.Add(ctx, store.System("test"), account.Details{
			ID: "taro", Roles: []authz.Role{authz.Guard}, Password: account.NewPassword(goodPassword), Temporary: true,
		})
		b.must(err)
		s, other := b.login("taro"), b.login("taro")
		if !s.Account.MustChange {
			b.t.Fatal("a temporary password need not be changed")
		}
		_, err = b.ChangePassword(ctx, s, account.NewPassword("not the old one"), fresh)
		b.want(fault.Unauthenticated, "auth.login", err)
		_, err = b.ChangePassword(ctx, s, account.NewPassword(goodPassword), account.NewPassword(goodPassword))
		b.want(fault.Invalid, "account.password_same", err)
		_, err = b.ChangePassword(ctx, s, account.NewPassword(goodPassword), account.NewPassword("taro taro taro"))
		b.want(fault.Invalid, "account.password_guessable", err)

		next, err := b.ChangePassword(ctx, s, account.NewPassword(goodPassword), fresh)
		b.must(err)
		for _, dead := range []account.Session{s, other} {
			_, err = b.Resume(ctx, dead.Token)
			b.want(fault.Unauthenticated, "auth.session", err)
		}
		now, err := b.Resume(ctx, next.Token)
		b.must(err)
		if now.Account.MustChange {
			b.t.Fatal("the password was changed and must be changed still")
		}
		_, err = b.Login(ctx, "taro", account.NewPassword(goodPassword))
		b.want(fault.Unauthenticated, "auth.login", err)

		b.must(b.ResetPassword(ctx, store.System("test"), "taro", account.NewPassword(goodPassword)))
		_, err = b.Resume(ctx, next.Token)
		b.want(fault.Unauthenticated, "auth.session", err)
		if !b.login("taro").Account.MustChange {
			b.t.Fatal("a reset password need not be changed")
		}
	})
}

func TestALogInGivesUpWithItsContext(t *testing.T) {
	run(t, func(b *bench) {
		b.add("boss", authz.SystemManager)
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		if _, err := b.Login(ctx, "boss", account.NewPassword(goodPassword)); err == nil {
			b.t.Fatal("logged in without a context")
		}
	})
}

// Nothing in the database is a token or a password.
func TestTheDatabaseHoldsNoSecretInTheClear(t *testing.T) {
	run(t, func(b *bench) {
		ctx := b.t.Context()
		token, _, err := b.Bootstrap(ctx)
		b.must(err)
		var hashes []string
		b.must(b.store.Read(ctx, func(q store.Queryer) error {
			return q.Select(ctx, &hashes, `SELECT hash FROM account_bootstrap`)
		}))
		b.add("boss", authz.SystemManager)
		s := b.login("boss")
		var more []string
		b.must(b.store.Read(ctx, func(q store.Queryer) error {
			return q.Select(ctx, &more, `SELECT hash FROM account_session UNION ALL SELECT phc FROM account_password`)
		}))
		hashes = append(hashes, more...)
		if len(hashes) != 3 {
			b.t.Fatalf("%d rows", len(hashes))
		}
		for _, h := range hashes {
			if h == token.Reveal() || h == s.Token.Reveal() || h == goodPassword {
				b.t.Errorf("in the clear: %s", h)
			}
		}
	})
}
