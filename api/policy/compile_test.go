package policy_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/api/policy"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/staff"
)

func compile(t *testing.T, city *lifecycletest.City, controller string) access.Spec {
	t.Helper()
	spec, err := policy.New(city.Store, access.Lease{}, lifecycletest.Seals(), city.Forms).Compile(t.Context(), controller)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// R43-1: areas, their doors, who may enter and when, as the door then knows them.
func TestAControllerGetsItsDoorsAndWhoMayPassThem(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		spec := compile(t, city, "ctl-2")
		card2 := cardOf(t, city, "1002")
		want := access.Spec{
			Version: spec.Version,
			Areas:   []access.Area{{ID: "archive", Name: "書庫", Grade: 2, Record: access.BestEffort}},
			Doors: []access.Door{{
				ID: "D-3", Name: "書庫 北", Area: "archive", EntryReads: []string{"IN-1"}, ExitReads: []string{}, ReleaseMS: 5_000, HeldMS: 30_000,
			}},
			Schedules: []access.Schedule{{ID: "office", Name: "執務時間", Windows: lifecycletest.OfficeHours()}},
			People:    []access.Person{{ID: "1001"}, {ID: "1002"}, {ID: "1003"}},
			Credentials: []access.Credential{
				{Key: lifecycletest.Key("1001"), Card: cardOf(t, city, "1001"), Person: "1001", State: access.Active},
				{Key: lifecycletest.Key("1002"), Card: card2, Person: "1002", State: access.Active},
				{Key: lifecycletest.Key("1003"), Card: cardOf(t, city, "1003"), Person: "1003", State: access.Active},
			},
			Rights: []access.Right{{Person: "1001", Area: "archive"}, {Person: "1002", Area: "archive", Schedule: "office"}},
		}
		normal(&spec)
		normal(&want)
		if !reflect.DeepEqual(spec, want) {
			t.Fatalf("compiled\n%+v, want\n%+v", spec, want)
		}
		p, err := decide.Compile(compile(t, city, "ctl-2"))
		if err != nil {
			t.Fatal(err)
		}
		monday := time.Date(2027, 4, 5, 1, 0, 0, 0, time.UTC) // 10:00 in Japan
		for no, reason := range map[string]access.Reason{"1001": access.Granted, "1002": access.Granted, "1003": access.NoRight} {
			if got := decide.Decide(p, decide.Request{Reader: "IN-1", Key: lifecycletest.Key(no)}, monday); got.Reason != reason {
				t.Errorf("%s: %s, want %s", no, got.Reason, reason)
			}
		}
		night := decide.Decide(p, decide.Request{Reader: "IN-1", Key: lifecycletest.Key("1002")}, monday.Add(12*time.Hour))
		if night.Reason != access.OutsideSchedule || night.Card != card2 {
			t.Errorf("at night %+v", night)
		}
	})
}

func cardOf(t *testing.T, city *lifecycletest.City, person string) string {
	t.Helper()
	cards, err := city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: person})
	if err != nil || len(cards) != 1 {
		t.Fatalf("cards of %s: %+v, %v", person, cards, err)
	}
	return cards[0].ID
}

// normal sorts what is sorted by made ids, and takes the difference out between no list and an empty one.
func normal(s *access.Spec) {
	slices.SortFunc(s.Credentials, func(a, b access.Credential) int {
		return strings.Compare(a.Person+a.Card+fmt.Sprint(a.Key), b.Person+b.Card+fmt.Sprint(b.Key))
	})
	for i := range s.Revocations {
		s.Revocations[i].Version, s.Revocations[i].Seal = access.Version{}, ""
	}
	slices.SortFunc(s.Revocations, func(a, b access.Revocation) int { return strings.Compare(fmt.Sprint(a.Key), fmt.Sprint(b.Key)) })
	if len(s.Revocations) == 0 {
		s.Revocations = nil
	}
	slices.SortFunc(s.Rights, func(a, b access.Right) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for i := range s.Doors {
		if len(s.Doors[i].ExitReads) == 0 {
			s.Doors[i].ExitReads = nil
		}
	}
	if len(s.Credentials) == 0 {
		s.Credentials = nil
	}
	if len(s.Rights) == 0 {
		s.Rights = nil
	}
	if len(s.People) == 0 {
		s.People = nil
	}
}

func TestAnUnknownControllerHasNoPolicy(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		_, err := policy.New(lifecycletest.Open(t, d).Store, access.Lease{}, lifecycletest.Seals(), access.OneForm).Compile(t.Context(), "ctl-9")
		if fault.KindOf(err) != fault.NotFound {
			t.Fatalf("Compile = %v", err)
		}
	})
}

// little is a model of the registers: lists, searched from front to back.
type little struct {
	doors     []area.Door
	areas     []string
	schedules []string
	people    map[string]period.Period
	cards     []card.Card
	keys      map[string]access.Key
	more      []access.Credential // beside the cards' own
	profiles  map[string]map[string]access.Reader
	rights    []area.Right
	pins      map[string]access.PIN // in force, by id
}

// spec is what the controller should know, without the version.
func (m *little) spec(controller string) access.Spec {
	var s access.Spec
	inside := map[string]bool{}
	for _, d := range m.doors {
		if d.Controller == controller {
			inside[d.Area] = true
			s.Doors = append(s.Doors, access.Door{
				ID: d.ID, Name: d.Name, Area: d.Area, EntryReads: d.EntryReaders, ReleaseMS: d.ReleaseMS, HeldMS: d.HeldMS,
			})
		}
	}
	for _, id := range m.areas {
		if inside[id] {
			s.Areas = append(s.Areas, access.Area{ID: id, Name: id, Grade: 1, Record: access.Strict})
		}
	}
	who, when := map[string]bool{}, map[string]bool{}
	for _, r := range m.rights {
		if inside[r.Area] && !r.Withdrawn {
			who[r.Person], when[r.Schedule] = true, true
			from, until := r.Unix()
			right := access.Right{Person: r.Person, Area: r.Area, Schedule: r.Schedule, From: from, Until: until}
			if !slices.Contains(s.Rights, right) { // granted twice is granted once
				s.Rights = append(s.Rights, right)
			}
		}
	}
	for _, id := range m.schedules {
		if when[id] {
			s.Schedules = append(s.Schedules, access.Schedule{ID: id, Name: id, Windows: lifecycletest.OfficeHours()})
		}
	}
	for _, c := range m.cards {
		who[c.Person] = len(inside) > 0 || who[c.Person]
	}
	for _, p := range m.pins {
		who[p.Person] = inside[p.Area] || who[p.Person]
	}
	for _, p := range m.pins {
		if inside[p.Area] || (p.Area == "" && who[p.Person]) {
			s.PINs = append(s.PINs, p)
		}
	}
	slices.SortFunc(s.PINs, func(a, b access.PIN) int { return strings.Compare(a.Person+"/"+a.Area, b.Person+"/"+b.Area) })
	for id, p := range m.people {
		if who[id] {
			from, until := p.Unix()
			s.People = append(s.People, access.Person{ID: id, From: from, Until: until})
		}
	}
	slices.SortFunc(s.People, func(a, b access.Person) int { return strings.Compare(a.ID, b.ID) })
	for _, c := range m.cards {
		if who[c.Person] {
			s.Credentials = append(s.Credentials, access.Credential{Key: m.keys[c.ID], Card: c.ID, Person: c.Person, State: access.Active})
		}
	}
	for _, c := range m.more {
		if who[c.Person] {
			s.Credentials = append(s.Credentials, c)
		}
		if c.State == access.Revoked && len(inside) > 0 {
			s.Revocations = append(s.Revocations, access.Revocation{Key: c.Key, Card: c.Card, State: access.Revoked})
		}
	}
	if len(inside) > 0 {
		for _, name := range slices.Sorted(maps.Keys(m.profiles[controller])) {
			s.Readers = append(s.Readers, m.profiles[controller][name])
		}
	}
	return s
}

// TestACompiledPolicyIsWhatTheRegistersSayAndItsVersionRisesWithIt makes random changes and compares every
// controller's policy with the model after each. A policy that differs from the one before must have a higher
// version, else a door would not learn of it.
func TestACompiledPolicyIsWhatTheRegistersSayAndItsVersionRisesWithIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		run := 0
		ids := map[access.Key]string{}
		// People and cards are known at every controller, those of earlier runs too.
		people, keys, cards, pins, more := map[string]period.Period{}, map[string]access.Key{}, []card.Card{}, map[string]access.PIN{}, []access.Credential{}
		rapid.Check(t, func(rt *rapid.T) {
			run++
			w := &world{t: t, rt: rt, city: city, prefix: fmt.Sprintf("x%d-", run), last: map[string]access.Spec{}, ids: ids}
			w.m = little{people: people, keys: keys, cards: cards, pins: pins, more: more, profiles: map[string]map[string]access.Reader{}}
			defer func() { cards, more = w.m.cards, w.m.more }()
			w.controllers()
			for range rapid.IntRange(3, 12).Draw(rt, "changes") {
				w.change()
				w.compare()
			}
			w.repeat()
		})
	})
}

type world struct {
	t      *testing.T
	rt     *rapid.T
	city   *lifecycletest.City
	prefix string
	n      int
	names  []string
	m      little
	last   map[string]access.Spec
	ids    map[access.Key]string // of further credentials
}

func (w *world) must(err error) {
	if err != nil {
		w.rt.Fatal(err)
	}
}

func (w *world) next(what string) string {
	w.n++
	return fmt.Sprintf("%s%s%03d", w.prefix, what, w.n)
}

func (w *world) controllers() {
	for range 2 {
		name := w.next("c")
		_, err := w.city.Device.AddController(w.t.Context(), lifecycletest.Manager, device.NewController{Name: name, Place: "x"})
		w.must(err)
		w.names = append(w.names, name)
	}
	w.addArea()
	w.addPerson()
	w.compare()
}

func (w *world) change() {
	changes := []func(){
		w.addArea, w.addPerson, w.addSchedule, w.addDoor, w.addDoor, w.addCard, w.addCard, w.grant, w.grant, w.grant, w.withdraw, w.changePerson,
		w.setPIN, w.setPIN, w.setPIN, w.withdrawPIN, w.enrol, w.enrol, w.end, w.commission, w.commission,
	}
	changes[rapid.IntRange(0, len(changes)-1).Draw(w.rt, "change")]()
}

func pick[T any](w *world, list []T, what string) T {
	return list[rapid.IntRange(0, len(list)-1).Draw(w.rt, what)]
}

func (w *world) addArea() {
	id := w.next("a")
	_, err := w.city.Area.AddArea(w.t.Context(), lifecycletest.Manager, area.Area{ID: id, Name: id, Grade: 1, Record: access.Strict})
	w.must(err)
	w.m.areas = append(w.m.areas, id)
}

func (w *world) addSchedule() {
	id := w.next("s")
	_, err := w.city.Area.AddSchedule(w.t.Context(), lifecycletest.Manager, area.Schedule{ID: id, Name: id, Windows: lifecycletest.OfficeHours()})
	w.must(err)
	w.m.schedules = append(w.m.schedules, id)
}

func (w *world) addDoor() {
	door := area.Door{
		ID: w.next("d"), Name: "x", Area: pick(w, w.m.areas, "area"), Controller: pick(w, w.names, "controller"), ReleaseMS: 5_000, HeldMS: 30_000,
	}
	reader := fmt.Sprintf("R-%d", w.n)
	_, err := w.city.Device.AddReader(w.t.Context(), lifecycletest.Manager,
		device.Reader{Name: reader, Controller: door.Controller, Kind: device.OSDPReader})
	w.must(err)
	door.EntryReaders = []string{reader}
	_, err = w.city.Area.AddDoor(w.t.Context(), lifecycletest.Manager, door)
	w.must(err)
	w.m.doors = append(w.m.doors, door)
}

func (w *world) validity() period.Period {
	if !rapid.Bool().Draw(w.rt, "limited") {
		return period.Period{}
	}
	from := time.Date(2027, 4, 1+rapid.IntRange(0, 20).Draw(w.rt, "day"), 0, 0, 0, 0, time.UTC)
	return period.Period{From: from, Until: from.Add(240 * time.Hour)}
}

func (w *world) addPerson() {
	id, p := w.next("p"), w.validity()
	_, err := w.city.Staff.Add(w.t.Context(), lifecycletest.Manager, staff.Details{No: id, Name: "x", Period: p})
	w.must(err)
	w.m.people[id] = p
}

func (w *world) person() string {
	var ids []string
	for id := range w.m.people {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return pick(w, ids, "person")
}

func (w *world) changePerson() {
	id, p := w.person(), w.validity()
	_, err := w.city.Staff.Change(w.t.Context(), lifecycletest.Manager, id, "異動", staff.Details{Name: "y", Period: p})
	w.must(err)
	w.m.people[id] = p
}

func (w *world) addCard() {
	label := w.next("k")
	c, err := w.city.Card.Issue(w.t.Context(), lifecycletest.Manager, card.Issue{
		Label: label, Kind: card.Personal, Person: w.person(), Key: lifecycletest.Key(label),
	})
	w.must(err)
	w.m.cards = append(w.m.cards, c)
	w.m.keys[c.ID] = lifecycletest.Key(label)
}

// enrol gives a card one more credential.
func (w *world) enrol() {
	if len(w.m.cards) == 0 {
		return
	}
	c, name := pick(w, w.m.cards, "card"), w.next("e")
	made, err := w.city.Card.Enrol(w.t.Context(), lifecycletest.Manager, c.ID, "", card.Read{Key: lifecycletest.Key(name), Format: "uid"})
	if fault.CodeOf(err) != "card.credentials_many" {
		w.must(err)
		w.ids[lifecycletest.Key(name)] = made.ID
		w.m.more = append(w.m.more, access.Credential{Key: lifecycletest.Key(name), Card: c.ID, Person: c.Person, State: access.Active})
	}
}

// end ends the last credential that counts: its card goes on.
func (w *world) end() {
	for i, c := range slices.Backward(w.m.more) {
		if c.State != access.Active {
			continue
		}
		_, err := w.city.Card.End(w.t.Context(), lifecycletest.Manager, c.Card, w.ids[c.Key], "取り違え")
		w.must(err)
		w.m.more[i].State = access.Revoked
		return
	}
}

// commission gives a reader of a door a profile.
func (w *world) commission() {
	if len(w.m.doors) == 0 {
		return
	}
	d := pick(w, w.m.doors, "door")
	r := access.Reader{Name: d.EntryReaders[0], Trust: pick(w, []access.Trust{"number", "memory", "mutual"}, "trust"), Frames: []access.Frame{{Format: "idm"}, {Format: "uid", Bits: 56}}}
	if rapid.Bool().Draw(w.rt, "any frame") {
		r.Frames, r.Trust = nil, access.TrustNumber
	}
	w.must(w.city.Profiles.Set(w.t.Context(), lifecycletest.Manager, "検収", profile.Profile{Controller: d.Controller, Reader: r.Name, Trust: r.Trust, Frames: r.Frames}))
	if w.m.profiles[d.Controller] == nil {
		w.m.profiles[d.Controller] = map[string]access.Reader{}
	}
	w.m.profiles[d.Controller][r.Name] = r
}

func (w *world) grant() {
	schedule := pick(w, append([]string{""}, w.m.schedules...), "schedule")
	right, err := w.city.Area.Grant(w.t.Context(), lifecycletest.Manager, w.person(), pick(w, w.m.areas, "area"), schedule, w.validity())
	w.must(err)
	w.m.rights = append(w.m.rights, right)
}

func (w *world) withdraw() {
	for i, r := range w.m.rights {
		if !r.Withdrawn {
			w.must(w.city.Area.Withdraw(w.t.Context(), lifecycletest.Manager, r.ID, "不要"))
			w.m.rights[i].Withdrawn = true
			return
		}
	}
}

// setPIN gives somebody a PIN, as the door hashes what is typed.
func (w *world) setPIN() {
	o := pin.Order{
		Person: w.person(), Area: pick(w, append([]string{""}, w.m.areas...), "area"), Duress: rapid.Bool().Draw(w.rt, "duress"), Reason: "新規", After: pin.NotAsked,
	}
	person := w.m.people[o.Person]
	made, err := w.city.PIN.Set(w.t.Context(), lifecycletest.Manager, o)
	if over := !person.Until.IsZero() && !w.city.Clock.Now().Before(person.Until); over != (fault.CodeOf(err) == "pin.person_over") || (!over && err != nil) {
		w.rt.Fatalf("set a PIN: %v", err)
	} else if over {
		return
	}
	key, scope := lifecycletest.HashKey(w.t), "person/"+o.Person
	if o.Area != "" {
		scope = "area/" + o.Area
	}
	p := access.PIN{Person: o.Person, Area: o.Area, Key: made.Code.Key(key, scope), Until: w.city.Clock.Now().AddDate(0, 0, 180).Unix()}
	if o.Duress {
		p.Duress = made.Duress.Key(key, scope)
	}
	w.m.pins[made.ID] = p
}

func (w *world) withdrawPIN() {
	for _, id := range slices.Sorted(maps.Keys(w.m.pins)) {
		p := w.m.pins[id]
		_, err := w.city.PIN.Withdraw(w.t.Context(), lifecycletest.Manager, p.Person, p.Area, "漏れた")
		w.must(err)
		delete(w.m.pins, id)
		return
	}
}

func (w *world) compare() {
	for _, name := range w.names {
		got := compile(w.t, w.city, name)
		if _, err := decide.Compile(got); err != nil {
			w.rt.Fatalf("a controller would refuse it: %v", err)
		}
		want := w.m.spec(name)
		want.Version = got.Version
		normal(&got)
		normal(&want)
		if !reflect.DeepEqual(got, want) {
			w.rt.Fatalf("%s compiled\n%+v, want\n%+v", name, got, want)
		}
		w.risen(name, got)
	}
}

// repeat compiles again what has not changed.
func (w *world) repeat() {
	for _, name := range w.names {
		first, err := wire.PolicyHash(compile(w.t, w.city, name))
		w.must(err)
		second, err := wire.PolicyHash(compile(w.t, w.city, name))
		w.must(err)
		if first != second {
			w.rt.Fatalf("%s compiled twice, two hashes", name)
		}
	}
}

func (w *world) risen(name string, now access.Spec) {
	before, ok := w.last[name]
	w.last[name] = now
	if !ok {
		return
	}
	if now.Version.Less(before.Version) {
		w.rt.Fatalf("%s: version fell from %v to %v", name, before.Version, now.Version)
	}
	version := now.Version
	now.Version = before.Version
	if !reflect.DeepEqual(before, now) && !before.Version.Less(version) {
		w.rt.Fatalf("%s: changed without a higher version:\n%+v\n%+v", name, before, now)
	}
}
