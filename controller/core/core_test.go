package core

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/repeats"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/reader"
)

// The small site of these tests: D-1 leads into a strict area and has a reader on both sides, D-2 into an area
// that opens when nothing can be recorded. P-1 may always enter both; P-2 on Monday mornings.
var (
	keyAlways  = access.Key{1}
	keyMonday  = access.Key{2}
	keyUnknown = access.Key{3}
	started    = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) // a Monday, 10:00 in Japan
)

func siteSpec(n uint64) access.Spec {
	return access.Spec{
		Version: access.Version{Epoch: 1, N: n},
		Areas:   []access.Area{{ID: "A-1", Grade: 2, Record: access.Strict}, {ID: "A-2", Grade: 1, Record: access.BestEffort}},
		Doors: []access.Door{
			{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 5000, HeldMS: 30000},
			{ID: "D-2", Area: "A-2", EntryReads: []string{"IN-2"}, ReleaseMS: 3000, HeldMS: 20000},
			{ID: "D-9", Area: "A-1", EntryReads: []string{"IN-9"}, ReleaseMS: 3000, HeldMS: 20000},
		},
		Schedules: []access.Schedule{{ID: "S-1", Windows: []access.Window{{Day: 1, From: 9 * 60, Until: 12 * 60}}}},
		People:    []access.Person{{ID: "P-1"}, {ID: "P-2"}},
		Credentials: []access.Credential{
			{Key: keyAlways, Card: "C-1", Person: "P-1", State: access.Active},
			{Key: keyMonday, Card: "C-2", Person: "P-2", State: access.Active},
		},
		Rights: []access.Right{
			{Person: "P-1", Area: "A-1"},
			{Person: "P-1", Area: "A-2"},
			{Person: "P-2", Area: "A-1", Schedule: "S-1"},
		},
	}
}

func sitePolicy(t testing.TB, n uint64) *decide.Policy {
	t.Helper()
	p, err := decide.Compile(siteSpec(n))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func siteWiring() Wiring {
	return Wiring{
		Software: "test",
		Devices:  []string{"IN-1", "OUT-1", "IN-2", "IO-1"},
		Doors: []WiredDoor{
			{ID: "D-1", Contact: &Wire{Device: "IO-1", Input: 0}, OpenWhen: Active, ExitButton: &Wire{Device: "IO-1", Input: 1}, ExitReaders: []string{"OUT-1"}},
			{ID: "D-2", Contact: &Wire{Device: "IO-1", Input: 2}, OpenWhen: Active, ExitButton: &Wire{Device: "IO-1", Input: 3}},
		},
	}
}

var errDisk = errors.New("disk full")

// desk drives a Core by hand. Its journal holds what was committed.
type desk struct {
	t       testing.TB
	core    *Core
	state   State
	now     Moment
	records []Record // not answered yet
	onDisk  []event.Event
	others  []Effect // all but records, since the last look
}

func newDesk(t testing.TB, policy *decide.Policy) *desk {
	t.Helper()
	d := &desk{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}}
	var effects []Effect
	d.state, effects = d.core.Start(Saved{Policy: policy, Floor: started.Add(-time.Hour)}, d.now)
	d.collect(effects)
	d.answer(nil)
	return d
}

func (d *desk) collect(effects []Effect) {
	for _, e := range effects {
		if r, ok := e.(Record); ok {
			d.records = append(d.records, r)
		} else {
			d.others = append(d.others, e)
		}
	}
}

func (d *desk) step(in Input) {
	var effects []Effect
	d.state, effects = d.core.Step(d.state, in, d.now)
	d.collect(effects)
}

// answer has the journal take (nil) or refuse every record that waits, those that follow included.
func (d *desk) answer(err error) {
	for len(d.records) > 0 {
		r := d.records[0]
		d.records = d.records[1:]
		if err == nil {
			d.onDisk = append(d.onDisk, r.Events...)
		}
		d.step(Recorded{ID: r.ID, Err: err})
		if err != nil {
			return
		}
	}
}

func (d *desk) pass(t time.Duration) {
	d.now.Mono += t
	d.now.Wall = d.now.Wall.Add(t)
	d.step(Tick{})
}

// did returns and forgets the effects since the last call.
func (d *desk) did() []Effect {
	all := d.others
	d.others = nil
	return all
}

func (d *desk) expect(want ...Effect) {
	d.t.Helper()
	if got := d.did(); !slices.Equal(got, want) {
		d.t.Fatalf("effects %v, want %v", got, want)
	}
}

func (d *desk) kinds() []event.Kind {
	var all []event.Kind
	for _, e := range d.onDisk {
		all = append(all, e.Kind)
	}
	return all
}

func (d *desk) last() event.Event {
	d.t.Helper()
	if len(d.onDisk) == 0 {
		d.t.Fatal("nothing on disk")
	}
	return d.onDisk[len(d.onDisk)-1]
}

func inputsOf(levels ...Level) InputsReported { return InputsReported{Device: "IO-1", Levels: levels} }

var allQuiet = inputsOf(Inactive, Inactive, Inactive, Inactive)

func TestAGrantedEntryIsOnDiskBeforeTheStrike(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.expect()
	d.answer(nil)
	d.expect(Strike{"D-1", 5 * time.Second}, Show{"IN-1", reader.ShowGranted})
	got := d.last()
	want := event.Event{
		At: started, Kind: event.AccessGranted, Door: "D-1", Area: "A-1", Reader: "IN-1", Direction: access.In,
		Reason: access.Granted, Person: "P-1", Card: "C-1",
	}
	got.Policy = nil
	if got != want {
		t.Fatalf("recorded %+v, want %+v", got, want)
	}
}

// R43-2: whoever is not allowed is refused, told so, and recorded.
func TestARefusalIsShownAndRecordedWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		policy *decide.Policy
		in     Presented
		wall   time.Time
		reason access.Reason
		show   reader.Feedback
	}{
		"unknown card":     {sitePolicy(t, 1), Presented{Reader: "IN-1", Key: keyUnknown}, started, access.UnknownCredential, reader.ShowDenied},
		"no right":         {sitePolicy(t, 1), Presented{Reader: "IN-2", Key: keyMonday}, started, access.NoRight, reader.ShowDenied},
		"outside schedule": {sitePolicy(t, 1), Presented{Reader: "IN-1", Key: keyMonday}, started.Add(3 * time.Hour), access.OutsideSchedule, reader.ShowDenied},
		"unknown reader":   {sitePolicy(t, 1), Presented{Reader: "IN-7", Key: keyAlways}, started, access.UnknownReader, reader.ShowTrouble},
		"no policy":        {nil, Presented{Reader: "IN-1", Key: keyAlways}, started, access.NoPolicy, reader.ShowTrouble},
		"time unknown":     {sitePolicy(t, 1), Presented{Reader: "IN-1", Key: keyMonday}, started.Add(-48 * time.Hour), access.TimeUnknown, reader.ShowTrouble},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, c.policy)
			d.now.Wall = c.wall
			d.step(c.in)
			d.expect(Show{c.in.Reader, c.show})
			d.answer(nil)
			d.expect()
			if got := d.last(); got.Kind != event.AccessDenied || got.Reason != c.reason {
				t.Fatalf("recorded %s %s, want denied %s", got.Kind, got.Reason, c.reason)
			}
		})
	}
}

func TestAnUnknownCardIsRecordedByItsFingerprintOnly(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(Presented{Reader: "IN-1", Key: keyUnknown})
	d.answer(nil)
	if got := d.last(); got.Credential != keyUnknown.Fingerprint() || got.Card != "" || got.Person != "" {
		t.Fatalf("recorded %+v", got)
	}
}

// R84-1: the log cannot be written, and the area says strict: refused, shown, and written down when it can be.
func TestAStrictDoorStaysShutWhenTheJournalFails(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.answer(errDisk)
	d.expect(Show{"IN-1", reader.ShowTrouble})
	if st := d.core.Status(d.state); !slices.Contains(st.Trouble, "journal") {
		t.Fatalf("trouble %v", st.Trouble)
	}
	d.pass(RetryRecord)
	d.answer(nil)
	d.expect()
	if got, want := d.kinds(), []event.Kind{event.JournalTrouble, event.AccessDenied}; !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	if got := d.last(); got.Reason != access.NotRecorded || got.Person != "P-1" {
		t.Fatalf("recorded %+v", got)
	}
	if st := d.core.Status(d.state); len(st.Trouble) != 0 {
		t.Fatalf("trouble %v after the disk came back", st.Trouble)
	}
}

// R84-1: the log cannot be written, and the area says best_effort: opened, alarmed, written down later.
func TestABestEffortDoorOpensWhenTheJournalFails(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	d.step(Presented{Reader: "IN-2", Key: keyAlways})
	d.answer(errDisk)
	d.expect(Strike{"D-2", 3 * time.Second}, Show{"IN-2", reader.ShowGranted})
	d.pass(RetryRecord)
	d.answer(nil)
	if got, want := d.kinds(), []event.Kind{event.JournalTrouble, event.AccessGranted}; !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
}

// R84-1: the way out waits for no journal, no policy and no clock.
func TestNothingDeniesAnExit(t *testing.T) {
	for name, c := range map[string]struct {
		policy *decide.Policy
		in     Input
		want   []Effect
	}{
		"button":                        {sitePolicy(t, 1), inputsOf(Inactive, Active, Inactive, Inactive), []Effect{Strike{"D-1", 5 * time.Second}}},
		"button, no policy":             {nil, inputsOf(Inactive, Active, Inactive, Inactive), []Effect{Strike{"D-1", defaultRelease}}},
		"exit reader":                   {sitePolicy(t, 1), Presented{Reader: "OUT-1", Key: keyAlways}, []Effect{Strike{"D-1", 5 * time.Second}, Show{"OUT-1", reader.ShowGranted}}},
		"exit reader, card not allowed": {sitePolicy(t, 1), Presented{Reader: "OUT-1", Key: keyMonday}, []Effect{Strike{"D-1", 5 * time.Second}, Show{"OUT-1", reader.ShowGranted}}},
		"exit reader, unknown card":     {sitePolicy(t, 1), Presented{Reader: "OUT-1", Key: keyUnknown}, []Effect{Strike{"D-1", 5 * time.Second}, Show{"OUT-1", reader.ShowGranted}}},
		"exit reader, no policy":        {nil, Presented{Reader: "OUT-1", Key: keyAlways}, []Effect{Strike{"D-1", defaultRelease}, Show{"OUT-1", reader.ShowGranted}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, c.policy)
			d.step(allQuiet)
			d.answer(errDisk)
			d.did()
			d.now.Wall = time.Unix(0, 0)
			d.step(c.in)
			d.expect(c.want...)
		})
	}
}

func TestAJournalThatDoesNotAnswerCountsAsFailedAfterTwoSeconds(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.step(Presented{Reader: "IN-2", Key: keyAlways})
	d.pass(RecordTimeout - 1)
	d.expect()
	d.pass(1)
	d.expect(Show{"IN-1", reader.ShowTrouble}, Strike{"D-2", 3 * time.Second}, Show{"IN-2", reader.ShowGranted})
	d.answer(nil) // the disk has woken up
	d.pass(RetryRecord)
	d.answer(nil)
	want := []event.Kind{event.AccessGranted, event.AccessGranted, event.JournalTrouble, event.AccessDenied}
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	d.expect()
}

// What could not be written is written once, in order, when the disk is back.
func TestEventsOfABadTimeAreWrittenInOrder(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	for _, in := range []Input{
		DeviceUp{"IN-1"}, DeviceUp{"IO-1"}, DeviceLocal{Device: "IO-1", Tamper: true}, DeviceDown{Device: "IN-1"},
	} {
		d.step(in)
		d.answer(errDisk)
	}
	d.pass(RetryRecord)
	d.answer(nil)
	want := []event.Kind{event.JournalTrouble, event.DeviceOnline, event.DeviceOnline, event.DeviceTamper, event.DeviceOffline}
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	if detail := d.onDisk[0].Detail; !strings.Contains(detail, "4 events late, 0 lost") {
		t.Fatalf("detail %q", detail)
	}
}

func TestWhatFindsNoRoomIsCountedAndReported(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	for range maxBacklog + 10 {
		d.step(Presented{Reader: "IN-1", Key: keyUnknown})
		d.answer(errDisk)
	}
	d.pass(RetryRecord)
	d.answer(nil)
	if n := len(d.onDisk); n != maxBacklog+1 {
		t.Fatalf("%d events on disk", n)
	}
	if detail := d.onDisk[0].Detail; !strings.Contains(detail, "10 lost") || d.state.Counts().Lost != 10 {
		t.Fatalf("detail %q, counted %d", detail, d.state.Counts().Lost)
	}
}

func TestADeadJournalDoesNotFillTheMemory(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	for range 5 * maxBacklog {
		d.step(Presented{Reader: "IN-1", Key: keyUnknown})
		d.now.Mono += time.Second
	}
	if n := len(d.records); n != maxPending {
		t.Fatalf("%d records wait for the journal", n)
	}
	d.did()
	d.step(inputsOf(Inactive, Inactive, Inactive, Inactive))
	d.step(inputsOf(Inactive, Active, Inactive, Inactive))
	d.expect(Strike{"D-1", 5 * time.Second})
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.expect(Show{"IN-1", reader.ShowTrouble})
	d.step(Presented{Reader: "IN-2", Key: keyAlways})
	d.expect(Strike{"D-2", 3 * time.Second}, Show{"IN-2", reader.ShowGranted})
}

func TestTheSameCardAgainDuringItsReleaseIsOnePresentation(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	tap := func() { d.step(Presented{Reader: "IN-1", Key: keyAlways}) }
	tap()
	tap() // before the first is on disk
	d.answer(nil)
	d.pass(500 * time.Millisecond)
	tap()
	d.pass(900 * time.Millisecond)
	tap()
	d.answer(nil)
	if n := len(d.onDisk); n != 1 || d.state.Counts().Repeats != 3 {
		t.Fatalf("%d events, %d repeats", n, d.state.Counts().Repeats)
	}
	d.pass(repeats.Window)
	tap()
	d.answer(nil)
	if n := len(d.onDisk); n != 2 {
		t.Fatalf("%d events after a second of rest", n)
	}
}

func TestRefusalsAreNeverSwallowedAsRepeats(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	for range 3 {
		d.step(Presented{Reader: "IN-1", Key: keyUnknown})
	}
	d.answer(nil)
	if len(d.onDisk) != 3 {
		t.Fatalf("%d events of 3 refusals", len(d.onDisk))
	}
}

func TestADoorWithoutAStrikeHereIsAnAlarm(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(Presented{Reader: "IN-9", Key: keyAlways})
	d.answer(nil)
	d.expect(Show{"IN-9", reader.ShowTrouble})
	if got := d.last(); got.Kind != event.StrikeFailed || got.Door != "D-9" {
		t.Fatalf("recorded %+v", got)
	}
}

// R43-2: the openings that belong to nobody's card are alarms, those that belong to one name the person.
func TestADoorsEventsNameWhoReleasedIt(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(allQuiet)
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.answer(nil)
	d.pass(time.Second)
	d.step(inputsOf(Active, Inactive, Inactive, Inactive))
	d.answer(nil)
	if got := d.last(); got.Kind != event.DoorOpened || got.Person != "P-1" || got.Card != "C-1" || got.Area != "A-1" {
		t.Fatalf("recorded %+v", got)
	}
	d.pass(30 * time.Second)
	d.answer(nil)
	if got := d.last(); got.Kind != event.DoorHeld || got.Door != "D-1" {
		t.Fatalf("recorded %+v", got)
	}
	d.step(allQuiet)
	d.step(inputsOf(Active, Inactive, Inactive, Inactive))
	d.answer(nil)
	if got := d.last(); got.Kind != event.DoorForced || got.Person != "" {
		t.Fatalf("recorded %+v", got)
	}
}

func TestAnOpeningAfterTheButtonNamesNobody(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(allQuiet)
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.answer(nil)
	d.step(inputsOf(Inactive, Active, Inactive, Inactive))
	d.step(inputsOf(Active, Active, Inactive, Inactive))
	d.answer(nil)
	if got := d.last(); got.Kind != event.DoorOpened || got.Person != "" {
		t.Fatalf("recorded %+v", got)
	}
}

// The loss and the return of a line release no door and accuse nobody.
func TestALostLineProvesNothing(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(DeviceUp{"IO-1"})
	d.step(allQuiet)
	d.answer(nil)
	d.did()
	d.onDisk = nil
	d.step(DeviceDown{Device: "IO-1"})
	d.step(DeviceUp{"IO-1"})
	d.step(inputsOf(Active, Active, Inactive, Inactive)) // open, and the button is down
	d.answer(nil)
	d.expect()
	if got, want := d.kinds(), []event.Kind{event.DeviceOffline, event.DeviceOnline, event.DoorOpened}; !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	if d.last().Detail != "found open" {
		t.Fatalf("recorded %+v", d.last())
	}
}

func TestASupervisedInputThatFailsIsAnAlarmOnce(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(allQuiet)
	d.onDisk = nil
	for range 3 {
		d.step(inputsOf(Cut, Short, Inactive, Inactive))
	}
	d.step(inputsOf(Inactive))
	d.answer(nil)
	var details []string
	for _, e := range d.onDisk {
		if e.Kind != event.InputFault {
			t.Fatalf("recorded %+v", e)
		}
		details = append(details, e.Door+" "+e.Detail)
	}
	want := []string{"D-1 input 1: short", "D-1 input 0: cut", "D-1 input 1: fault", "D-2 input 3: fault", "D-2 input 2: fault"}
	if !slices.Equal(details, want) {
		t.Fatalf("details %q, want %q", details, want)
	}
	d.expect()
}

// R121-1: tampering, loss of power, attacks on a line and lost devices are events.
func TestWhatDevicesReportBecomesEvents(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	for _, in := range []Input{
		DeviceUp{"IN-1"},
		DeviceUp{"IN-1"},
		DeviceAttacked{"IN-1", "mac_failed"},
		DeviceLocal{"IN-1", true, false},
		DeviceLocal{"IN-1", true, true},
		DeviceLocal{"IN-1", false, false},
		DeviceDown{"IN-1", ""},
		StrikeFailed{"D-1", "not confirmed"},
		KeysPressed{"IN-1"},
		DeviceUp{"XX"},
	} {
		d.step(in)
	}
	d.answer(nil)
	want := []event.Kind{event.DeviceOnline, event.DeviceInsecure, event.DeviceTamper, event.DevicePower, event.DeviceOffline, event.StrikeFailed}
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	if c := d.state.Counts(); c.Keys != 1 || c.Unrouted != 1 {
		t.Fatalf("counts %+v", c)
	}
}

func TestANewerPolicyIsInForceAtOnceAndAnOlderOneIsRefused(t *testing.T) {
	d := newDesk(t, nil)
	d.step(PolicyReady{Policy: sitePolicy(t, 5), Hash: "h5"})
	d.answer(nil)
	if got := d.last(); got.Kind != event.PolicyApplied || got.Policy.N != 5 {
		t.Fatalf("recorded %+v", got)
	}
	d.step(Presented{Reader: "IN-2", Key: keyAlways})
	d.answer(nil)
	d.expect(Strike{"D-2", 3 * time.Second}, Show{"IN-2", reader.ShowGranted})
	d.step(PolicyReady{Policy: sitePolicy(t, 4), Hash: "h4"})
	d.step(PolicyRejected{"the hash is wrong"})
	d.answer(nil)
	st := d.core.Status(d.state)
	if got := d.last(); got.Kind != event.PolicyRefused || st.Policy.N != 5 || st.PolicyHash != "h5" {
		t.Fatalf("recorded %+v, status %+v", got, st)
	}
}

func TestEveryRecordCarriesThePolicyInForce(t *testing.T) {
	d := newDesk(t, nil)
	d.step(PolicyReady{Policy: sitePolicy(t, 5), Hash: "h5"})
	if p := d.records[0].Change.Policy; p == nil || p.N != 5 {
		t.Fatalf("record of policy %v", p)
	}
}

func TestTheStatusSaysHowDoorsAndDevicesAre(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(DeviceUp{"IO-1"})
	d.step(allQuiet)
	d.step(inputsOf(Active, Inactive, Inactive, Inactive))
	st := d.core.Status(d.state)
	if st.Doors[0].State != "forced" || st.Doors[1].State != "locked" || !st.Devices[3].Online || st.Devices[0].Online || st.Software != "test" {
		t.Fatalf("status %+v", st)
	}
}
