package controller

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kanmon/controller/core"
	"kanmon/firmware-sim/pd"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus"
	"kanmon/reader/readertest"
)

// siteDevices are the devices of the example, each with a copy of its key in a file of its own, on a terminal that the configuration names.
type siteDevices struct {
	t      *testing.T
	cfg    Config
	refuse bool // the reader cannot store a key
}

func (s *siteDevices) file(device string) pd.KeyFile {
	return pd.KeyFile(filepath.Join(filepath.Dir(s.cfg.DataDir), "flash-"+device))
}

func newSiteDevices(t *testing.T) *siteDevices {
	t.Helper()
	cfg, _ := siteConfig(t)
	s := &siteDevices{t: t, cfg: cfg}
	for _, d := range keyed(cfg) {
		key, err := pd.KeyFile(d.File).Load()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.file(d.Name).Save(key); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// plug runs the devices, as they are after a power cut, until the returned function is called.
func (s *siteDevices) plug() func() {
	s.t.Helper()
	pty := readertest.OpenPTY(s.t)
	link := s.cfg.Lines[0].Port
	_ = os.Remove(link)
	if err := os.Symlink(pty.Name, link); err != nil {
		s.t.Fatal(err)
	}
	var devices []*pd.Device
	for _, c := range s.cfg.Lines[0].Devices {
		key, err := s.file(c.Name).Load()
		if err != nil {
			s.t.Fatal(err)
		}
		keep := s.file(c.Name).Save
		if s.refuse {
			keep = func(osdp.Key) error { return errors.New("flash worn out") }
		}
		d, err := pd.New(pd.Config{Name: c.Name, Address: byte(c.Address), Key: key, KeepKey: keep, Readers: 1, Inputs: 2, Outputs: 1}, rand.Reader)
		if err != nil {
			s.t.Fatal(err)
		}
		devices = append(devices, d)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	line, err := pd.NewLine(pd.Stream(ctx, pty.Master), quietLog, devices...)
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	return func() {
		cancel()
		pty.HangUp()
		<-ended
	}
}

// runUntil runs controller and devices until an event of a kind about a device is in the journal, and returns it.
func (s *siteDevices) runUntil(kind event.Kind, device string, more ...func() bool) (found event.Event) {
	s.t.Helper()
	unplug := s.plug()
	defer unplug()
	first := uint64(0)
	runEdge(s.t, s.cfg, func(e *Edge) bool {
		state := e.journal.State()
		if !state.Open {
			return false
		}
		if first == 0 {
			first = state.Seq + 1
		}
		b, err := e.journal.Read(s.t.Context(), first-1, 1000, 1<<20)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, raw := range b.Events {
			if ev, err := event.Decode(raw); err == nil && ev.Kind == kind && ev.Device == device {
				found = ev
			}
		}
		return found.Kind == kind && !slices.ContainsFunc(more, func(is func() bool) bool { return !is() })
	})
	return found
}

func (s *siteDevices) pending(device string) bool {
	s.t.Helper()
	states, err := KeyStates(s.cfg, quietLog)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, k := range states {
		if k.Device == device {
			return k.Changing()
		}
	}
	return false
}

// R47-1, R84-1: an operator's new key reaches the reader over its line; that the reader has it is on record, with the reason; both ends start
// again with nothing but what they have on disk. So they do when the power failed before the controller could write that it is proven.
func TestANewKeyReachesTheReaderAndIsOnRecord(t *testing.T) {
	s := newSiteDevices(t)
	before, err := s.file("IN-1").Load()
	if err != nil {
		t.Fatal(err)
	}
	s.runUntil(event.DeviceOnline, "IN-1")
	if err := Rekey(s.cfg, "IN-1", "年次の交換", quietLog); err != nil {
		t.Fatal(err)
	}
	sealed, err := filepath.Glob(filepath.Join(s.cfg.DataDir, "scbk", "scbk-in-1-*"))
	if err != nil || len(sealed) != 1 || !s.pending("IN-1") {
		t.Fatalf("%v, %v", sealed, err)
	}
	unproven, err := os.ReadFile(sealed[0])
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ev := s.runUntil(event.DeviceKeyReplaced, "IN-1", func() bool { return !s.pending("IN-1") }); ev.Detail != "年次の交換" || ev.Kind.Alarm() {
			t.Errorf("%+v", ev)
		}
		if after, err := s.file("IN-1").Load(); err != nil || after.Equal(before) {
			t.Errorf("the reader has its old key, or %v", err)
		}
		s.runUntil(event.DeviceOnline, "IN-1")
		if err := os.WriteFile(sealed[0], unproven, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Rekey(s.cfg, "IN-1", "", quietLog); fault.KindOf(err) != fault.Conflict {
		t.Errorf("over a key that is not proven: %v", err)
	}
}

// R47-1, R121-1: a reader that refuses its new key is an alarm on record, and goes on under the old one.
func TestAReaderThatRefusesItsNewKeyIsAnAlarmOnRecord(t *testing.T) {
	s := newSiteDevices(t)
	s.refuse = true
	if err := Rekey(s.cfg, "IN-1", "", quietLog); err != nil {
		t.Fatal(err)
	}
	if ev := s.runUntil(event.DeviceKeyRefused, "IN-1"); !ev.Kind.Alarm() || !strings.Contains(ev.Detail, "refused the new key") {
		t.Errorf("%+v", ev)
	}
	s.runUntil(event.DeviceOnline, "IN-1")
	if !s.pending("IN-1") {
		t.Error("the new key is settled")
	}
}

// R47-1: the key of a reader that was keyed anew at the desk comes in by its file once more.
func TestAReaderKeyedAnewAtTheDeskIsReachedAfterTheNextStart(t *testing.T) {
	s := newSiteDevices(t)
	s.runUntil(event.DeviceOnline, "IN-1")
	key, err := osdp.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.file("IN-1").Save(key), pd.KeyFile(s.cfg.Lines[0].Devices[0].SCBKFile).Save(key)); err != nil {
		t.Fatal(err)
	}
	s.runUntil(event.DeviceOnline, "IN-1")
	if _, err := os.Stat(s.cfg.Lines[0].Devices[0].SCBKFile); !os.IsNotExist(err) {
		t.Errorf("its file is still there: %v", err)
	}
}

func TestTwoControllersDoNotShareADataFolder(t *testing.T) {
	cfg, _ := siteConfig(t)
	runEdge(t, cfg, func(e *Edge) bool {
		if !e.journal.State().Open {
			return false
		}
		second, err := NewEdge(cfg, quietLog)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Run(t.Context()); fault.KindOf(err) != fault.Conflict {
			t.Errorf("the second one: %v", err)
		}
		return true
	})
}

// A key that is changed between the reading of the configuration and the start is not run over.
func TestAKeyThatChangesWhileTheControllerStartsEndsTheStart(t *testing.T) {
	cfg, _ := siteConfig(t)
	e, err := NewEdge(cfg, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	if err := Rekey(cfg, "IN-1", "", quietLog); err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "IN-1") {
		t.Errorf("%v", err)
	}
}

func TestARefusedKeyIsARecordOfItsOwn(t *testing.T) {
	in, ok := translate(bus.Alarm{Device: "IN-1", Kind: bus.KeyRefused, Detail: "x"}, hashKey(t))
	noted, isNoted := in.(core.Noted)
	if !ok || !isNoted || noted.Event.Kind != event.DeviceKeyRefused || noted.Event.Device != "IN-1" || noted.Event.Detail != "x" {
		t.Errorf("%#v", in)
	}
}
