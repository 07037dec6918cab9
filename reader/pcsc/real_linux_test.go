package pcsc

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/firmware-sim/vcard"
	"kanmon/firmware-sim/vreader"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader/credential"
	"kanmon/reader/pcsc/apdu"
	"kanmon/reader/pcsc/pcscdtest"
)

var exit = os.Exit

// watched is a reader at work and what it says.
type watched struct {
	*Reader
	events chan Event
}

func watch(t testing.TB, c Config) *watched {
	t.Helper()
	w := &watched{events: make(chan Event, 1000)}
	c.Emit = func(e Event) { w.events <- e }
	w.Reader = run(t, c)
	return w
}

// run has a reader at work until the test ends.
func run(t testing.TB, c Config) *Reader {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

const patient = 15 * time.Second

// next is the next event, of a kind.
func next[E Event](t testing.TB, w *watched) E {
	t.Helper()
	var e Event
	select {
	case e = <-w.events:
	case <-time.After(patient):
		t.Fatalf("no %T came", *new(E))
	}
	got, ok := e.(E)
	if !ok {
		t.Fatalf("%T %+v came, want %T", e, e, *new(E))
	}
	return got
}

// after skips events until one of a kind comes.
func after[E Event](t testing.TB, w *watched) E {
	t.Helper()
	for deadline := time.After(patient); ; {
		select {
		case e := <-w.events:
			if got, ok := e.(E); ok {
				return got
			}
		case <-deadline:
			t.Fatalf("no %T came", *new(E))
		}
	}
}

func (w *watched) nothing(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case e := <-w.events:
		t.Errorf("%T %+v came", e, e)
	case <-time.After(d):
	}
}

func hold(t testing.TB, d *vreader.Daemon, n int, c vcard.Card) *vcard.Held {
	t.Helper()
	h, err := vcard.Hold(t.Context(), d, vreader.Address(n), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Remove)
	return h
}

func parse(t testing.TB, s string) credential.Credential {
	t.Helper()
	c, err := credential.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// employee is a FeliCa card with an employee number, as many cities issue: system FE00, service 1A8B, "12345678" from the third byte of the first block.
func employee() *vcard.FeliCa {
	return &vcard.FeliCa{
		IDm: [8]byte{0x01, 0x2E, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE},
		Systems: []vcard.System{
			{Code: 0x0003, Services: map[uint16][]vcard.Block{0x090F: {{1}}}},
			{Code: 0xFE00, Services: map[uint16][]vcard.Block{0x1A8B: {{0xAA, 0xBB, '1', '2', '3', '4', '5', '6', '7', '8', 0xCC}, {0xDD}}}},
		},
	}
}

func employeePlan(by apdu.Dialect) apdu.Plan {
	return apdu.Plan{By: by, Service: &apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0}, From: 2, Length: 8}}
}

const (
	employeeMemory = "felica:96:fe001a8b3132333435363738"
	employeeNumber = "idm:64:012e3456789abcde"
)

// R43-2: what was read, in which class.
func TestEachCardIsReadAsWhatItIs(t *testing.T) {
	d := pcscdtest.Start(t, 2)
	plain := watch(t, Config{Pattern: vreader.Reader(0)})
	rich := watch(t, Config{Pattern: "Virtual PCD A * 01", Plan: employeePlan(apdu.Transparent)})
	if up := next[Up](t, plain); up.Name != "Virtual PCD A 00 00" {
		t.Errorf("up %q", up.Name)
	}
	next[Up](t, rich)
	for name, c := range map[string]struct {
		w     *watched
		n     int
		card  vcard.Card
		want  string
		trust access.Trust
	}{
		"UID of 4":              {plain, 0, vcard.TypeA{UID: []byte{0x11, 0x22, 0x33, 0x44}}, "uid:32:11223344", access.TrustNumber},
		"UID of 7":              {plain, 0, vcard.TypeA{UID: []byte{4, 1, 2, 3, 4, 5, 6}}, "uid:56:04010203040506", access.TrustNumber},
		"UID of 10":             {plain, 0, vcard.TypeA{UID: []byte{4, 1, 2, 3, 4, 5, 6, 7, 8, 9}}, "uid:80:04010203040506070809", access.TrustNumber},
		"IDm":                   {plain, 0, employee(), employeeNumber, access.TrustNumber},
		"the service":           {rich, 1, employee(), employeeMemory, access.TrustMemory},
		"a UID where a service": {rich, 1, vcard.TypeA{UID: []byte{0x11, 0x22, 0x33, 0x44}}, "uid:32:11223344", access.TrustNumber},
	} {
		h := hold(t, d, c.n, c.card)
		got := next[Card](t, c.w)
		if got.Credential != parse(t, c.want) || got.Trust != c.trust || got.Lay || time.Since(got.At) > patient {
			t.Errorf("%s: trust %q, lay %v, right number: %v", name, got.Trust, got.Lay, got.Credential == parse(t, c.want))
		}
		h.Remove()
		next[Removed](t, c.w)
	}
}

// The numbers that are none: R44-1.
func TestWhatIsNoIdentifierIsRefused(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	w := watch(t, Config{Pattern: vreader.Reader(0)})
	next[Up](t, w)
	for code, c := range map[string]vcard.Card{
		"credential.random": &vcard.Phone{}, "credential.type_b": &vcard.TypeB{}, "credential.cut": vcard.TypeA{UID: []byte{0x88, 4, 1, 2}},
	} {
		h := hold(t, d, 0, c)
		if got := next[Failed](t, w); fault.CodeOf(got.Err) != code {
			t.Errorf("%s: %v", code, got.Err)
		}
		h.Remove()
		next[Removed](t, w)
	}
}

// Case 30 of the anchors: one card never has two identities by the quality of its read. Only a card that says that it has no such service gives its
// number. Each step fails once, in each way.
func TestAServiceThatCannotBeReadIsNeverTheNumber(t *testing.T) {
	d := pcscdtest.Start(t, len(vcard.Faults))
	const steps = 6 // number, begin, protocol, polling, read, end
	for i, name := range slices.Sorted(maps.Keys(vcard.Faults)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, Config{Pattern: vreader.Reader(i), Plan: employeePlan(apdu.Transparent), ReadTime: 400 * time.Millisecond})
			next[Up](t, w)
			for at := 1; at <= steps; at++ {
				failsAt(t, d, w, i, &vcard.Faulty{Card: employee(), At: at, Kind: vcard.Faults[name], After: 600 * time.Millisecond})
			}
			right := &vcard.Faulty{Card: employee()} // the handle was released each time
			hold(t, d, i, right)
			if c := after[Card](t, w); c.Credential != parse(t, employeeMemory) || right.Asked() != steps {
				t.Errorf("afterwards: right number %v in %d steps", c.Credential == parse(t, employeeMemory), right.Asked())
			}
		})
	}
}

// failsAt holds a card of which one step fails, and expects that it fails and that nothing else is said of it.
func failsAt(t *testing.T, d *vreader.Daemon, w *watched, reader int, card *vcard.Faulty) {
	t.Helper()
	h := hold(t, d, reader, card)
	after[Failed](t, w)
	h.Remove()
	for {
		switch e := after[Event](t, w).(type) {
		case Card:
			t.Errorf("step %d: a card with trust %q", card.At, e.Trust)
		case Failed:
			t.Errorf("step %d: failed twice, by %v", card.At, e.Err)
		case Removed:
			return
		case Up:
			// The driver waits for ever for a second answer when the first has no bytes: as with a slow card the context was made anew, and the card
			// was gone before it.
			if card.Kind == vcard.Slow || card.Kind == vcard.Empty {
				return
			}
		}
	}
}

func TestACardWithoutTheServiceGivesItsNumber(t *testing.T) {
	d := pcscdtest.Start(t, 3)
	for n, by := range []apdu.Dialect{apdu.Transparent, apdu.Direct} {
		w := watch(t, Config{Pattern: vreader.Reader(n), Plan: employeePlan(by)})
		next[Up](t, w)
		other := employee()
		other.Systems = other.Systems[:1]
		for name, c := range map[string]*vcard.FeliCa{"no such system": other, "no such service": {IDm: other.IDm, Systems: []vcard.System{{Code: 0xFE00}}}} {
			h := hold(t, d, n, c)
			if got := next[Card](t, w); got.Credential != parse(t, employeeNumber) || got.Trust != access.TrustNumber {
				t.Errorf("%s, %s: trust %q", by, name, got.Trust)
			}
			h.Remove()
			next[Removed](t, w)
		}
	}
}

func TestACardThatIsLeftIsToldOnce(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	w := watch(t, Config{Pattern: vreader.Reader(0), LeftAfter: 300 * time.Millisecond})
	next[Up](t, w)
	h := hold(t, d, 0, employee())
	next[Card](t, w)
	if left := next[Left](t, w); left.For < 300*time.Millisecond || left.For > 2*time.Second {
		t.Errorf("left for %v", left.For)
	}
	w.nothing(t, 700*time.Millisecond)
	h.Remove()
	next[Removed](t, w)
	w.nothing(t, 400*time.Millisecond)
}

// Anchor 40: the daemon is killed, hangs, and comes back; nothing restarts but it.
func TestTheDaemonMayDieHangAndComeBack(t *testing.T) {
	d := pcscdtest.Start(t, 2)
	a := watch(t, Config{Pattern: vreader.Reader(0)})
	b := watch(t, Config{Pattern: vreader.Reader(1)})
	tap := func(w *watched, n int) {
		t.Helper()
		h := hold(t, d, n, employee())
		if c := after[Card](t, w); c.Lay {
			t.Error("a card that was held there just now lay there")
		}
		h.Remove()
		next[Removed](t, w)
	}
	next[Up](t, a)
	next[Up](t, b)
	tap(a, 0)
	for name, away := range map[string]func(){"killed": d.Kill, "ended": d.Stop, "hung and killed": func() {
		if err := d.Freeze(); err != nil {
			t.Fatal(err)
		}
		next[Down](t, a)
		next[Down](t, b)
		d.Kill()
	}} {
		away()
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		after[Up](t, a)
		after[Up](t, b)
		tap(a, 0)
		tap(b, 1)
	}
	if err := d.Freeze(); err != nil {
		t.Fatal(err)
	}
	after[Down](t, a)
	if err := d.Thaw(); err != nil {
		t.Fatal(err)
	}
	after[Up](t, a)
	tap(a, 0)
}

func TestACardThatLayThereWhenTheReaderCameBackIsSaidToLie(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	h := hold(t, d, 0, employee())
	t.Run("the daemon has told of it before", func(t *testing.T) {
		w := watch(t, Config{Pattern: vreader.Reader(0)})
		next[Up](t, w)
		next[Card](t, w)
	})
	w := watch(t, Config{Pattern: vreader.Reader(0)})
	next[Up](t, w)
	if c := next[Card](t, w); !c.Lay {
		t.Error("held there just now")
	}
	h.Remove()
	next[Removed](t, w)
	hold(t, d, 0, employee())
	if c := next[Card](t, w); c.Lay {
		t.Error("lay there")
	}
}

// A driver that waits for ever holds one goroutine and nothing else; the card's late answer opens nothing.
func TestACardThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	d := pcscdtest.Start(t, 2)
	w := watch(t, Config{Pattern: vreader.Reader(0), ReadTime: 300 * time.Millisecond})
	other := watch(t, Config{Pattern: vreader.Reader(1)})
	next[Up](t, w)
	next[Up](t, other)
	h := hold(t, d, 0, &vcard.Faulty{Card: employee(), At: 1, Kind: vcard.Slow, After: 5 * time.Second})
	if got := next[Failed](t, w); fault.CodeOf(got.Err) != "pcsc.slow" {
		t.Errorf("failed by %v", got.Err)
	}
	next[Down](t, w)
	hold(t, d, 1, employee())
	next[Card](t, other)
	if err := goleak.Find(goleak.IgnoreCurrent()); err != nil {
		t.Error(err)
	}
	h.Remove()
	next[Up](t, w)
	hold(t, d, 0, employee())
	if c := next[Card](t, w); c.Credential != parse(t, employeeNumber) {
		t.Error("another card")
	}
}

// Part of the desk's program for Windows, which is built without cgo.
func TestThePackageIsBuiltForWindowsWithoutCgo(t *testing.T) {
	cmd := exec.Command("go", "vet", ".")
	cmd.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		var failed *exec.ExitError
		t.Fatalf("%v (%v)\n%s", err, errors.As(err, &failed), out)
	}
}
