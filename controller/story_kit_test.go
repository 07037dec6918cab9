package controller

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/controller/replay"
	"kanmon/firmware-sim/pd"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader/credential"
	"kanmon/reader/osdp"
	"kanmon/reader/readertest"
)

// The story's house: D-1 leads into a room for no fewer than two people, with readers on both sides, D-2 into an archive that asks for card and PIN.
const storyConfig = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data", "software": "1.0", "broker": {"url": "tls://127.0.0.1:1"},
	"lines": [{"port": "line0", "baud": 115200, "devices": [
		{"name": "IN-1", "address": 1, "scbk_file": "IN-1.key"}, {"name": "OUT-1", "address": 2, "scbk_file": "OUT-1.key"},
		{"name": "IN-2", "address": 3, "scbk_file": "IN-2.key"}, {"name": "IO-1", "address": 4, "scbk_file": "IO-1.key"}]}],
	"doors": [
		{"id": "D-1", "strike": {"device": "IO-1", "output": 0}, "contact": {"device": "IO-1", "input": 0, "open_when": 1}, "exit_button": {"device": "IO-1", "input": 1}},
		{"id": "D-2", "strike": {"device": "IO-1", "output": 1}, "contact": {"device": "IO-1", "input": 2, "open_when": 1}}]
}`

// storyWindow is how soon somebody has to follow somebody else at a reader.
const storyWindow = time.Second

// storyPatience bounds every wait for what must come.
const storyPatience = 20 * time.Second

// storyCards are who holds which card; A has two.
var storyCards = map[string]string{"A": "A", "A2": "A", "B": "B", "C": "C", "D": "D", "V1": "V1", "V2": "V2", "V3": "V3"}

// storyBits are a card's 26 bits, left aligned.
func storyBits(card string) []byte { return []byte{0x40 + card[0]%32, card[len(card)-1], 0x11, 0x40} }

func storySpec(t *testing.T) access.Spec {
	t.Helper()
	key, err := credential.NewHashKey(controllertest.HashKey)
	if err != nil {
		t.Fatal(err)
	}
	spec := access.Spec{
		Version: access.Version{Epoch: 1, N: 7},
		Areas: []access.Area{
			{ID: "room", Grade: 2, Record: access.Strict, Rules: access.Rules{
				InOut: true, TwoPerson: true, Passback: access.PassbackHard, Visitors: 2, Most: 6, WindowS: int(storyWindow / time.Second),
			}},
			{ID: "archive", Grade: 2, Record: access.Strict, Rules: access.Rules{Factors: access.FactorsCardPIN}},
		},
		Doors: []access.Door{
			{ID: "D-1", Area: "room", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 1500, HeldMS: 30000},
			{ID: "D-2", Area: "archive", EntryReads: []string{"IN-2"}, ReleaseMS: 1500, HeldMS: 30000},
		},
	}
	for card, person := range storyCards {
		c, err := credential.FromBits(26, storyBits(card))
		if err != nil {
			t.Fatal(err)
		}
		spec.Credentials = append(spec.Credentials, access.Credential{Key: c.Key(key), Card: card, Person: person, State: access.Active})
		if card != person {
			continue
		}
		class := access.Staff
		if person[0] == 'V' {
			class = access.Visitor
		}
		spec.People = append(spec.People, access.Person{ID: person, Class: class})
		spec.Rights = append(spec.Rights, access.Right{Person: person, Area: "room", Escort: person == "A" || person == "B"})
	}
	hash := func(person, digits string) access.Key {
		code, err := credential.NewCode(digits)
		if err != nil {
			t.Fatal(err)
		}
		return code.Key(key, access.PersonScope(person))
	}
	for _, person := range []string{"A", "B"} {
		spec.Rights = append(spec.Rights, access.Right{Person: person, Area: "archive"})
		spec.PINs = append(spec.PINs, access.PIN{Person: person, Key: hash(person, "246813"), Duress: hash(person, "975310")})
	}
	access.Order(&spec)
	return spec
}

// story is a controller with its devices on a pseudo terminal, and how far its events have been told.
type story struct {
	t       *testing.T
	cfg     Config
	devices map[string]*pd.Device
	struck  chan int // outputs that were energised
	edge    *Edge
	stop    func()
	told    uint64
	decided int // decisions among what was told
}

func newStory(t *testing.T) *story {
	t.Helper()
	return newHouse(t, storyConfig, storySpec(t))
}

// newHouse is a story in another house, with another policy.
func newHouse(t *testing.T, config string, spec access.Spec) *story {
	t.Helper()
	dir := t.TempDir()
	s := &story{t: t, devices: map[string]*pd.Device{}, struck: make(chan int, 100)}
	keys := map[string]string{
		"IN-1": "000102030405060708090a0b0c0d0e77", "OUT-1": "5c9a1e77d3046bf82b60c4e991a73d0f", "IN-2": "d2f04b8861c73e95aa1709bc5ed3860c", "IO-1": otherKey,
	}
	for name, text := range keys {
		if err := pd.KeyFile(filepath.Join(dir, name+".key")).Save(mustKey(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "controller.json")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.cfg, err = LoadConfig(path); err != nil {
		t.Fatal(err)
	}
	centre := controllertest.StartCentre(t, s.cfg.Site)
	centre.Enrol(t, s.cfg.Controller, s.cfg.DataDir)
	keepPolicy(t, s.cfg, centre, spec, time.Now())
	s.plug(keys)
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// plug puts the devices on the line, where they stay until the test ends.
func (s *story) plug(keys map[string]string) {
	s.t.Helper()
	pty := readertest.OpenPTY(s.t)
	if err := os.Symlink(pty.Name, s.cfg.Lines[0].Port); err != nil {
		s.t.Fatal(err)
	}
	var all []*pd.Device
	for _, c := range s.cfg.Lines[0].Devices {
		of := pd.Config{Name: c.Name, Address: byte(c.Address), Key: mustKey(s.t, keys[c.Name]), Readers: 1}
		if c.Name == "IO-1" {
			of.Readers, of.Inputs, of.Outputs = 0, 3, 2
			of.Energised = func(output int, _ time.Time) { s.struck <- output }
		}
		d, err := pd.New(of, rand.Reader)
		if err != nil {
			s.t.Fatal(err)
		}
		s.devices[c.Name], all = d, append(all, d)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	line, err := pd.NewLine(pd.Stream(ctx, pty.Master), quietLog, all...)
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		pty.HangUp()
		<-ended
	})
}

// start runs the controller until stop, and waits until it has all devices.
func (s *story) start() {
	s.t.Helper()
	e, err := NewEdge(s.cfg, quietLog)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	s.edge = e
	s.stop = func() {
		s.stop = func() {}
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
	s.await("all devices and doors", func() bool {
		st := e.Status()
		for _, d := range st.Devices {
			if !d.Online {
				return false
			}
		}
		return len(st.Devices) >= len(s.devices) && e.journal.State().Open
	})
}

func (s *story) await(what string, is func() bool) {
	s.t.Helper()
	for late := time.Now().Add(storyPatience); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(late) {
			s.t.Fatalf("never came: %s", what)
		}
	}
}

// hold has cards held to a reader, one after the other.
func (s *story) hold(reader string, cards ...string) {
	s.t.Helper()
	for _, card := range cards {
		if err := s.devices[reader].Present(26, storyBits(card)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *story) typed(reader, keys string) {
	s.t.Helper()
	if err := s.devices[reader].Type(keys + "\r"); err != nil {
		s.t.Fatal(err)
	}
}

// tells requires that what is next on the disk is this and no more: kind, person and reason of each event.
func (s *story) tells(want ...string) {
	s.t.Helper()
	var got []string
	s.await(strings.Join(want, "; "), func() bool {
		b, err := s.edge.journal.Read(s.t.Context(), s.told, 1000, 1<<20)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, raw := range b.Events {
			e, err := event.Decode(raw)
			if err != nil {
				s.t.Fatal(err)
			}
			s.told = e.Seq
			switch e.Kind {
			case event.Started, event.DeviceOnline, event.DeviceOffline: // of the machine
			default:
				got = append(got, tale(e))
			}
		}
		return len(got) >= len(want)
	})
	for _, line := range want {
		if strings.HasPrefix(line, "access_") && !strings.HasSuffix(line, "in vain") {
			s.decided++
		}
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("on disk\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func tale(e event.Event) string {
	words := []string{string(e.Kind), e.Person, string(e.Reason)}
	if e.Reason == access.Granted {
		words[2] = ""
	}
	if e.Detail == event.InVain {
		words = append(words, "in vain")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// shows waits until a reader has shown something more than before, a colour last.
func (s *story) shows(reader, colour string, before pd.Snapshot) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), storyPatience)
	defer cancel()
	got, err := s.devices[reader].Await(ctx, func(now pd.Snapshot) bool { return now.Shows > before.Shows && now.LED == colour })
	if err != nil {
		s.t.Fatalf("%s shows %+v, want %s: %v", reader, got, colour, err)
	}
}

// released waits until a strike is energised.
func (s *story) released(output int) {
	s.t.Helper()
	select {
	case got := <-s.struck:
		if got != output {
			s.t.Fatalf("strike %d is energised, want %d", got, output)
		}
	case <-time.After(storyPatience):
		s.t.Fatal("no strike is energised")
	}
}

// shut requires that no strike was energised that nobody has asked after.
func (s *story) shut() {
	s.t.Helper()
	select {
	case got := <-s.struck:
		s.t.Fatalf("strike %d is energised", got)
	default:
	}
}

// passes has people hold their cards to a reader of D-1, the strike released once and the door opened and closed; more is what is told besides their
// being let through, and opener who the opening is told of.
func (s *story) passes(reader string, cards []string, more []string, opener string) {
	s.t.Helper()
	before := s.devices[reader].Snapshot()
	s.hold(reader, cards...)
	s.released(0)
	s.shows(reader, "green", before)
	s.opensAndCloses(0)
	s.tells(append(more, "door_opened "+opener, "door_closed")...)
	s.shut()
}

func (s *story) opensAndCloses(contact int) {
	s.devices["IO-1"].SetInput(contact, true)
	s.devices["IO-1"].SetInput(contact, false)
}

// leaves has somebody leave the room by the reader inside.
func (s *story) leaves(who string, broken ...string) {
	s.t.Helper()
	s.passes("OUT-1", []string{who}, append([]string{"access_granted " + who}, broken...), who)
}

// refused has a card refused at once: red, and the door shut.
func (s *story) refused(reader, card, person string, why access.Reason) {
	s.t.Helper()
	before := s.devices[reader].Snapshot()
	s.hold(reader, card)
	s.shows(reader, "red", before)
	s.tells(fmt.Sprintf("access_denied %s %s", person, why))
	s.shut()
}

// alone waits until nobody counts any more who was at a reader. Nothing tells of the end of a window in which everybody was let in.
func (s *story) alone() { <-time.After(storyWindow) }

// powerCut goes on with the disk as it was while the controller still ran.
func (s *story) powerCut() {
	s.t.Helper()
	dir := filepath.Join(filepath.Dir(s.cfg.DataDir), "data-after")
	if err := copyFolder(dir, s.cfg.DataDir); err != nil {
		s.t.Fatal(err)
	}
	s.stop()
	for len(s.struck) > 0 {
		<-s.struck
	}
	key, err := filepath.Rel(s.cfg.DataDir, s.cfg.SealingKeyFile)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.DataDir, s.cfg.SealingKeyFile = dir, filepath.Join(dir, key)
	s.start()
}

// copyFolder copies a folder for its owner alone.
func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o600)
	})
}

// enters has somebody enter the archive with card and PIN, and returns what the reader showed and sounded meanwhile.
func (s *story) enters(card, pin string, want ...string) (shows, beeps int) {
	s.t.Helper()
	before := s.devices["IN-2"].Snapshot()
	s.hold("IN-2", card)
	s.shows("IN-2", "amber", before)
	s.typed("IN-2", pin)
	s.released(1)
	s.opensAndCloses(2)
	s.tells(append(append([]string{"access_pending " + card + " pin_required"}, want...), "access_granted "+card, "door_opened "+card, "door_closed")...)
	after := s.sounded("IN-2", before, 2)
	s.shut()
	return after.Shows - before.Shows, after.Beeps - before.Beeps
}

// sounded waits until a reader has sounded as often as it has shown something.
func (s *story) sounded(reader string, before pd.Snapshot, beeps int) pd.Snapshot {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), storyPatience)
	defer cancel()
	got, err := s.devices[reader].Await(ctx, func(now pd.Snapshot) bool { return now.Beeps >= before.Beeps+beeps })
	if err != nil || got.LED != "green" {
		s.t.Fatalf("%s shows %+v: %v", reader, got, err)
	}
	return got
}

// everythingAgain makes every decision of the journal again.
func (s *story) everythingAgain() {
	s.t.Helper()
	made := 0
	err := Replay(s.t.Context(), s.cfg, 1, 0, quietLog, func(r replay.Replayed) {
		made++
		if !r.Agrees || r.NoPolicy {
			s.t.Errorf("%s, made again: %+v", tale(r.Event), r.Made)
		}
	})
	if err != nil || made != s.decided {
		s.t.Fatalf("%d decisions made again, want %d: %v", made, s.decided, err)
	}
}

func mustKey(t *testing.T, text string) osdp.Key {
	t.Helper()
	k, err := osdp.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
