package epoch

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func keeper(t *testing.T, city *lifecycletest.City) (*Keeper, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), File)
	return New(path, city.Store, city.Device, slog.New(slog.DiscardHandler)), path
}

func epochOf(t *testing.T, city *lifecycletest.City) uint64 {
	t.Helper()
	var epoch uint64
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		var err error
		epoch, err = device.Epoch(t.Context(), q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// R84-1: a database that was put back is noticed, and a new epoch is on record in the ledger.
func TestADatabaseBehindItsFileOpensANewEpoch(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		k, path := keeper(t, city)
		if epoch, err := k.Start(t.Context()); err != nil || epoch != 1 {
			t.Fatalf("first start: epoch %d, %v", epoch, err)
		}
		first, there, err := read(path)
		if err != nil || !there || first.Epoch != 1 || first.LedgerSize == 0 {
			t.Fatalf("file %+v, %v", first, err)
		}
		for name, c := range map[string]struct {
			file State
			want uint64 // above the epoch before
		}{
			"nothing lost":           {State{}, 0},
			"a leaf lost":            {State{LedgerSize: 1}, 1},
			"an epoch lost":          {State{Epoch: 1}, 2},
			"three epochs, leaves":   {State{Epoch: 3, LedgerSize: 900}, 4},
			"the database is longer": {State{LedgerSize: -3}, 0},
		} {
			t.Run(name, func(t *testing.T) {
				size, err := city.Store.Size(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				before := epochOf(t, city)
				if err := write(path, State{Epoch: before + c.file.Epoch, LedgerSize: size + c.file.LedgerSize}); err != nil {
					t.Fatal(err)
				}
				again := New(path, city.Store, city.Device, slog.New(slog.DiscardHandler))
				got, err := again.Start(t.Context())
				if err != nil || got != before+c.want || epochOf(t, city) != got {
					t.Fatalf("epoch %d, %v, want %d", got, err, before+c.want)
				}
				if kept, _, err := read(path); err != nil || kept.Epoch != got {
					t.Fatalf("file %+v, %v", kept, err)
				}
			})
		}
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
	})
}

func TestAFileNobodyUnderstandsStopsTheStart(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	k, path := keeper(t, city)
	for _, text := range []string{"", "{", `{"epoch":0,"ledger_size":1}`, `{"epoch":1,"ledger_size":-1}`, `{"epoch":1,"x":1}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Start(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnOperatorOpensAnEpochAboveFileAndDatabase(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	k, path := keeper(t, city)
	if err := write(path, State{Epoch: 7, LedgerSize: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	if epoch, err := k.New(t.Context(), "両方を控えから戻した"); err != nil || epoch != 8 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	again := New(path, city.Store, city.Device, slog.New(slog.DiscardHandler))
	if epoch, err := again.Start(t.Context()); err != nil || epoch != 8 {
		t.Fatalf("the next start: epoch %d, %v", epoch, err)
	}
}

func TestTheFileFollowsTheLedgerToTheEnd(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	k, path := keeper(t, city)
	if _, err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := city.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: "ctl-3", Place: "x"}); err != nil {
		t.Fatal(err)
	}
	before, _, _ := read(path)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Run(ended); err != nil {
		t.Fatal(err)
	}
	if after, _, err := read(path); err != nil || after.LedgerSize != before.LedgerSize+1 {
		t.Fatalf("file %+v after %+v, %v", after, before, err)
	}
}

// Seen opens an epoch exactly when a controller has what was never given out, and it is then above everything the controller has.
func TestAControllersWordOpensAnEpochOnlyWhereItKnowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := func(name string) access.Version {
			return access.Version{Epoch: rapid.Uint64Range(0, 4).Draw(t, name+" epoch"), N: rapid.Uint64Range(0, 4).Draw(t, name+" n")}
		}
		epoch := rapid.Uint64Range(1, 4).Draw(t, "epoch")
		given := Given{Policy: access.Version{Epoch: epoch, N: 2}, Revocation: access.Version{Epoch: epoch, N: 1}}
		policy, revoked := version("policy"), version("revoked")
		least, needed := given.needed(policy, revoked)
		more := policy.Epoch > epoch || policy.Epoch == epoch && policy.N > 2 || revoked.Epoch > epoch || revoked.Epoch == epoch && revoked.N > 1
		if needed != more {
			t.Fatalf("needed %v: policy %v, revoked %v, given %+v", needed, policy, revoked, given)
		}
		if needed && (least <= epoch || least <= policy.Epoch && policy.Epoch >= epoch || least <= revoked.Epoch && revoked.Epoch >= epoch) {
			t.Fatalf("epoch %d does not overtake policy %v, revoked %v, given %+v", least, policy, revoked, given)
		}
	})
}

func TestALyingControllerCannotUseUpTheEpochs(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	k, _ := keeper(t, city)
	now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	say := func(controller string, epoch uint64) bool {
		t.Helper()
		present := epochOf(t, city)
		given := Given{Policy: access.Version{Epoch: present, N: 5}, Revocation: access.Version{Epoch: present}}
		opened, err := k.Seen(t.Context(), controller, access.Version{Epoch: epoch, N: 9}, access.Version{}, given, now)
		if err != nil && fault.KindOf(err) != fault.TooMany {
			t.Fatal(err)
		}
		return opened
	}
	for _, absurd := range []uint64{1 << 62, 5000} {
		if say("ctl-1", absurd) {
			t.Fatalf("epoch %d was believed", absurd)
		}
	}
	if !say("ctl-1", 1) || epochOf(t, city) != 2 {
		t.Fatalf("epoch %d after an honest word", epochOf(t, city))
	}
	if say("ctl-2", 5) {
		t.Fatal("two in one moment")
	}
	now = now.Add(betweenAny)
	if say("ctl-1", 5) {
		t.Fatal("the same controller again at once")
	}
	if !say("ctl-2", 5) || epochOf(t, city) != 6 {
		t.Fatalf("epoch %d", epochOf(t, city))
	}
	now = now.Add(betweenSame)
	if !say("ctl-1", 500) || epochOf(t, city) != 501 {
		t.Fatalf("epoch %d", epochOf(t, city))
	}
}

// A controller in foreign hands that claims more with every status opens two epochs a day and no more. What is over is no error: its messages
// are handled like any other's, and it takes nothing from who has lost its centre in earnest.
func TestAControllersClaimsOpenTwoEpochsADay(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	var log strings.Builder
	k := New(filepath.Join(t.TempDir(), File), city.Store, city.Device, slog.New(slog.NewTextHandler(&log, nil)))
	began := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	claim := func(controller string, now time.Time) (bool, error) {
		epoch := epochOf(t, city)
		given := Given{Policy: access.Version{Epoch: epoch, N: 5}, Revocation: access.Version{Epoch: epoch}}
		return k.Seen(t.Context(), controller, access.Version{Epoch: epoch, N: 9}, access.Version{}, given, now)
	}
	const every = time.Minute
	var opened []time.Duration
	over := 0
	for passed := time.Duration(0); passed < 48*time.Hour; passed += every {
		did, err := claim("mad", began.Add(passed))
		switch {
		case did:
			opened = append(opened, passed)
		case err == nil:
			over++
		case fault.KindOf(err) != fault.TooMany || len(opened)%2 == 0:
			t.Fatalf("after %v: %v", passed, err)
		}
		if passed == 12*time.Hour {
			if honest, err := claim("ctl-1", began.Add(passed)); !honest || err != nil {
				t.Fatalf("another controller: %v, %v", honest, err)
			}
		}
	}
	if want := "[0s 10m0s 24h0m0s 24h10m0s]"; fmt.Sprint(opened) != want {
		t.Errorf("opened after %v, want %s", opened, want)
	}
	if k.Refused() != uint64(over) || over < 2000 {
		t.Errorf("%d claims were over, %d are counted", over, k.Refused())
	}
	if lines := strings.Count(log.String(), "opens no more epochs"); lines == 0 || lines > 30 {
		t.Errorf("%d lines in the log for %d claims", lines, over)
	}
}
