package event_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files")

var at = time.Date(2026, 7, 1, 3, 4, 5, 678_901_234, time.FixedZone("JST", 9*3600))

var examples = map[string]event.Event{
	"granted": {
		Epoch: 7, Seq: 1, At: at, Kind: event.AccessGranted, Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In,
		Reason: access.Granted, Person: "S-0012", Card: "C-0034", Policy: &access.Version{Epoch: 1, N: 42},
	},
	"unknown_card": {
		Epoch: 7, Seq: 2, At: at.Add(time.Second), Kind: event.AccessDenied, Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In,
		Reason: access.UnknownCredential, Credential: "deadbeef01020304", Policy: &access.Version{Epoch: 1, N: 42},
	},
	"frame_unexpected": {
		Epoch: 7, Seq: 6, At: at.Add(5 * time.Second), Kind: event.AccessDenied, Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In,
		Reason: access.FrameUnexpected, Credential: "deadbeef01020304", Policy: &access.Version{Epoch: 1, N: 42},
		Facts: &access.Facts{Shape: access.Shape{Format: access.FormatBits, Bits: 26, Parity: access.ParityWrong}},
	},
	"card_unreadable": {
		Epoch: 7, Seq: 7, At: at.Add(6 * time.Second), Kind: event.CardUnreadable, Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In,
		Detail: "credential.random: a UID that the card draws anew each time",
	},
	"revocation_applied": {
		Epoch: 7, Seq: 4, At: at.Add(3 * time.Second), Kind: event.RevocationApplied, Reason: access.CredentialRevoked, Card: "C-0034",
		Policy: &access.Version{Epoch: 1, N: 7},
	},
	"remote_release": {
		Epoch: 7, Seq: 5, At: at.Add(4 * time.Second), Kind: event.RemoteRelease, Door: "D-1", Area: "server", Person: "S-0012", Detail: "消防点検 (cmd-0001)",
	},
	"device_offline": {Epoch: 7, Seq: 3, At: at.Add(2 * time.Second), Kind: event.DeviceOffline, Device: "IN-2", Unsure: true, Detail: "no answer <8 s> 応答なし"},
}

// The bytes of events are kept for years: they must not change. `go test ./internal/event -update` writes them anew.
func TestTheBytesOfAnEventAreGolden(t *testing.T) {
	for name, e := range examples {
		got, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name + ".json"
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s (%v)", name, got, want, err)
		}
		back, err := event.Decode(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := event.Encode(back)
		if err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s read and written: %s, %v", name, again, err)
		}
	}
}

func TestTimesAreUTCWithMicroseconds(t *testing.T) {
	b, err := event.Encode(examples["granted"])
	if err != nil || !bytes.Contains(b, []byte(`"at":"2026-06-30T18:04:05.678901Z"`)) {
		t.Errorf("%s, %v", b, err)
	}
}

// The first link by hand: printf 'kanmon event chain v1\nctl-1\n7' | sha256sum; the next ones with the golden files:
// (printf <previous> | xxd -r -p; cat testdata/granted.json) | sha256sum.
func TestTheChainIsTheOneComputedByHand(t *testing.T) {
	links := []string{
		"9a26402f06a2efefd2aebec2c9bbea551b8baad14245afe3c2b64455551c2e64",
		"7d3c7a4c01708daeea5a8c3b98579fbc4663474c4dd68c674094e058b39df3e5",
		"c0a3ddb8ccbc6c27fca7e827f1a041feba729ef22f624be7f022347ad772fc03",
	}
	h := event.Start("ctl-1", 7)
	for i, name := range []string{"", "granted", "unknown_card"} {
		if i > 0 {
			b, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			h = event.Next(h, b)
		}
		if hex.EncodeToString(h[:]) != links[i] {
			t.Errorf("link %d is %x, by hand it is %s", i, h, links[i])
		}
	}
}

// Another controller or epoch starts another chain, also where the parts could be taken for one another.
func TestEveryControllerAndEpochHasItsOwnChain(t *testing.T) {
	seen := map[event.Hash]string{}
	for _, c := range []string{"ctl-1", "ctl-2", "ctl-11", "", "ctl-1\n7"} {
		for _, epoch := range []uint64{1, 7, 11, 77} {
			h := event.Start(c, epoch)
			want := sha256.Sum256(fmt.Appendf(nil, "kanmon event chain v1\n%s\n%d", c, epoch))
			if h != want {
				t.Errorf("%q %d: %x, want %x", c, epoch, h, want)
			}
			if other, double := seen[h]; double {
				t.Errorf("%q %d starts as %s", c, epoch, other)
			}
			seen[h] = fmt.Sprintf("%q %d", c, epoch)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	good, err := event.Encode(examples["granted"])
	if err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"null":                        []byte("null"),
		"an empty object":             []byte("{}"),
		"half of it":                  good[:len(good)/2],
		"a line after it":             append(bytes.Clone(good), '\n'),
		"a second event after it":     append(bytes.Clone(good), good...),
		"white space":                 swap(`,"seq"`, `, "seq"`),
		"an unknown field":            swap(`,"seq"`, `,"pin":"1234","seq"`),
		"a field twice":               swap(`"seq":1`, `"seq":9,"seq":1`),
		"a field in capitals":         swap(`"seq"`, `"SEQ"`),
		"fields in another order":     swap(`"epoch":7,"seq":1`, `"seq":1,"epoch":7`),
		"an escape nobody needs":      swap(`"IN-1"`, `"IN\u002d1"`),
		"an empty field written out":  swap(`,"policy"`, `,"credential":"","policy"`),
		"an unknown kind":             swap(`"access_granted"`, `"access_grantd"`),
		"no epoch":                    swap(`"epoch":7`, `"epoch":0`),
		"no number":                   swap(`"seq":1`, `"seq":0`),
		"a negative number":           swap(`"seq":1`, `"seq":-1`),
		"a number with a point":       swap(`"seq":1`, `"seq":1.0`),
		"no time":                     swap(`2026-06-30T18:04:05.678901Z`, `0001-01-01T00:00:00Z`),
		"a time of another zone":      swap(`2026-06-30T18:04:05.678901Z`, `2026-07-01T03:04:05.678901+09:00`),
		"a time with nanoseconds":     swap(`.678901Z`, `.678901234Z`),
		"a time that is none":         swap(`2026-06-30`, `2026-02-30`),
		"bytes that are not UTF-8":    swap(`"IN-1"`, "\"IN\xff\""),
		"longer than an event may be": swap(`"IN-1"`, `"`+strings.Repeat("x", event.MaxBytes)+`"`),
		"nested ten thousand deep":    []byte(`{"epoch":` + strings.Repeat("[", 1000)),
	} {
		if e, err := event.Decode(b); err == nil {
			t.Errorf("%s was read as %+v", name, e)
		} else if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
			t.Errorf("%s: %v", name, k)
		}
	}
}

func TestAnEventWithoutItsNumbersIsNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*event.Event){
		"epoch":         func(e *event.Event) { e.Epoch = 0 },
		"seq":           func(e *event.Event) { e.Seq = 0 },
		"time":          func(e *event.Event) { e.At = time.Time{} },
		"kind":          func(e *event.Event) { e.Kind = "" },
		"the year 9999": func(e *event.Event) { e.At = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"short ids":     func(e *event.Event) { e.Door = strings.Repeat("x", event.MaxBytes) },
	} {
		e := examples["granted"]
		spoil(&e)
		if b, err := event.Encode(e); err == nil {
			t.Errorf("written without %s: %s", name, b)
		}
	}
}

// A device can answer anything; the event about it must be written, and read again, all the same.
func TestAnyDetailIsWrittenAndReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := event.Event{
			Epoch: rapid.Uint64Min(1).Draw(t, "epoch"), Seq: rapid.Uint64Min(1).Draw(t, "seq"),
			At:     time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
			Kind:   rapid.SampledFrom([]event.Kind{event.DeviceInsecure, event.Started, event.AccessDenied}).Draw(t, "kind"),
			Detail: string(rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "detail")),
			Unsure: rapid.Bool().Draw(t, "unsure"),
		}
		b, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := event.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if back.Epoch != e.Epoch || back.Seq != e.Seq || back.Kind != e.Kind || back.Unsure != e.Unsure ||
			!back.At.Equal(e.At.Truncate(time.Microsecond)) || len(back.Detail) > event.MaxDetail {
			t.Fatalf("%+v came back as %+v", e, back)
		}
	})
}

func TestALongDetailIsCutBetweenTwoCharacters(t *testing.T) {
	e := examples["device_offline"]
	e.Detail = "x" + strings.Repeat("関", 200)
	b, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := event.Decode(b)
	if want := "x" + strings.Repeat("関", 85); err != nil || back.Detail != want { // 1 + 3×85 = 256
		t.Errorf("%d bytes: %q, %v", len(back.Detail), back.Detail, err)
	}
}

// R43-2: forced and held doors, and everything else that asks for a person, are alarms.
func TestR43_2_EveryKindIsValidAndAlarmsAreTheWrittenOnes(t *testing.T) {
	alarm := map[event.Kind]bool{
		event.AccessGranted: false, event.AccessDenied: false, event.DoorOpened: false, event.DoorClosed: false, event.DoorForced: true,
		event.DoorHeld: true, event.NotEntered: false, event.RequestToExit: false, event.DeviceOnline: false, event.DeviceOffline: true,
		event.DeviceInsecure: true, event.DeviceTamper: true, event.DevicePower: true, event.InputFault: true, event.StrikeFailed: true,
		event.Started: false, event.PolicyApplied: false, event.PolicyRefused: true, event.JournalTrouble: true, event.ClockStepped: false,
		event.RevocationApplied: false, event.LeaseWarning: true, event.LeaseLapsed: true, event.LeaseRenewed: false, event.RemoteRelease: false,
		event.CommandRefused: true, event.CertificateWarning: true, event.EpochOpened: true, event.CardUnreadable: false, event.CardLeft: true, event.CardTaken: false, event.DeviceKeyReplaced: false, event.DeviceKeyRefused: true,
		event.ClockUnset: true, event.ClockSet: false,
	}
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range alarm {
		if !k.Valid() || k.Alarm() != want {
			t.Errorf("%s: valid %t, alarm %t", k, k.Valid(), k.Alarm())
		}
		written := "`" + string(k) + "`"
		if want {
			written += "*"
		}
		if !strings.Contains(string(doc), written+",") && !strings.Contains(string(doc), written+" (* alarm)") {
			t.Errorf("docs/wire.md does not say %s", written)
		}
	}
	for _, k := range []event.Kind{"", "Access_Granted", "open"} {
		if k.Valid() || k.Alarm() {
			t.Errorf("%q is a kind", k)
		}
	}
}

// What is read is written the same, so that a hash over the bytes is a hash over the event.
func FuzzDecode(f *testing.F) {
	for _, e := range examples {
		b, err := event.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"epoch":1,"seq":1,"at":"2026-01-01T00:00:00Z","kind":"started","detail":"\ufffd\\ufffd"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := event.Decode(b)
		if err != nil {
			return
		}
		again, err := event.Encode(e)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s was read, and written as %s (%v)", b, again, err)
		}
	})
}

func TestTextThatIsNotUTF8IsMadeSoOnce(t *testing.T) {
	for in, want := range map[string]string{
		"a\xffb":       `"a` + "\uFFFD" + `b"`,
		`\ufffd`:       `"\\ufffd"`, // a backslash and letters, not an escape
		"\\\xff":       `"\\` + "\uFFFD" + `"`,
		"\uFFFD":       `"` + "\uFFFD" + `"`,
		`\\ufffd\`:     `"\\\\ufffd\\"`,
		"<&>":          `"\u003c\u0026\u003e"`,
		"tab\tquote\"": `"tab\tquote\""`,
	} {
		got, err := event.Marshal(in)
		if err != nil || string(got) != want {
			t.Errorf("%q: %s, want %s (%v)", in, got, want, err)
		}
		var back string
		if err := event.Unmarshal(got, &back); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
	if _, err := event.Marshal(func() {}); err == nil {
		t.Error("a function was marshalled")
	}
}
