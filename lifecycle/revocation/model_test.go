package revocation_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// model is the register in its simplest form: entries, and who has confirmed what.
type model struct {
	epoch, n uint64
	entries  []access.Version
	targets  map[access.Version][]string
	controls map[string]*held
	receipts map[string]bool // "version controller"
}

// held is what the centre may believe a controller holds.
type held struct {
	upto  access.Version
	whole bool
}

// confirm is the rule, word by word: nothing of another epoch or beyond the newest; all between what was confirmed and what is; earlier
// epochs only by somebody with our set.
func (m *model) confirm(controller string, upto access.Version, sameSet bool) (ignored bool) {
	h := m.controls[controller]
	if h == nil || upto.Epoch != m.epoch || upto.N > m.n {
		return true
	}
	if h.upto.Epoch != m.epoch {
		h.upto, h.whole = access.Version{Epoch: m.epoch}, false
	}
	earlier := !h.whole && sameSet
	for _, v := range m.entries {
		present := v.Epoch == m.epoch && v.N <= upto.N
		if (present || (v.Epoch < m.epoch && earlier)) && slices.Contains(m.targets[v], controller) {
			m.receipts[fmt.Sprint(v.Epoch, ".", v.N, " ", controller)] = true
		}
	}
	h.whole = h.whole || sameSet
	h.upto.N = max(h.upto.N, upto.N)
	return false
}

func (m *model) add() {
	m.n++
	v := access.Version{Epoch: m.epoch, N: m.n}
	m.entries = append(m.entries, v)
	m.targets[v] = slices.Sorted(maps.Keys(m.controls))
}

func (m *model) behind() string {
	var list []revocation.Progress
	for _, name := range slices.Sorted(maps.Keys(m.controls)) {
		at := m.controls[name].upto
		if at.Epoch != m.epoch || at.N < m.n {
			list = append(list, revocation.Progress{Controller: name, Epoch: at.Epoch, N: at.N})
		}
	}
	return fmt.Sprint(list)
}

// world is the model beside the real thing. Each run begins with an epoch of its own, in which both controllers confirm everything.
type world struct {
	t     *testing.T
	rt    *rapid.T
	city  *lifecycletest.City
	first uint64 // epoch of the run
	keys  map[string]string
	model *model
}

func (w *world) must(err error) {
	if err != nil {
		w.rt.Fatal(err)
	}
}

// begin confirms what earlier runs left.
func (w *world) begin() {
	w.open(w.rt)
	w.first = w.model.epoch
	for name := range w.keys {
		w.swap(name)
		word := w.word(name, access.Version{Epoch: w.first}, true)
		w.model.confirm(name, word.Upto, true)
		_, err := w.city.Revocations.Confirm(w.t.Context(), []revocation.Confirmation{word})
		w.must(err)
	}
}

// word is a controller's.
func (w *world) word(controller string, upto access.Version, sameSet bool) revocation.Confirmation {
	c := says(w.city, controller, upto)
	c.Key = w.keys[controller]
	if sameSet {
		c.Hash = w.hashAt(upto)
	}
	return c
}

// replace puts another box in the place of one.
func (w *world) replace(rt *rapid.T) {
	w.swap(rapid.SampledFrom(slices.Sorted(maps.Keys(w.keys))).Draw(rt, "controller"))
}

func (w *world) swap(name string) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	hash := lifecycletest.TokenHash(string(public))
	w.must(w.city.Device.NewToken(w.t.Context(), lifecycletest.Manager, name, hash, w.city.Clock.Now().Add(time.Hour)))
	e := device.Enrolment{Controller: name, TokenHash: hash, Public: public, BoxKey: make([]byte, 32)}
	w.must(w.city.Device.Enroll(w.t.Context(), e, w.city.Certificate("1")))
	w.keys[name] = wire.KeyID(public)
	w.model.controls[name] = &held{}
}

func (w *world) add(*rapid.T) {
	w.must(w.city.Store.Write(w.t.Context(), store.System("test"), "", func(tx *store.Tx) error {
		name := fmt.Sprint(w.model.epoch, ".", w.model.n)
		_, err := w.city.Revocations.Add(w.t.Context(), tx, revocation.Entry{Card: "C", Key: lifecycletest.Key(name), State: access.Revoked})
		return err
	}))
	w.model.add()
}

func (w *world) open(*rapid.T) {
	epoch, err := w.city.Device.OpenEpoch(w.t.Context(), 0, "restored")
	w.must(err)
	w.model.epoch, w.model.n = epoch, 0
}

// confirm sends a group of words, some of them strange.
func (w *world) confirm(rt *rapid.T) {
	names := append(slices.Sorted(maps.Keys(w.model.controls)), "nobody")
	var list []revocation.Confirmation
	ignored := 0
	for range rapid.IntRange(1, 4).Draw(rt, "words") {
		upto := access.Version{
			Epoch: w.model.epoch - uint64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(rt, "epochs ago")),
			N:     uint64(rapid.IntRange(0, int(w.model.n)+1).Draw(rt, "n")),
		}
		same := rapid.Bool().Draw(rt, "same set")
		c := w.word(rapid.SampledFrom(names).Draw(rt, "controller"), upto, same)
		list = append(list, c)
		if w.model.confirm(c.Controller, upto, same) {
			ignored++
		}
	}
	got, err := w.city.Revocations.Confirm(w.t.Context(), list)
	w.must(err)
	if got != ignored {
		rt.Fatalf("%d ignored, want %d", got, ignored)
	}
}

// hashAt is the hash of the set as it stood at a version. Every entry here is of a card of its own.
func (w *world) hashAt(v access.Version) string {
	set := access.Revocations{}
	w.must(w.city.Store.Read(w.t.Context(), func(q store.Queryer) error {
		list, err := revocation.Set(w.t.Context(), q)
		set.Merge(slices.DeleteFunc(list, func(r access.Revocation) bool { return v.Less(r.Version) })...)
		return err
	}))
	return set.Hash()
}

// check compares everything that can be seen.
func (w *world) check(rt *rapid.T) {
	ctx := w.t.Context()
	w.must(w.city.Store.Read(ctx, func(q store.Queryer) error {
		latest, err := revocation.Latest(ctx, q)
		if err != nil || latest != (access.Version{Epoch: w.model.epoch, N: w.model.n}) {
			rt.Fatalf("Latest = %v, %v, want %d.%d", latest, err, w.model.epoch, w.model.n)
		}
		from := uint64(rapid.IntRange(0, int(w.model.n)+1).Draw(rt, "from"))
		since, err := revocation.Since(ctx, q, from)
		if err != nil {
			return err
		}
		for i, r := range since {
			if r.Version != (access.Version{Epoch: w.model.epoch, N: from + uint64(i) + 1}) {
				rt.Fatalf("Since(%d)[%d] = %v: numbers are not dense", from, i, r.Version)
			}
		}
		if want := int(w.model.n) - int(min(from, w.model.n)); len(since) != want {
			rt.Fatalf("Since(%d) has %d entries, want %d", from, len(since), want)
		}
		var rows []string
		if err := q.Select(ctx, &rows, `SELECT epoch || '.' || n || ' ' || controller FROM revocation_receipt WHERE epoch >= ?`, int64(w.first)); err != nil {
			return err
		}
		slices.Sort(rows)
		if want := slices.Sorted(maps.Keys(w.model.receipts)); !slices.Equal(rows, want) {
			rt.Fatalf("receipts %v, want %v", rows, want)
		}
		return nil
	}))
	list, err := w.city.Revocations.Behind(ctx)
	w.must(err)
	if got := fmt.Sprint(list); got != w.model.behind() {
		rt.Fatalf("behind %s, want %s", got, w.model.behind())
	}
}

func TestNumbersAndConfirmationsAreThoseOfTheModel(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		revoke(t, city, ids["K-1"]) // so that the register is never empty
		rapid.Check(t, func(rt *rapid.T) {
			w := &world{t: t, rt: rt, city: city, keys: map[string]string{"ctl-1": "", "ctl-2": ""}, model: &model{
				targets: map[access.Version][]string{}, controls: map[string]*held{}, receipts: map[string]bool{},
			}}
			w.begin()
			for range rapid.IntRange(3, 15).Draw(rt, "steps") {
				rapid.SampledFrom([]func(*rapid.T){w.add, w.add, w.confirm, w.confirm, w.confirm, w.open, w.replace}).Draw(rt, "step")(rt)
				w.check(rt)
			}
		})
		verified(t, city)
	})
}
