package account

import (
	"context"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// R104-1: a flood of log-ins waits before it writes; the one writer stays free for the events of the doors.
func TestAFloodOfLogInsWaitsBeforeItWrites(t *testing.T) {
	s, err := store.New(dbtest.SQLite(t), store.Config{Origin: "kanmon.test/account"})
	if err != nil {
		t.Fatal(err)
	}
	r := New(s, Config{Cost: Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	for range maxAttempts {
		r.logins.places <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Login(ctx, "boss", NewPassword("wrong password 1")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("one too many: %v", err)
	}
	<-r.logins.places
	if _, err := r.Login(t.Context(), "boss", NewPassword("wrong password 1")); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("with a free place: %v", err)
	}
	var n int64
	err = s.Read(t.Context(), func(q store.Queryer) error {
		return q.Get(t.Context(), &n, `SELECT SUM(failures) FROM account_attempt`)
	})
	if err != nil || n != 1 {
		t.Errorf("%d attempts written, %v, want 1", n, err)
	}
}

// R104-1: log-ins that fill every place and every hash leave room for who is logged in and proves it again.
func TestAFloodOfLogInsLeavesRoomForWhoIsLoggedIn(t *testing.T) {
	s, err := store.New(dbtest.SQLite(t), store.Config{Origin: "kanmon.test/account"})
	if err != nil {
		t.Fatal(err)
	}
	r := New(s, Config{Cost: Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	right := NewPassword("correct horse staple")
	_, err = r.Add(t.Context(), store.System("test"), Details{ID: "boss", Roles: []authz.Role{authz.SystemManager}, Password: right})
	if err != nil {
		t.Fatal(err)
	}
	for range maxAttempts {
		r.logins.places <- struct{}{}
	}
	for range maxHashes {
		r.logins.hasher.slots <- struct{}{}
	}
	if err := r.CheckPassword(t.Context(), "boss", right); err != nil {
		t.Errorf("while log-ins flood: %v", err)
	}
}
