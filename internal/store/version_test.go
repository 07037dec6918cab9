package store_test

import (
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// R112-1: what changed, by whom, when, why, from what to what.
func TestARegisterKeepsEveryVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		if n := f.badge(t, "B-1", "one", "issued", "佐藤"); n != 1 {
			t.Errorf("first version is %d", n)
		}
		f.now = f.now.Add(24 * time.Hour)
		if n := f.badge(t, "B-1", "two", "revoked", "佐藤"); n != 2 {
			t.Errorf("second version is %d", n)
		}
		var history []struct {
			N                               int64 `db:"n"`
			At, Actor, Reason, Label, State string
		}
		var label string
		var asOf string
		err := f.Read(t.Context(), func(q store.Queryer) error {
			if err := q.Select(t.Context(), &history, `SELECT n, at, actor, reason, label, state FROM badge_version WHERE id = 'B-1' ORDER BY n`); err != nil {
				return err
			}
			if err := q.Get(t.Context(), &label, `SELECT label FROM badge WHERE id = 'B-1' AND n = 2`); err != nil {
				return err
			}
			return q.Get(t.Context(), &asOf, `SELECT state FROM badge_version WHERE id = 'B-1' AND at <= ? ORDER BY n DESC LIMIT 1`, store.FormatTime(f.now.Add(-time.Second)))
		})
		if err != nil {
			t.Fatal(err)
		}
		first, last := history[0], history[1]
		if len(history) != 2 || first.State != "issued" || last.State != "revoked" || first.Label != "one" || last.Actor != "account:taro" || last.Reason != "because" ||
			first.At != "2026-11-23T01:02:03.000456Z" || last.At != "2026-11-24T01:02:03.000456Z" {
			t.Errorf("%+v", history)
		}
		if label != "two" || asOf != "issued" {
			t.Errorf("newest label %q, state the day before %q", label, asOf)
		}
		if r := f.wantClean(t); r.Rows != 2 || r.Personal != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAUniqueFieldIsTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.badge(t, "B-1", "one", "issued", "佐藤")
		err := f.Write(t.Context(), taro, "", func(tx *store.Tx) error {
			_, err := tx.Version(t.Context(), "badge", "B-2", store.Row{store.Col("label", "one"), store.Col("state", "issued")}, nil)
			return err
		})
		wantFault(t, err, fault.Conflict, store.CodeDuplicate)
		if r := f.wantClean(t); r.Rows != 1 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAVersionWithoutPersonalFieldsHasNoPersonalRow(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.write(t, func(tx *store.Tx) error {
			_, err := tx.Version(t.Context(), "badge", "B-1", store.Row{store.Col("state", "issued")}, nil)
			return err
		})
		if r := f.wantClean(t); r.Personal != 0 || r.Erased != 0 || r.Rows != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// personal fields can be erased, and what was proved stays proved.
func TestPersonalFieldsCanBeErased(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.badge(t, "B-1", "one", "issued", "佐藤")
		f.badge(t, "B-2", "two", "issued", "鈴木")
		before := f.wantClean(t)
		err := f.WriteDerived(t.Context(), "test of erasing", func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM badge_personal WHERE id = 'B-1'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if after := f.wantClean(t); after.Root != before.Root || after.Erased != 1 || after.Personal != 1 {
			t.Errorf("%+v", after)
		}
	})
}
