package controller

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader/credential"
	"kanmon/reader/readertest"
)

// The house of the serial readers: D-1 has an OSDP reader and a Wiegand converter on a serial line outside, and D-2 a reader that sends characters.
const serialConfig = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data", "software": "1.0", "broker": {"url": "tls://127.0.0.1:1"},
	"lines": [{"port": "line0", "baud": 115200, "devices": [
		{"name": "IN-1", "address": 1, "scbk_file": "IN-1.key"}, {"name": "IO-1", "address": 4, "scbk_file": "IO-1.key"}]}],
	"serial_readers": [{"name": "IN-8", "port": %q, "profile": "wiegand-converter"}, {"name": "IN-9", "port": %q, "profile": "ascii-stx"}],
	"doors": [
		{"id": "D-1", "strike": {"device": "IO-1", "output": 0}, "contact": {"device": "IO-1", "input": 0, "open_when": 1}},
		{"id": "D-2", "strike": {"device": "IO-1", "output": 1}}]
}`

func serialSpec(t *testing.T) access.Spec {
	t.Helper()
	key, err := credential.NewHashKey(controllertest.HashKey)
	if err != nil {
		t.Fatal(err)
	}
	spec := access.Spec{
		Version: access.Version{Epoch: 1, N: 7},
		Areas:   []access.Area{{ID: "store", Grade: 1, Record: access.Strict}, {ID: "vault", Grade: 3, Record: access.Strict, Rules: access.Rules{Trust: access.TrustMemory}}},
		Doors: []access.Door{
			{ID: "D-1", Area: "store", EntryReads: []string{"IN-1", "IN-8"}, ReleaseMS: 1500, HeldMS: 30000},
			{ID: "D-2", Area: "vault", EntryReads: []string{"IN-9"}, ReleaseMS: 1500, HeldMS: 30000},
		},
		People: []access.Person{{ID: "A", Class: access.Staff}},
		Rights: []access.Right{{Person: "A", Area: "store"}, {Person: "A", Area: "vault"}},
	}
	for _, written := range []string{"bits:26:bdd93740", "text:32:31323334"} {
		c, err := credential.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		spec.Credentials = append(spec.Credentials, access.Credential{Key: c.Key(key), Card: "card-1", Person: "A", State: access.Active})
	}
	access.Order(&spec)
	return spec
}

// far is the reader's end of a serial line.
type far struct {
	*readertest.PTY
	t    *testing.T
	link string
}

func farEnd(t *testing.T, name string) *far {
	t.Helper()
	f := &far{t: t, link: filepath.Join(t.TempDir(), name)}
	f.plug()
	return f
}

func (f *far) plug() {
	f.t.Helper()
	f.PTY = readertest.OpenPTY(f.t)
	_ = os.Remove(f.link)
	if err := os.Symlink(f.Name, f.link); err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) send(text string) {
	f.t.Helper()
	if _, err := f.Master.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
}

// sees requires that the reader is sent this next.
func (f *far) sees(want string) {
	f.t.Helper()
	var got []byte
	_ = f.Master.SetReadDeadline(time.Now().Add(storyPatience))
	for b := make([]byte, 1); len(got) < len(want); got = append(got, b...) {
		if _, err := f.Master.Read(b); err != nil {
			f.t.Fatalf("sent % x, want % x: %v", got, want, err)
		}
	}
	if string(got) != want {
		f.t.Fatalf("sent % x, want % x", got, want)
	}
}

func serialHouse(t *testing.T) (s *story, converter, characters *far) {
	t.Helper()
	converter, characters = farEnd(t, "tty8"), farEnd(t, "tty9")
	s = newHouse(t, fmt.Sprintf(serialConfig, converter.link, characters.link), serialSpec(t))
	return s, converter, characters
}

// R47-1: the card that an OSDP reader knows opens the same door at a serial reader; its number is worth a number, so it opens no area that asks for more.
func TestACardAtASerialReaderOpensADoorThatAsksForANumber(t *testing.T) {
	s, converter, characters := serialHouse(t)
	converter.send("W026BDD93740\r\n")
	s.released(0)
	converter.sees("LG BS1\r\n")
	s.tells("access_granted A")
	s.opensAndCloses(0)
	s.tells("door_opened A", "door_closed")
	if err := s.devices["IN-1"].Present(26, []byte{0xBD, 0xD9, 0x37, 0x40}); err != nil {
		t.Fatal(err)
	}
	s.released(0)
	s.tells("access_granted A")
	characters.send("\x02C1234\x03D")
	characters.sees("\x02R3\x03b") // 52^33^03 = 62
	s.tells("access_denied A trust_too_low")
	s.shut()
	s.stop()
	s.everythingAgain()
}

// Case 32: a parity error (a character less), a wrong length, a truncated frame and a wrong check are each refused at the reader and on record, and the next card is read.
func TestABrokenFrameIsRefusedAtTheReaderAndOnRecord(t *testing.T) {
	s, converter, characters := serialHouse(t)
	for _, broken := range []string{"W026BDD9374\r\n", "W0260BDD93740\r\n", "W026BDD", "W999BDD93740\r\n"} {
		converter.send(broken)
		s.tells("card_unreadable")
		converter.sees("LR BS3\r\n")
	}
	characters.send("\x02C1234\x03E")
	s.tells("card_unreadable")
	characters.sees("\x02R3\x03b")
	s.shut()
	converter.send("W026BDD93740\r\n")
	s.released(0)
	s.tells("access_granted A")
}

func TestASerialReaderThatIsPulledOutIsToldAndComesBack(t *testing.T) {
	s, converter, _ := serialHouse(t)
	online := func(want bool) func() bool {
		return func() bool {
			for _, d := range s.edge.Status().Devices {
				if d.Name == "IN-8" {
					return d.Online == want
				}
			}
			return false
		}
	}
	s.await("the reader in service", online(true))
	converter.HangUp()
	s.await("the reader away", online(false))
	converter.plug()
	s.await("the reader back", online(true))
	converter.send("W026BDD93740\r\n")
	s.released(0)
	s.tells("access_granted A")
}

// C-11: what a card carries is nowhere on the controller's disk: neither where it is a number nor where it is none.
func TestNothingOfWhatASerialReaderSentIsOnDisk(t *testing.T) {
	s, _, characters := serialHouse(t)
	evil := []string{`'; DROP TABLE event; --`, "\x1b[2J\x1b[31m", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "nul\x00nul", "a\r\nb,\"c\""}
	for _, text := range evil {
		check := byte(0x03)
		for _, c := range []byte("C" + text) {
			check ^= c
		}
		characters.send("\x02C" + text + "\x03" + string([]byte{check}))
		s.await("the answer to "+fmt.Sprintf("%q", text), func() bool { return s.refusal(text) })
		characters.sees("\x02R3\x03b")
	}
	s.stop()
	err := filepath.WalkDir(s.cfg.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range evil {
			if bytes.Contains(b, []byte(text)) {
				t.Errorf("%s holds %q", path, text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refusal takes the next event, which says nothing of what was sent.
func (s *story) refusal(sent string) bool {
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
		if strings.Contains(string(raw), sent[:4]) {
			s.t.Errorf("the record %s holds %q", raw, sent)
		}
		if e.Kind == event.CardUnreadable || e.Kind == event.AccessDenied {
			return true
		}
	}
	return false
}
