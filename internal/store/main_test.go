package store_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/store"
)

const origin = "kanmon.example/test"

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// fixture is a register of badges, with personal fields, and a list of taps.
type fixture struct {
	*store.Store
	db     *db.DB
	signer *ledger.Signer
	now    time.Time
}

// onBoth runs fn on both databases with the tables of the fixture.
func onBoth(t *testing.T, fn func(t *testing.T, f *fixture)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		fn(t, newFixture(t, d))
	})
}

func newFixture(t *testing.T, d *db.DB) *fixture {
	t.Helper()
	dbtest.Attack(t, d, tables(d)...)
	f := &fixture{db: d, signer: newSigner(t), now: time.Date(2026, 11, 23, 1, 2, 3, 456789, time.UTC)}
	f.Store = f.open(t, d)
	return f
}

func newSigner(t *testing.T) *ledger.Signer {
	t.Helper()
	s, err := ledger.NewSigner(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens a database that is closed with the test.
func open(t *testing.T, cfg db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// open opens a second store on a database, as another process would.
func (f *fixture) open(t *testing.T, d *db.DB) *store.Store {
	t.Helper()
	s, err := store.New(d, store.Config{Origin: origin, Signer: f.signer, Clock: func() time.Time { return f.now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tables(d *db.DB) []string {
	list := []string{
		`CREATE TABLE badge (id TEXT PRIMARY KEY, n BIGINT NOT NULL, label TEXT UNIQUE)`,
		`CREATE TABLE badge_version (id TEXT NOT NULL, n BIGINT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
			label TEXT, state TEXT NOT NULL, personal_hash BLOB, salt BLOB NOT NULL, leaf BIGINT NOT NULL UNIQUE, PRIMARY KEY (id, n))`,
		`CREATE TABLE badge_personal (id TEXT NOT NULL, n BIGINT NOT NULL, salt BLOB NOT NULL, holder TEXT, PRIMARY KEY (id, n))`,
		`CREATE TABLE tap (leaf BIGINT PRIMARY KEY, door TEXT NOT NULL, seq BIGINT NOT NULL, body BLOB, salt BLOB NOT NULL, UNIQUE (door, seq))`,
		`CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT)`,
	}
	for i := range list {
		list[i] = dbtest.Translate(d, list[i])
	}
	return list
}

var taro = store.Actor{Kind: store.ActorAccount, ID: "taro"}

func tap(door string, seq int) store.Row {
	return store.Row{store.Col("door", door), store.Col("seq", int64(seq)), store.Col("body", []byte{byte(seq)})}
}

// taps appends taps seq 0 … n-1 of a door in one transaction.
func (f *fixture) taps(t *testing.T, door string, n int) {
	t.Helper()
	rows := make([]store.Row, n)
	for i := range rows {
		rows[i] = tap(door, i)
	}
	f.write(t, func(tx *store.Tx) error {
		_, err := tx.AppendAll(t.Context(), "tap", rows)
		return err
	})
}

// badge writes a version of a badge.
func (f *fixture) badge(t *testing.T, id, label, state, holder string) int64 {
	t.Helper()
	var n int64
	f.write(t, func(tx *store.Tx) (err error) {
		n, err = tx.Version(t.Context(), "badge", id, store.Row{store.Col("label", label), store.Col("state", state)}, store.Row{store.Col("holder", holder)})
		return err
	})
	return n
}

func (f *fixture) write(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	if err := f.Write(t.Context(), taro, "because", fn); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) number(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := f.Read(t.Context(), func(q store.Queryer) error { return q.Get(t.Context(), &n, query, args...) }); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// wantClean fails the test unless Verify finds nothing.
func (f *fixture) wantClean(t *testing.T) store.Report {
	t.Helper()
	r, err := f.Verify(context.WithoutCancel(t.Context()))
	if err != nil || !r.OK() {
		t.Errorf("verify: %+v, %v", r.Findings, err)
	}
	return r
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("got %v (%v, %q), want %v, %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}
