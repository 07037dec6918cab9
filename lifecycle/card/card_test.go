package card_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
)

// R44-2 (first form: who holds what, since when, until when, state).
func TestAnIssuedCardIsReadAsEntered(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		until := time.Date(2028, 3, 31, 15, 0, 0, 0, time.UTC)
		got, err := city.Card.Issue(ctx, lifecycletest.Manager, card.Issue{
			Label: "K-0099", Kind: card.Personal, Person: "1001", Key: lifecycletest.Key("new"), Period: period.Period{Until: until},
		})
		want := card.Card{
			ID: got.ID, Label: "K-0099", Kind: card.Personal, State: card.Issued, Person: "1001", PersonName: "佐藤 花子",
			IssuedAt: city.Clock.Now(), Period: period.Period{Until: until}, Version: 1,
		}
		if err != nil || got != want || !strings.HasPrefix(got.ID, "C-") {
			t.Fatalf("Issue = %+v, %v, want %+v", got, err, want)
		}
		if again, err := city.Card.Get(ctx, lifecycletest.Guard, got.ID); err != nil || again != want {
			t.Fatalf("Get = %+v, %v", again, err)
		}
		changes, err := city.Card.History(ctx, lifecycletest.Guard, got.ID)
		if err != nil || len(changes) != 1 || changes[0].Actor != "account:manager" {
			t.Fatalf("History = %+v, %v", changes, err)
		}
		for _, f := range changes[0].Fields {
			if strings.Contains(f.Name, "key") || strings.Contains(f.Name, "credential") {
				t.Errorf("the history shows %s", f.Name)
			}
		}
	})
}

func TestOneCredentialIsOneCard(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		issue := card.Issue{Label: "K-0099", Kind: card.Personal, Person: "1002", Key: lifecycletest.Key("1001")}
		_, err := city.Card.Issue(t.Context(), lifecycletest.Manager, issue)
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_taken")
		issue.Label, issue.Key = "K-1", lifecycletest.Key("new")
		_, err = city.Card.Issue(t.Context(), lifecycletest.Manager, issue)
		lifecycletest.WantFault(t, err, fault.Conflict, "card.label_taken")
		if list, err := city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{}); err != nil || len(list) != 3 {
			t.Fatalf("List = %+v, %v", list, err)
		}
	})
}

func TestBadInputNamesTheField(t *testing.T) {
	good := card.Issue{Label: "K-0099", Kind: card.Personal, Person: "1001", Key: lifecycletest.Key("new")}
	tests := map[string]struct {
		change func(*card.Issue)
		kind   fault.Kind
		code   string
	}{
		"no label":       {func(n *card.Issue) { n.Label = "" }, fault.Invalid, "card.label"},
		"blank at end":   {func(n *card.Issue) { n.Label = "K-1 " }, fault.Invalid, "card.label"},
		"Japanese label": {func(n *card.Issue) { n.Label = "カード" }, fault.Invalid, "card.label"},
		"long label":     {func(n *card.Issue) { n.Label = strings.Repeat("x", 33) }, fault.Invalid, "card.label"},
		"kind":           {func(n *card.Issue) { n.Kind = "golden" }, fault.Invalid, "card.kind"},
		"no credential":  {func(n *card.Issue) { n.Key = access.Key{} }, fault.Invalid, "card.no_credential"},
		"period":         {func(n *card.Issue) { n.From, n.Until = time.Unix(2e9, 0), time.Unix(1e9, 0) }, fault.Invalid, "period.order"},
		"nobody":         {func(n *card.Issue) { n.Person = "9999" }, fault.NotFound, "staff.unknown"},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				bad := good
				tt.change(&bad)
				_, err := city.Card.Issue(t.Context(), lifecycletest.Manager, bad)
				lifecycletest.WantFault(t, err, tt.kind, tt.code)
			})
		}
	})
}

func TestWhoLacksTheRightNeitherWritesNorReads(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		_, err := city.Card.Issue(ctx, lifecycletest.Guard, card.Issue{Label: "K-9", Kind: card.Personal, Person: "1001", Key: lifecycletest.Key("x")})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Card.List(ctx, lifecycletest.Nobody, card.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Card.Get(ctx, lifecycletest.Nobody, "x")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Card.History(ctx, lifecycletest.Nobody, "x")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

func TestTheListIsSearchedPagedAndReadAsOfAnyDay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		founded := city.Clock.Now()
		city.Clock.Pass(24 * time.Hour)
		_, err := city.Card.Issue(t.Context(), lifecycletest.Manager, card.Issue{Label: "K-4", Kind: card.Personal, Person: "1001", Key: lifecycletest.Key("4")})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			f    card.Filter
			want string
		}{
			{"all", card.Filter{}, "[K-1 K-2 K-3 K-4]"},
			{"by name", card.Filter{Query: "佐藤"}, "[K-1 K-4]"},
			{"by label, other case", card.Filter{Query: "k-2"}, "[K-2]"},
			{"by person", card.Filter{Person: "1003"}, "[K-3]"},
			{"by state", card.Filter{State: card.Revoked}, "[]"},
			{"page", card.Filter{Limit: 2, After: "K-1"}, "[K-2 K-3]"},
			{"yesterday", card.Filter{AsOf: founded}, "[K-1 K-2 K-3]"},
			{"before", card.Filter{AsOf: founded.Add(-time.Second)}, "[]"},
		} {
			list, err := city.Card.List(t.Context(), lifecycletest.Guard, tt.f)
			labels := []string{}
			for _, c := range list {
				labels = append(labels, c.Label)
			}
			if err != nil || fmt.Sprint(labels) != tt.want {
				t.Errorf("%s: %v, %v, want %s", tt.name, labels, err, tt.want)
			}
		}
	})
}

func TestTheDatabaseRefusesAStateOfItsOwn(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO card_version (id, n, at, actor, reason, label, kind, state, person, credential_key, issued_at, valid_from,
				valid_until, salt, leaf) SELECT id, n + 1, at, actor, reason, label, kind, 'golden', person,
				credential_key, issued_at, valid_from, valid_until, salt, leaf + 1000 FROM card_version`)
			return err
		})
		if fault.KindOf(err) != fault.Invalid {
			t.Fatalf("an unknown state: %v", err)
		}
	})
}
