package revoke

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signer is the centre's key of the tests.
type signer struct{ ed25519.PrivateKey }

func (s signer) public() ed25519.PublicKey { return s.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // it is
func (s signer) KeyID() string             { return wire.KeyID(s.public()) }
func (s signer) Sign(b []byte) []byte      { return ed25519.Sign(s.PrivateKey, b) }

var centre = signer{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}

// road is the broker: it opens what comes with the centre's key and hands it out by receiver.
type road struct {
	t *testing.T

	mu     sync.Mutex
	cut    bool
	sets   map[string][]wire.RevokedSet
	arrive chan wire.RevokedSet // of broadcasts
}

func (r *road) publish(_ context.Context, topic string, payload []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut {
		return fault.New(fault.Unavailable, "mqtt.offline", "cut")
	}
	at, err := wire.ParseTopic(topic)
	if err != nil {
		r.t.Error(err)
	}
	set, err := wire.OpenRevoked(at, payload, wire.OneKey(centre.public()))
	if err != nil {
		r.t.Error(err)
	}
	for _, e := range set.Entries {
		if err := wire.CheckSeal("demo", e, wire.OneKey(centre.public())); err != nil {
			r.t.Error(err)
		}
	}
	r.sets[at.Controller] = append(r.sets[at.Controller], set)
	if at.Controller == wire.All {
		r.arrive <- set
	}
	return nil
}

// take returns what was sent to a receiver since the last call.
func (r *road) take(to string) []wire.RevokedSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	sets := r.sets[to]
	delete(r.sets, to)
	return sets
}

func (r *road) setCut(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
}

type rig struct {
	*lifecycletest.City
	t    *testing.T
	road *road
	pub  *Publisher
}

func open(t *testing.T, d *db.DB) *rig {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	r := &rig{City: city, t: t}
	r.again()
	return r
}

// again is a centre started again: it knows what stands in the registers.
func (r *rig) again() {
	r.t.Helper()
	r.road = &road{t: r.t, sets: map[string][]wire.RevokedSet{}, arrive: make(chan wire.RevokedSet, 64)}
	r.pub = New(Config{
		Site: "demo", Store: r.Store, Revocations: r.Revocations, Signer: centre,
		Seals: wire.NewSealer("demo", centre), Publish: r.road.publish, Log: slog.New(slog.DiscardHandler),
	})
	if err := r.pub.start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) card(no string) string {
	r.t.Helper()
	cards, err := r.Card.List(r.t.Context(), lifecycletest.Guard, card.Filter{Person: no})
	if err != nil || len(cards) != 1 {
		r.t.Fatalf("cards of %s: %+v, %v", no, cards, err)
	}
	return cards[0].ID
}

func (r *rig) suspend(no string) access.Version {
	r.t.Helper()
	_, v, err := r.Card.Suspend(r.t.Context(), lifecycletest.Manager, r.card(no), "紛失", time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.pub.forget() // as the wake-up does
	return v
}

func (r *rig) broadcast() {
	r.t.Helper()
	if err := r.pub.broadcast(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) catchUp(now time.Time) {
	r.t.Helper()
	if err := r.pub.catchUp(r.t.Context(), now, true); err != nil {
		r.t.Fatal(err)
	}
}

// hash is that of the whole set.
func (r *rig) hash() string {
	r.t.Helper()
	s, err := r.pub.present(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.hash
}

func (r *rig) confirm(controller string, upto access.Version) {
	r.t.Helper()
	_, err := r.Revocations.Confirm(r.t.Context(), []revocation.Confirmation{{
		Controller: controller, Key: wire.KeyID(lifecycletest.DeviceKey(controller).Public().(ed25519.PublicKey)), //nolint:forcetypeassert // it is
		Upto: upto, Hash: r.hash(), AppliedAt: time.Now(), ReceivedAt: time.Now(), Payload: []byte("x"),
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// awaitStart returns when Run has looked at the register: what is entered before is nothing new to it.
func (r *rig) awaitStart() {
	for looked := false; !looked; runtime.Gosched() {
		r.pub.mu.Lock()
		looked = r.pub.sentHash != ""
		r.pub.mu.Unlock()
	}
}

func TestANewEntryIsBroadcastAtOnceAndNothingTwice(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.pub.Run(ctx) }()
		r.awaitStart()
		first := r.suspend("1001")
		set := <-r.road.arrive
		if set.From != 0 || set.Upto != first || len(set.Entries) != 1 || set.Entries[0].Card != r.card("1001") || set.Entries[0].State != access.Suspended {
			t.Fatalf("broadcast %+v", set)
		}
		second := r.suspend("1002")
		if set = <-r.road.arrive; set.From != first.N || set.Upto != second || len(set.Entries) != 1 {
			t.Fatalf("broadcast %+v", set)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if at := r.pub.PublishedAt("ctl-1", second); at.IsZero() || time.Since(at) > time.Minute {
			t.Errorf("published at %v", at)
		}
		if !r.pub.PublishedAt("ctl-1", access.Version{Epoch: 1, N: 3}).IsZero() {
			t.Error("a time for what was never sent")
		}
	})
}

func TestABrokerThatWasAwayGetsEverythingOnItsReturn(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		r.road.setCut(true)
		r.suspend("1001")
		if err := r.pub.broadcast(t.Context()); err == nil {
			t.Fatal("sent over a cut line")
		}
		last := r.suspend("1002")
		r.road.setCut(false)
		r.broadcast()
		sets := r.road.take(wire.All)
		if len(sets) != 1 || sets[0].From != 0 || sets[0].Upto != last || len(sets[0].Entries) != 2 {
			t.Fatalf("broadcast %+v", sets)
		}
	})
}

// R75-3: a door that was cut off learns of what it missed as soon as it is back, before anything else.
func TestADoorThatReturnsIsSentWhatItLacksAtOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		now := time.Now()
		first := r.suspend("1001")
		r.broadcast()
		r.pub.Heard("ctl-1", true, first, r.hash())
		r.confirm("ctl-1", first)
		r.catchUp(now)
		r.pub.Heard("ctl-1", false, access.Version{}, "")
		last := r.suspend("1002")
		r.broadcast()
		r.catchUp(now.Add(time.Hour))
		if sets := r.road.take("ctl-1"); len(sets) != 0 {
			t.Fatalf("%d sets to a door that is away", len(sets))
		}
		r.pub.Heard("ctl-1", true, first, r.hash())
		select {
		case <-r.pub.nudge:
		default:
			t.Fatal("its return waits for the next second")
		}
		r.catchUp(time.Now())
		sets := r.road.take("ctl-1")
		if len(sets) != 1 || sets[0].From != first.N || sets[0].Upto != last || len(sets[0].Entries) != 1 {
			t.Fatalf("sent %+v", sets)
		}
		if at := r.pub.PublishedAt("ctl-1", last); !at.Equal(r.pub.peers["ctl-1"].last.at) {
			t.Errorf("published at %v", at)
		}
		r.confirm("ctl-1", last)
		r.pub.Heard("ctl-1", true, last, r.hash())
		r.catchUp(now.Add(time.Hour))
		if sets := r.road.take("ctl-1"); len(sets) != 0 {
			t.Fatalf("%d sets after it confirmed", len(sets))
		}
	})
}

// The registers alone say what is to be done: a centre that stopped after the commit and before the broadcast loses nothing.
func TestACentreThatStoppedBeforeTheBroadcastServesEveryoneAfterItsStart(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		v := r.suspend("1001")
		r.again()
		for _, name := range []string{"ctl-1", "ctl-2"} {
			r.pub.Heard(name, true, access.Version{}, "")
		}
		r.catchUp(time.Now())
		for _, name := range []string{"ctl-1", "ctl-2"} {
			sets := r.road.take(name)
			if len(sets) != 1 || sets[0].From != 0 || sets[0].Upto != v || len(sets[0].Entries) != 1 {
				t.Fatalf("%s was sent %+v", name, sets)
			}
		}
	})
}

// A status comes every ten seconds, a receipt at once: who has confirmed is not sent the same again meanwhile.
func TestWhoHasConfirmedIsNotSentItAgainBeforeItsNextStatus(t *testing.T) {
	r := open(t, dbtest.SQLite(t))
	r.pub.Heard("ctl-1", true, access.Version{}, "")
	v := r.suspend("1001")
	r.broadcast()
	r.confirm("ctl-1", v)
	r.pub.Confirmed("ctl-1", v)
	if r.catchUp(time.Now().Add(5 * time.Second)); len(r.road.take("ctl-1")) != 0 {
		t.Fatal("sent again")
	}
}

func TestAReceiptThatWasLostIsAskedForAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		r.suspend("1001")
		v := r.suspend("1002")
		r.broadcast()
		r.pub.Heard("ctl-1", true, v, r.hash())
		now := time.Now()
		r.catchUp(now)
		if sets := r.road.take("ctl-1"); len(sets) != 1 || sets[0].From != v.N-1 || sets[0].Upto != v {
			t.Fatalf("sent %+v", sets)
		}
		tries := 0
		for range 100 { // a second each
			now = now.Add(time.Second)
			r.catchUp(now)
			tries += len(r.road.take("ctl-1"))
		}
		if tries < 5 || tries > 12 {
			t.Fatalf("asked %d times in 100 s", tries)
		}
	})
}

func TestAnotherSetUnderTheSameNumberIsReplacedAndCounted(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		v := r.suspend("1001")
		r.broadcast()
		r.confirm("ctl-1", v)
		r.pub.Heard("ctl-1", true, v, "00ff")
		now := time.Now().Add(time.Minute)
		r.catchUp(now)
		if sets := r.road.take("ctl-1"); len(sets) != 1 || sets[0].From != 0 || len(sets[0].Entries) != 1 || r.pub.Repaired() != 1 {
			t.Fatalf("sent %+v, repaired %d", sets, r.pub.Repaired())
		}
		r.pub.Heard("ctl-1", true, v, "00ff")
		if r.catchUp(now.Add(10 * time.Second)); len(r.road.take("ctl-1")) != 0 {
			t.Fatal("sent again at once")
		}
		if r.catchUp(now.Add(repairEvery)); len(r.road.take("ctl-1")) != 1 {
			t.Fatal("not sent again")
		}
	})
}

// R84-1: after a restore everything in force of the epochs before goes out again under the new one.
func TestANewEpochIsToldWithTheWholeSet(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		old := r.suspend("1001")
		r.broadcast()
		r.road.take(wire.All)
		if _, err := r.Device.OpenEpoch(t.Context(), 0, "test"); err != nil {
			t.Fatal(err)
		}
		r.broadcast()
		sets := r.road.take(wire.All)
		if len(sets) != 1 || sets[0].From != 0 || sets[0].Upto != (access.Version{Epoch: 2}) || len(sets[0].Entries) != 1 || sets[0].Entries[0].Version != old {
			t.Fatalf("broadcast %+v", sets)
		}
		r.pub.Heard("ctl-1", true, old, r.hash())
		r.catchUp(time.Now())
		if sets := r.road.take("ctl-1"); len(sets) != 1 || sets[0].Upto != (access.Version{Epoch: 2}) {
			t.Fatalf("sent %+v", sets)
		}
		next := r.suspend("1002")
		r.broadcast()
		if sets := r.road.take(wire.All); len(sets) == 0 || sets[len(sets)-1].Upto != next {
			t.Fatalf("broadcast %+v", sets)
		}
	})
}

// An entry of a lost day that one door reports has to reach the others, though no number moves.
func TestAnEntryFoundAgainReachesEveryone(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		r.suspend("1001")
		if _, err := r.Device.OpenEpoch(t.Context(), 0, "test"); err != nil {
			t.Fatal(err)
		}
		r.broadcast()
		r.road.take(wire.All)
		lost := access.Revocation{Version: access.Version{Epoch: 1, N: 2}, Key: lifecycletest.Key("1002"), Card: r.card("1002"), State: access.Revoked}
		err := r.Store.Write(t.Context(), store.System("test"), "", func(tx *store.Tx) error {
			_, _, err := r.Revocations.Adopt(t.Context(), tx, revocation.Adoption{Entry: lost, Controller: "ctl-1", AppliedAt: time.Now(), Payload: []byte("x")})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r.pub.forget() // as the wake-up does
		r.broadcast()
		sets := r.road.take(wire.All)
		if len(sets) != 1 || len(sets[0].Entries) != 2 || !sets[0].Entries[1].Same(lost) {
			t.Fatalf("broadcast %+v", sets)
		}
		if r.broadcast(); len(r.road.take(wire.All)) != 0 {
			t.Fatal("broadcast twice")
		}
	})
}

// Whoever has everything up to any version has the whole set after the runs collected for it, and every run is one that travels.
func TestRunsBringAnyoneToTheWholeSet(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	var all []access.Revocation
	rapid.Check(t, func(rt *rapid.T) {
		add := func() {
			err := city.Store.Write(t.Context(), store.System("test"), "x", func(tx *store.Tx) error {
				for range rapid.SampledFrom([]int{1, 3, 40}).Draw(rt, "entries") {
					who := strconv.Itoa(rapid.IntRange(0, 30).Draw(rt, "card"))
					n := revocation.Entry{
						Card: "C-" + who, Key: lifecycletest.Key("x" + who),
						State: rapid.SampledFrom([]access.CredentialState{access.Active, access.Suspended, access.Revoked}).Draw(rt, "state"),
					}
					v, err := city.Revocations.Add(t.Context(), tx, n)
					if err != nil {
						return err
					}
					all = append(all, access.Revocation{Version: v, Key: n.Key, Card: n.Card, State: n.State})
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		add()
		if rapid.IntRange(0, 9).Draw(rt, "restored") == 0 {
			if _, err := city.Device.OpenEpoch(t.Context(), 0, "test"); err != nil {
				rt.Fatal(err)
			}
		}
		check(t, rt, city, all)
	})
}

func check(t *testing.T, rt *rapid.T, city *lifecycletest.City, all []access.Revocation) {
	has := access.Revocations{}
	have := access.Version{}
	if n := rapid.IntRange(0, len(all)).Draw(rt, "has"); n > 0 {
		has.Merge(all[:n]...)
		have = all[n-1].Version
	}
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		latest, err := revocation.Latest(t.Context(), q)
		if err != nil {
			return err
		}
		sets, err := collect(t.Context(), q, have, latest)
		if err != nil {
			return err
		}
		for _, s := range sets {
			at := wire.Address{Site: "demo", Controller: wire.All, Kind: wire.Revoked}
			payload, err := wire.Seal(at, s, centre)
			if err != nil {
				return err
			}
			opened, err := wire.OpenRevoked(at, payload, wire.OneKey(centre.public()))
			if err != nil {
				return err
			}
			if s.From > 0 && (have.Epoch != latest.Epoch || s.From > have.N) {
				rt.Fatalf("a run from %d for one who has %v", s.From, have)
			}
			has.Merge(opened.Entries...)
			if opened.More {
				continue
			}
			have = access.Version{Epoch: s.Upto.Epoch, N: max(s.Upto.N, have.N)}
			if s.From == 0 {
				have.N = s.Upto.N
			}
		}
		if len(sets) > 0 && have != latest {
			rt.Fatalf("ends at %v, latest %v", have, latest)
		}
		whole := access.Revocations{}
		whole.Merge(all...)
		if has.Hash() != whole.Hash() {
			rt.Fatalf("%d entries in force of %d", len(has), len(whole))
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}

func TestOtherTrafficWaitsForTheReceiptsAndNotForEver(t *testing.T) {
	r := open(t, dbtest.SQLite(t))
	r.pub.Hold(t.Context()) // nothing was ever sent
	v := r.suspend("1001")
	r.pub.Heard("ctl-1", true, access.Version{}, "")
	r.pub.Heard("ctl-2", true, access.Version{}, "")
	r.broadcast()
	held := make(chan time.Duration, 1)
	began := time.Now()
	go func() { r.pub.Hold(t.Context()); held <- time.Since(began) }()
	r.pub.Confirmed("ctl-1", v)
	r.pub.Confirmed("ctl-2", v)
	if took := <-held; took >= mostHold {
		t.Errorf("held for %v after both confirmed", took)
	}
	v = r.suspend("1002")
	r.broadcast()
	began = time.Now()
	r.pub.Hold(t.Context())
	if took := time.Since(began); took < mostHold/2 || took > 2*mostHold {
		t.Errorf("held for %v by a door that does not answer", took)
	}
	began = time.Now()
	if r.pub.Hold(t.Context()); time.Since(began) > mostHold/2 {
		t.Error("held again for the same broadcast")
	}
	r.pub.Confirmed("ctl-1", v)
}
