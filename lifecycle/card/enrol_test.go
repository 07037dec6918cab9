package card_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

func enrol(t *testing.T, city *lifecycletest.City, id, name, format string) card.Credential {
	t.Helper()
	c, err := city.Card.Enrol(t.Context(), lifecycletest.Manager, id, "", card.Read{Key: lifecycletest.Key(name), Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// set is the revocation set by the names of credentials: n and state of the entry in force.
func set(t *testing.T, city *lifecycletest.City, names ...string) map[string]access.CredentialState {
	t.Helper()
	got := map[string]access.CredentialState{}
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		for _, name := range names {
			entry, found, err := revocation.InForce(t.Context(), q, []access.Key{lifecycletest.Key(name)})
			if err != nil {
				return err
			}
			if found {
				got[name] = entry.State
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// R44-1: one card, read by three kinds of reader; every one of its credentials is in the register with what it can prove, and none is shown.
func TestACardHasSeveralCredentialsOfOneHolder(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		c := issue(t, city, "X")
		city.Clock.Pass(time.Hour)
		idm, felica := enrol(t, city, c.ID, "X idm", "idm"), enrol(t, city, c.ID, "X felica", "felica")
		got, err := city.Card.Credentials(t.Context(), lifecycletest.Guard, c.ID)
		later := city.Clock.Now()
		want := []card.Credential{
			{Format: "bits", Trust: access.TrustMutual, EnrolledAt: later.Add(-time.Hour)},
			{ID: idm.ID, Format: "idm", Trust: access.TrustNumber, EnrolledAt: later},
			{ID: felica.ID, Format: "felica", Trust: access.TrustMemory, EnrolledAt: later},
		}
		if len(got) == 3 && got[1].ID == felica.ID { // of the same moment
			got[1], got[2] = got[2], got[1]
		}
		if err != nil || !slices.Equal(got, want) || !strings.HasPrefix(idm.ID, "K-") {
			t.Fatalf("Credentials = %+v, %v, want %+v", got, err, want)
		}
		if _, err := city.Card.Credentials(t.Context(), lifecycletest.Nobody, c.ID); fault.KindOf(err) != fault.Denied {
			t.Errorf("who may not read: %v", err)
		}
	})
}

// R44-1, R76-2: whatever happens to a card happens to each of its credentials, in one transaction; a model keeps what doors have to be told.
func TestWhatHappensToACardHappensToEachOfItsCredentials(t *testing.T) {
	tests := map[string]map[string]access.CredentialState{ // ways, "+" enrols, "-" ends the first that was enrolled; by what doors are told in the end
		"+ suspend":                 {"a": "suspended", "b1": "suspended"},
		"+ revoke":                  {"a": "revoked", "b1": "revoked"},
		"suspend +":                 {"a": "suspended", "b1": "suspended"},
		"suspend + lift":            {"a": "active", "b1": "active"},
		"+ suspend + lift":          {"a": "active", "b1": "active", "b2": "active"},
		"+ -":                       {"b1": "revoked"},
		"+ + - suspend":             {"a": "suspended", "b1": "revoked", "b2": "suspended"},
		"+ + - suspend lift revoke": {"a": "revoked", "b1": "revoked", "b2": "revoked"},
		"+ suspend - lift":          {"a": "active", "b1": "revoked"},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		do := ways(t, city)
		for name, want := range tests {
			t.Run(name, func(t *testing.T) {
				own := "own " + name
				c := issue(t, city, own)
				names, ids := []string{own}, []string{}
				for _, way := range strings.Fields(name) {
					var err error
					switch way {
					case "+":
						names = append(names, own+strings.Repeat("+", len(names)))
						ids = append(ids, enrol(t, city, c.ID, names[len(names)-1], "uid").ID)
					case "-":
						_, err = city.Card.End(t.Context(), securityManager, c.ID, ids[0], "取り違え")
					default:
						_, _, err = do[way](securityManager, c.ID)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				told := set(t, city, names...)
				for i, short := range []string{"a", "b1", "b2"} {
					if i < len(names) && told[names[i]] != want[short] {
						t.Errorf("doors are told %q of %s, want %q", told[names[i]], short, want[short])
					}
				}
			})
		}
	})
}

// R43-2, case 27 and 28: one credential is one card's for ever, and a number that another reader would deliver in another order is found out.
func TestACredentialOfAnotherCardIsNotEnrolled(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		c, other := issue(t, city, "X"), issue(t, city, "Y")
		enrol(t, city, other.ID, "Y idm", "idm")
		for _, key := range []string{"X", "Y", "Y idm"} {
			_, err := city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "", card.Read{Key: lifecycletest.Key(key)})
			lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_taken")
		}
		_, err := city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "", card.Read{Key: lifecycletest.Key("Y idm")})
		if taken, ok := errors.AsType[*card.TakenError](err); !ok || taken.Card != other.ID || taken.Label != "Y" {
			t.Errorf("whose it is: %+v", taken)
		}
		reversed := card.Read{Key: lifecycletest.Key("X reversed"), Siblings: []access.Key{lifecycletest.Key("Z"), lifecycletest.Key("Y")}}
		_, err = city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "", reversed)
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_reversed")
		_, err = city.Card.Issue(ctx, lifecycletest.Manager, card.Issue{
			Label: "W", Kind: card.Personal, Person: "1001", Key: reversed.Key, Siblings: reversed.Siblings,
		})
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_reversed")
		reversed.Apart = true
		if _, err = city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "別のカードと確認", reversed); err != nil {
			t.Errorf("two cards that were seen: %v", err)
		}
	})
}

func TestWhatIsNoCredentialOfACardIsRefused(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		c, gone := issue(t, city, "X"), issue(t, city, "Y")
		if _, _, err := city.Card.Revoke(ctx, securityManager, gone.ID, "紛失", time.Time{}); err != nil {
			t.Fatal(err)
		}
		key := lifecycletest.Key("new")
		for name, tt := range map[string]struct {
			id   string
			n    card.Read
			kind fault.Kind
			code string
		}{
			"nothing":         {c.ID, card.Read{}, fault.Invalid, "card.no_credential"},
			"no format":       {c.ID, card.Read{Key: key, Format: "face"}, fault.Invalid, "card.format"},
			"a terminal's":    {c.ID, card.Read{Key: key, Format: "verdict"}, fault.Invalid, "card.format_kind"},
			"a revoked card":  {gone.ID, card.Read{Key: key}, fault.Conflict, "card.already_revoked"},
			"no card":         {"C-none", card.Read{Key: key}, fault.NotFound, "card.unknown"},
			"the dead card's": {c.ID, card.Read{Key: lifecycletest.Key("Y")}, fault.Conflict, "card.credential_taken"},
		} {
			_, err := city.Card.Enrol(ctx, lifecycletest.Manager, tt.id, "", tt.n)
			if fault.KindOf(err) != tt.kind || fault.CodeOf(err) != tt.code {
				t.Errorf("%s: %v, want %s", name, err, tt.code)
			}
		}
		_, err := city.Card.Enrol(ctx, lifecycletest.Guard, c.ID, "", card.Read{Key: key})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		for i := range 7 {
			enrol(t, city, c.ID, strings.Repeat("x", i+1), "uid")
		}
		_, err = city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "", card.Read{Key: key})
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credentials_many")
	})
}

func TestAnEndedCredentialStaysEndedAndTaken(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		c := issue(t, city, "X")
		k := enrol(t, city, c.ID, "X idm", "idm")
		_, err := city.Card.End(ctx, lifecycletest.Guard, c.ID, k.ID, "取り違え")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		for _, id := range []string{"K-none", ""} {
			_, err = city.Card.End(ctx, securityManager, c.ID, id, "取り違え")
			lifecycletest.WantFault(t, err, fault.NotFound, "card.unknown_credential")
		}
		city.Clock.Pass(time.Hour)
		if _, err = city.Card.End(ctx, securityManager, c.ID, k.ID, "取り違え"); err != nil {
			t.Fatal(err)
		}
		_, err = city.Card.End(ctx, securityManager, c.ID, k.ID, "取り違え")
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_ended")
		list, err := city.Card.Credentials(ctx, lifecycletest.Guard, c.ID)
		if err != nil || len(list) != 2 || !list[1].EndedAt.Equal(city.Clock.Now()) || !list[0].EndedAt.IsZero() {
			t.Errorf("Credentials = %+v, %v", list, err)
		}
		for name, ended := range map[string]bool{"X": false, "X idm": true} {
			found, err := city.Card.Find(ctx, lifecycletest.Guard, lifecycletest.Key(name))
			if err != nil || found.ID != c.ID || found.Ended != ended {
				t.Errorf("whose is %s: %+v, %v", name, found, err)
			}
		}
		_, err = city.Card.Enrol(ctx, lifecycletest.Manager, c.ID, "", card.Read{Key: lifecycletest.Key("X idm"), Format: "idm"})
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_taken")
		if now, err := city.Card.Get(ctx, lifecycletest.Guard, c.ID); err != nil || now.State != card.Issued {
			t.Errorf("the card: %+v, %v", now, err)
		}
	})
}

// R44-1: an enrolment at a biometric terminal is entered, stopped and followed like a card. It has no field for a template.
func TestAnEnrolmentAtATerminalIsStoppedLikeACard(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		_, err := city.Device.AddReader(ctx, lifecycletest.Manager, device.Reader{Controller: "ctl-1", Name: "FACE-1", Kind: device.Terminal})
		if err != nil {
			t.Fatal(err)
		}
		n := card.Issue{Label: "F-1001", Kind: card.Biometric, Person: "1001", Key: lifecycletest.Key("subject 17"), Format: "verdict", Terminal: "ctl-1/FACE-1"}
		c, err := city.Card.Issue(ctx, lifecycletest.Manager, n)
		if err != nil || c.Kind != card.Biometric || c.Terminal != n.Terminal || c.Person != "1001" {
			t.Fatalf("Issue = %+v, %v", c, err)
		}
		if c, _, err = city.Card.Suspend(ctx, lifecycletest.Guard, c.ID, "長期休暇", time.Time{}); err != nil || c.State != card.Suspended || c.Terminal != n.Terminal {
			t.Fatalf("Suspend = %+v, %v", c, err)
		}
		if told := set(t, city, "subject 17"); told["subject 17"] != access.Suspended {
			t.Errorf("doors are told %v", told)
		}
		for name, tt := range map[string]struct {
			change func(*card.Issue)
			code   string
		}{
			"no terminal":           {func(n *card.Issue) { n.Terminal = "" }, "card.terminal"},
			"a terminal of a card":  {func(n *card.Issue) { n.Kind, n.Format = card.Personal, "uid" }, "card.terminal"},
			"a card at a terminal":  {func(n *card.Issue) { n.Format = "uid" }, "card.format_kind"},
			"another controller":    {func(n *card.Issue) { n.Terminal = "ctl-2/FACE-1" }, "device.unknown_terminal"},
			"an OSDP reader":        {func(n *card.Issue) { n.Terminal = "ctl-1/IN-1" }, "device.unknown_terminal"},
			"the same subject":      {func(*card.Issue) {}, "card.label_taken"},
			"the same subject, too": {func(n *card.Issue) { n.Label, n.Person = "F-1002", "1002" }, "card.credential_taken"},
		} {
			bad := n
			tt.change(&bad)
			if _, err := city.Card.Issue(ctx, lifecycletest.Manager, bad); fault.CodeOf(err) != tt.code {
				t.Errorf("%s: %v, want %s", name, err, tt.code)
			}
		}
	})
}
