package desk_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/notice"
)

// office is a city with a register of desks.
type office struct {
	*lifecycletest.City
	desks   *desk.Register
	notices *notice.Register
}

func open(t *testing.T, d *db.DB) office {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	return office{city, desk.New(city.Store, city.Alarms), notice.New(city.Store)}
}

func newKey(t *testing.T) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func (o office) certificate(serial string) func() (desk.Certificate, error) {
	return func() (desk.Certificate, error) {
		now := o.Clock.Now()
		return desk.Certificate{Serial: serial, Fingerprint: "fp " + serial, Issued: now, Until: now.AddDate(0, 0, 180)}, nil
	}
}

func (o office) add(t *testing.T, name string) {
	t.Helper()
	err := o.desks.Add(t.Context(), lifecycletest.Manager, name, desk.Details{Place: "市民課 3番窓口", Watch: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
}

func (o office) token(t *testing.T, name, text string) {
	t.Helper()
	err := o.desks.NewToken(t.Context(), lifecycletest.Manager, name, lifecycletest.TokenHash(text), o.Clock.Now().Add(desk.TokenTime))
	if err != nil {
		t.Fatal(err)
	}
}

func (o office) enrol(t *testing.T, name, text string) ed25519.PublicKey {
	t.Helper()
	o.token(t, name, text)
	public := newKey(t)
	e := desk.Enrolment{Desk: name, TokenHash: lifecycletest.TokenHash(text), Public: public}
	if err := o.desks.Enroll(t.Context(), e, o.certificate("17")); err != nil {
		t.Fatal(err)
	}
	return public
}

func (o office) verified(t *testing.T) {
	t.Helper()
	report, err := o.Store.Verify(t.Context())
	if err != nil || !report.OK() {
		t.Fatalf("Verify: %+v, %v", report.Findings, err)
	}
}

// R103-1: a desk is known by the key that was certified for its token, by no other, and by none after it was thrown out.
func TestADeskIsKnownByTheKeyItWasEnrolledWithAndByNoOther(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx := t.Context()
		o.add(t, "front-1")
		o.add(t, "front-2")
		_, err := o.desks.Peer(ctx, "front-1", newKey(t))
		lifecycletest.WantFault(t, err, fault.Denied, "desk.not_enrolled")
		public, other := o.enrol(t, "front-1", "one"), o.enrol(t, "front-2", "two")
		got, err := o.desks.Peer(ctx, "front-1", public)
		want := desk.Desk{
			Name: "front-1", Details: desk.Details{Place: "市民課 3番窓口", Accepts: []string{}, Watch: 2 * time.Minute}, State: desk.Enrolled,
			KeyID: wire.KeyID(public), Fingerprint: "fp 17", Serial: "17", Issued: o.Clock.Now(), Until: o.Clock.Now().AddDate(0, 0, 180), Version: 3,
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("Peer = %+v, %v, want %+v", got, err, want)
		}
		for name, c := range map[string]struct {
			desk string
			key  ed25519.PublicKey
			kind fault.Kind
			code string
		}{
			"another's key": {"front-1", other, fault.Denied, "desk.other_key"},
			"no key":        {"front-1", nil, fault.Denied, "desk.other_key"},
			"nobody":        {"front-9", public, fault.NotFound, "desk.unknown"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := o.desks.Peer(ctx, c.desk, c.key)
				lifecycletest.WantFault(t, err, c.kind, c.code)
			})
		}
		if err := o.desks.Revoke(ctx, lifecycletest.Manager, "front-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		_, err = o.desks.Peer(ctx, "front-1", public)
		lifecycletest.WantFault(t, err, fault.Denied, "desk.revoked")
		lifecycletest.WantFault(t, o.desks.Renewed(ctx, "front-1", public, o.certificate("18")), fault.Denied, "desk.revoked")
		lifecycletest.WantFault(t, o.desks.Revoke(ctx, lifecycletest.Manager, "front-1", "盗難"), fault.Conflict, "desk.already_revoked")
		o.token(t, "front-1", "again")
		e := desk.Enrolment{Desk: "front-1", TokenHash: lifecycletest.TokenHash("again"), Public: public}
		lifecycletest.WantFault(t, o.desks.Enroll(ctx, e, o.certificate("19")), fault.Conflict, "desk.key_taken")
		o.enrol(t, "front-1", "a new key")
		changes, err := o.desks.History(ctx, lifecycletest.Guard, "front-1")
		if err != nil || len(changes) != 7 || changes[2].Actor != "desk:front-1" || changes[3].Reason != "盗難" {
			t.Fatalf("History = %+v, %v", changes, err)
		}
		o.verified(t)
	})
}

func TestADesksTokenIsGoodForOneKeyAndOneDay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx := t.Context()
		o.add(t, "front-1")
		o.token(t, "front-1", "old")
		o.token(t, "front-1", "new") // in place of the old one
		first := newKey(t)
		try := func(text string, key ed25519.PublicKey) error {
			return o.desks.Enroll(ctx, desk.Enrolment{Desk: "front-1", TokenHash: lifecycletest.TokenHash(text), Public: key}, o.certificate("1"))
		}
		lifecycletest.WantFault(t, try("old", first), fault.Unauthenticated, "desk.token")
		for range 2 { // an answer may be lost
			if err := try("new", first); err != nil {
				t.Fatal(err)
			}
		}
		lifecycletest.WantFault(t, try("new", newKey(t)), fault.Conflict, "desk.token_used")
		o.token(t, "front-1", "late")
		o.Clock.Pass(desk.TokenTime)
		lifecycletest.WantFault(t, try("late", newKey(t)), fault.Unauthenticated, "desk.token_expired")
		lifecycletest.WantFault(t, o.desks.NewToken(ctx, lifecycletest.Manager, "front-1", "h", o.Clock.Now().Add(desk.TokenTime+1)), fault.Invalid, "device.token_time")
		lifecycletest.WantFault(t, o.desks.NewToken(ctx, lifecycletest.Guard, "front-1", "h", o.Clock.Now().Add(time.Hour)), fault.Denied, "auth.denied")
	})
}

func TestWhatIsEnteredAboutADeskIsChecked(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	ctx := t.Context()
	good := desk.Details{Place: "窓口"}
	for name, c := range map[string]struct {
		actor store.Actor
		name  string
		d     desk.Details
		code  string
	}{
		"capitals":       {lifecycletest.Manager, "Front", good, "desk.name"},
		"no place":       {lifecycletest.Manager, "front", desk.Details{}, "field.required"},
		"another format": {lifecycletest.Manager, "front", desk.Details{Place: "窓口", Accepts: []string{"pupi"}}, "desk.accepts"},
		"a short watch":  {lifecycletest.Manager, "front", desk.Details{Place: "窓口", Watch: time.Second}, "desk.watch"},
		"a long watch":   {lifecycletest.Manager, "front", desk.Details{Place: "窓口", Watch: 25 * time.Hour}, "desk.watch"},
		"a guard":        {lifecycletest.Guard, "front", good, "auth.denied"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := o.desks.Add(ctx, c.actor, c.name, c.d); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
	o.add(t, "front-1")
	lifecycletest.WantFault(t, o.desks.Add(ctx, lifecycletest.Manager, "front-1", good), fault.Conflict, "desk.name_taken")
	changed := desk.Details{Place: "2番窓口", Accepts: []string{"uid", "felica", "uid"}}
	if err := o.desks.Change(ctx, lifecycletest.Manager, "front-1", "移設", changed); err != nil {
		t.Fatal(err)
	}
	got, err := o.desks.Get(ctx, lifecycletest.Guard, "front-1")
	if err != nil || got.Place != "2番窓口" || !slices.Equal(got.Accepts, []string{"felica", "uid"}) || got.Watch != 0 || got.Takes("idm") || !got.Takes("uid") {
		t.Fatalf("%+v, %v", got, err)
	}
}

// managers gives the city a manager, a second one who holds card K-2, and a member of staff who holds K-1.
func (o office) managers(t *testing.T) {
	t.Helper()
	o.Account(t, lifecycletest.Manager, "")
	o.Account(t, lifecycletest.Second, "1002")
	o.Account(t, staffMember, "1001")
}

var staffMember = store.Actor{Kind: store.ActorAccount, ID: "sato", Roles: []authz.Role{authz.Staff}}

func (o office) told(t *testing.T, who store.Actor) []notice.Notice {
	t.Helper()
	list, err := o.notices.Inbox(t.Context(), who, notice.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (o office) left(t *testing.T, public ed25519.PublicKey, stays ...desk.Stay) {
	t.Helper()
	if err := o.desks.Left(t.Context(), "front-1", public, stays); err != nil {
		t.Fatal(err)
	}
}

func (o office) stay(id string, key access.Key) desk.Stay {
	return desk.Stay{ID: "STAY0000" + id, Key: key, Since: o.Clock.Now().Add(-2 * time.Minute)}
}

// R75-2: a card left in a reader alerts its holder and the managers, once, and the alarm lasts until it is taken.
func TestACardLeftInAReaderAlertsItsHolderAndTheManagersOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		o.managers(t)
		o.add(t, "front-1")
		public := o.enrol(t, "front-1", "one")
		lies := o.stay("1", lifecycletest.Key("1001"))
		for range 3 {
			o.left(t, public, lies)
		}
		for who, kind := range map[string]string{"manager": desk.CardLeft, "second": desk.CardLeft, "sato": desk.CardLeftOwn} {
			got := o.told(t, store.Actor{Kind: store.ActorAccount, ID: who})
			if len(got) != 1 || got[0].Kind != kind || got[0].Params["label"] != "K-1" || got[0].Params["minutes"] != "2" || got[0].Params["place"] != "市民課 3番窓口" {
				t.Errorf("%s was told %+v", who, got)
			}
		}
		alarms, err := o.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: alarm.Open})
		if err != nil || len(alarms) != 1 || alarms[0].Kind != alarm.CardLeftIn || alarms[0].Count != 1 || !alarms[0].OverAt.IsZero() {
			t.Fatalf("alarms %+v, %v", alarms, err)
		}
		lying, err := o.desks.Lying(t.Context(), lifecycletest.Guard)
		if err != nil || len(lying) != 1 || lying[0].Label != "K-1" || !lying[0].Since.Equal(lies.Since) {
			t.Fatalf("Lying = %+v, %v", lying, err)
		}
		o.Clock.Pass(time.Minute)
		o.left(t, public)
		o.left(t, public, lies) // said late: it has been told of
		o.left(t, public)
		alarms, _ = o.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: alarm.Open})
		if len(alarms) != 1 || alarms[0].Count != 1 || !alarms[0].OverAt.Equal(o.Clock.Now()) {
			t.Fatalf("after it was taken: %+v", alarms)
		}
		if n := len(o.told(t, lifecycletest.Manager)); n != 1 {
			t.Errorf("%d notices", n)
		}
		o.verified(t)
	})
}

func TestAManagerWhoLeftTheCardIsToldAsItsHolder(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	o.managers(t)
	o.add(t, "front-1")
	o.left(t, o.enrol(t, "front-1", "one"), o.stay("1", lifecycletest.Key("1002")))
	if got := o.told(t, lifecycletest.Second); len(got) != 1 || got[0].Kind != desk.CardLeftOwn {
		t.Errorf("told %+v", got)
	}
}

func TestACardThatNobodyKnowsIsAnAlarmForTheManagersAlone(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	o.managers(t)
	o.add(t, "front-1")
	public := o.enrol(t, "front-1", "one")
	o.left(t, public, o.stay("1", lifecycletest.Key("a stranger's")), o.stay("2", access.Key{}))
	if got := o.told(t, lifecycletest.Manager); len(got) != 2 || got[0].Params["label"] != "" {
		t.Errorf("managers were told %+v", got)
	}
	if got := o.told(t, staffMember); len(got) != 0 {
		t.Errorf("a member of staff was told %+v", got)
	}
	if alarms, _ := o.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: alarm.Open}); len(alarms) != 1 || alarms[0].Count != 2 {
		t.Errorf("alarms %+v", alarms)
	}
}

func TestADeskThatWasThrownOutReportsNothing(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	o.managers(t)
	o.add(t, "front-1")
	public := o.enrol(t, "front-1", "one")
	o.left(t, public, o.stay("1", lifecycletest.Key("1001")))
	if err := o.desks.Revoke(t.Context(), lifecycletest.Manager, "front-1", "盗難"); err != nil {
		t.Fatal(err)
	}
	err := o.desks.Left(t.Context(), "front-1", public, []desk.Stay{o.stay("2", lifecycletest.Key("1001"))})
	lifecycletest.WantFault(t, err, fault.Denied, "desk.revoked")
	if alarms, _ := o.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: alarm.Open}); len(alarms) != 1 || alarms[0].OverAt.IsZero() {
		t.Errorf("alarms %+v", alarms)
	}
	if lying, _ := o.desks.Lying(t.Context(), lifecycletest.Guard); len(lying) != 0 {
		t.Errorf("lying %+v", lying)
	}
}

// R75-2: whatever a desk reports, in whatever order and however often, each stay is told of once, and the alarm lasts exactly while something lies there.
func TestEachStayIsToldOfOnceWhateverIsReported(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	o.managers(t)
	o.add(t, "front-1")
	public := o.enrol(t, "front-1", "one")
	round := 0
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		seen := map[string]bool{}
		o.left(t, public)
		for range rapid.IntRange(1, 8).Draw(rt, "reports") {
			lies := rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 3, func(n int) int { return n }).Draw(rt, "lies")
			var stays []desk.Stay
			for _, n := range lies {
				s := o.stay(fmt.Sprintf("%dx%d", round, n), lifecycletest.Key("1001"))
				stays = append(stays, s)
				if !seen[s.ID] {
					told++
				}
				seen[s.ID] = true
			}
			o.left(t, public, stays...)
			alarms, err := o.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: alarm.Open})
			if err != nil || (len(alarms) == 0 && told > 0) || (len(alarms) > 0 && alarms[0].Count != told) {
				rt.Fatalf("%d told of, alarms %+v, %v", told, alarms, err)
			}
			if len(lies) == 0 && len(alarms) > 0 && alarms[0].OverAt.IsZero() {
				rt.Fatal("the alarm lasts though nothing lies there")
			}
		}
	})
}
