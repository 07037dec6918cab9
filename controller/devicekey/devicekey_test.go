package devicekey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/reader/osdp"
)

// bench is a store with one device, IN-1, and its log.
type bench struct {
	*Store
	t   *testing.T
	d   Device
	log bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	sealer, err := pki.NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, d: Device{Name: "IN-1", File: filepath.Join(dir, "in1.key")}}
	b.Store = New(filepath.Join(dir, "scbk"), sealer, slog.New(slog.NewTextHandler(&b.log, nil)))
	return b
}

func key(t *testing.T, n byte) osdp.Key {
	t.Helper()
	k, err := osdp.NewKey([]byte{0x5c, 0x9a, 0x1e, 0x77, 0xd3, 0x04, 0x6b, 0xf8, 0x2b, 0x60, 0xc4, 0xe9, 0x91, 0xa7, 0x3d, n})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func text(k osdp.Key) string { return hex.EncodeToString(k.Reveal()) }

func (b *bench) write(k osdp.Key) {
	b.t.Helper()
	if err := os.WriteFile(b.d.File, []byte(text(k)+"\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start is what a start of the controller does.
func (b *bench) start() Keys {
	b.t.Helper()
	peeked, err := b.Peek([]Device{b.d})
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := b.Adopt([]Device{b.d})
	if err != nil {
		b.t.Fatal(err)
	}
	if !all["IN-1"].Same(peeked["IN-1"]) {
		b.t.Error("Peek and Adopt differ")
	}
	if strings.Contains(b.log.String(), "5c9a1e") {
		b.t.Errorf("the log shows a key: %s", b.log.String())
	}
	return all["IN-1"]
}

func (b *bench) holds(k Keys, present osdp.Key, pending bool) {
	b.t.Helper()
	if !k.Present.Equal(present) || k.Changing() != pending {
		b.t.Errorf("another key holds, or pending %t, want %t", k.Changing(), pending)
	}
}

func (b *bench) fileGone() {
	b.t.Helper()
	if _, err := os.Lstat(b.d.File); !os.IsNotExist(err) {
		b.t.Errorf("the plain file is still there: %v", err)
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// R47-1: a plain key is sealed and its file gone; afterwards there need be none, and nothing on disk shows the key.
func TestAPlainKeyIsSealedOnceAndItsFileRemoved(t *testing.T) {
	b := newBench(t)
	b.write(key(t, 1))
	for range 3 {
		b.holds(b.start(), key(t, 1), false)
		b.fileGone()
	}
	sealed, err := filepath.Glob(filepath.Join(b.dir, "scbk-in-1-*.sealed"))
	if err != nil || len(sealed) != 1 {
		t.Fatalf("sealed: %v, %v", sealed, err)
	}
	if raw, err := os.ReadFile(sealed[0]); err != nil || bytes.Contains(raw, []byte(text(key(t, 1)))) {
		t.Errorf("it shows the key, or %v", err)
	}
}

// R47-1: the power fails between any two steps of sealing. The next start finishes, and a key that took the place of the sealed one
// meanwhile is not undone by what was left behind.
func TestACrashAtAnyStepOfSealingIsFinishedByTheNextStart(t *testing.T) {
	sealed := func(b *bench) { b.must(b.save("IN-1", Keys{Present: key(b.t, 1), leftover: mark(key(b.t, 1))})) }
	for name, crash := range map[string]func(*bench){
		"nothing done":             func(b *bench) { b.write(key(b.t, 1)) },
		"sealed, not removed":      func(b *bench) { b.write(key(b.t, 1)); sealed(b) },
		"removed, that not noted":  sealed,
		"all done":                 func(b *bench) { b.must(b.save("IN-1", Keys{Present: key(b.t, 1)})) },
		"and again, with the file": func(b *bench) { b.must(b.save("IN-1", Keys{Present: key(b.t, 1)})); b.write(key(b.t, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			crash(b)
			b.holds(b.start(), key(t, 1), false)
			b.fileGone()
			b.write(key(t, 2)) // a reader keyed anew at the desk
			b.holds(b.start(), key(t, 2), false)
			b.fileGone()
		})
		t.Run(name+", then changed", func(t *testing.T) {
			b := newBench(t)
			crash(b)
			b.start()
			b.must(b.Propose("IN-1", "", time.Now()))
			pending := b.start().Pending
			b.must(b.Settle(b.d))
			b.holds(b.start(), pending, false)
			b.write(key(t, 1)) // the old one once more, by a person: it was gone, so this is a newer word
			b.holds(b.start(), key(t, 1), false)
		})
	}
}

// R47-1: a file that cannot be removed is said and is not in the way: not at the next start, and not when another key has taken its place.
func TestAFileThatStaysIsNoNewerWord(t *testing.T) {
	b := newBench(t)
	target := b.d.File + ".elsewhere"
	b.d.File, target = target, b.d.File
	b.write(key(t, 1))
	b.d.File, target = target, b.d.File
	b.must(os.Symlink(target, b.d.File)) // a link is left alone
	for range 2 {
		b.log.Reset()
		b.holds(b.start(), key(t, 1), false)
		if !strings.Contains(b.log.String(), "remove it by hand") || !strings.Contains(b.log.String(), "IN-1") {
			t.Errorf("log: %s", b.log.String())
		}
	}
	b.must(b.Propose("IN-1", "leak", time.Now()))
	pending := b.start().Pending
	b.must(b.Settle(b.d))
	b.holds(b.start(), pending, false)
	b.holds(b.start(), pending, false)
	b.must(os.Remove(target))
	b.must(os.Remove(b.d.File))
	b.write(key(t, 3)) // a person's newer word all the same
	b.holds(b.start(), key(t, 3), false)
	b.fileGone()
}

// As after the loss of the sealing key: a person's file is the way out.
func TestAFileReplacesWhatIsSealedAndDoesNotOpen(t *testing.T) {
	b := newBench(t)
	b.write(key(t, 1))
	b.start()
	sealed := filepath.Join(b.dir, name("IN-1")+".sealed")
	b.must(os.WriteFile(sealed, []byte("kanmon-sealed-v1:AAAA"), 0o600))
	if _, err := b.Peek([]Device{b.d}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a file: %v", err)
	}
	b.write(key(t, 2))
	b.holds(b.start(), key(t, 2), false)
	b.fileGone()
	b.holds(b.start(), key(t, 2), false)
}

func TestAFileReplacesWhatIsSealedAndDropsWhatIsPending(t *testing.T) {
	b := newBench(t)
	b.write(key(t, 1))
	b.start()
	b.must(b.Propose("IN-1", "", time.Now()))
	b.write(key(t, 1)) // what is present anyway
	b.holds(b.start(), key(t, 1), true)
	b.fileGone()
	b.log.Reset()
	b.write(key(t, 2))
	b.holds(b.start(), key(t, 2), false)
	if !strings.Contains(b.log.String(), "dropped") {
		t.Errorf("log: %s", b.log.String())
	}
}

// R47-1: pending and present until it is proven; then the old key is nowhere any more.
func TestAPendingKeyIsNotReplacedAndBecomesThePresentOneWhenProven(t *testing.T) {
	b := newBench(t)
	if err := b.Propose("IN-1", "", time.Now()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no key yet: %v", err)
	}
	b.write(key(t, 1))
	b.start()
	b.must(b.Settle(b.d)) // nothing to settle
	made := time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)
	b.must(b.Propose("IN-1", "年次の交換", made))
	k := b.start()
	b.holds(k, key(t, 1), true)
	if k.Reason != "年次の交換" || !k.Since.Equal(made) || k.Pending.Equal(key(t, 1)) {
		t.Errorf("%s, %v", k.Reason, k.Since)
	}
	if err := b.Propose("IN-1", "", time.Now()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "2026-11-27T01:02:03Z") {
		t.Errorf("a second one: %v", err)
	}
	if again := b.start(); !again.Same(k) {
		t.Error("the refusal changed the keys")
	}
	b.must(b.Settle(b.d))
	settled := b.start()
	b.holds(settled, k.Pending, false)
	if settled.Reason != "" || !settled.Since.IsZero() {
		t.Errorf("left behind: %+v", settled)
	}
}

// R103-1: what is sealed is held to the rules of every key, and what does not hold changes nothing on disk.
func TestKeysThatDoNotHoldAreRefusedAndNothingIsChanged(t *testing.T) {
	raw := func(b *bench, record string) {
		v, err := pki.NewVault(b.dir, b.sealer)
		b.must(err)
		b.must(v.Save(name("IN-1"), []byte(record)))
	}
	one := `{"present":"` + text(key(t, 1)) + `"`
	for what, c := range map[string]struct {
		before func(*bench)
		says   string
	}{
		"no key at all":        {func(*bench) {}, "in1.key"},
		"a short file":         {func(b *bench) { b.must(os.WriteFile(b.d.File, []byte("5c9a1e"), 0o600)) }, "in1.key"},
		"a file of no hex":     {func(b *bench) { b.must(os.WriteFile(b.d.File, []byte(text(key(b.t, 1))[:30]+"zz"), 0o600)) }, "in1.key"},
		"a folder":             {func(b *bench) { b.must(os.Mkdir(b.d.File, 0o700)) }, "IN-1"},
		"SCBK-D in the file":   {func(b *bench) { b.must(os.WriteFile(b.d.File, []byte("303132333435363738393a3b3c3d3e3f"), 0o600)) }, "weak"},
		"SCBK-D sealed":        {func(b *bench) { raw(b, `{"present":"303132333435363738393a3b3c3d3e3f"}`) }, "weak"},
		"SCBK-D pending":       {func(b *bench) { raw(b, one+`,"pending":"303132333435363738393a3b3c3d3e3f"}`) }, "weak"},
		"sealed, and no key":   {func(b *bench) { raw(b, `{}`) }, "IN-1"},
		"sealed, and no form":  {func(b *bench) { raw(b, `5c9a1e`) }, "not a key"},
		"another's sealed key": {func(b *bench) { raw(b, one+`}`); b.must(b.save("IO-1", Keys{Present: key(b.t, 1)})) }, "IO-1"},
		"pending there, present here": {func(b *bench) {
			raw(b, one+`}`)
			b.must(b.save("IO-1", Keys{Present: key(b.t, 2), Pending: key(b.t, 1)}))
		}, "IO-1"},
		"damaged": {func(b *bench) {
			raw(b, one+`}`)
			b.must(os.WriteFile(filepath.Join(b.dir, name("IN-1")+".sealed"), []byte("kanmon-sealed-v1:AAAA"), 0o600))
		}, "IN-1"},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			c.before(b)
			devices := []Device{b.d}
			if there, _ := os.Stat(filepath.Join(b.dir, name("IO-1")+".sealed")); there != nil {
				devices = []Device{{Name: "IO-1"}, b.d}
			}
			before := listing(t, filepath.Dir(b.dir))
			_, peeked := b.Peek(devices)
			_, err := b.Adopt(devices)
			if fault.KindOf(err) != fault.Invalid || fault.KindOf(peeked) != fault.Invalid || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "IN-1") {
				t.Errorf("%v; %v", err, peeked)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "5c9a1e") {
				t.Errorf("the error shows a key: %v", err)
			}
			if after := listing(t, filepath.Dir(b.dir)); after != before {
				t.Errorf("changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b, _ := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %v %x\n", path, e.IsDir(), b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// A door works with its key also when the disk does not take it.
func TestADiskThatCannotBeWrittenLeavesTheFileAndTheKeyInForce(t *testing.T) {
	b := newBench(t)
	b.write(key(t, 1))
	b.dir = filepath.Join("/proc", "scbk") // nothing can be made there, by anybody
	b.holds(b.start(), key(t, 1), false)
	if _, err := os.Stat(b.d.File); err != nil || !strings.Contains(b.log.String(), "cannot be sealed") {
		t.Errorf("%v; log %s", err, b.log.String())
	}
}

func TestEveryDeviceHasASealedFileOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, device := range []string{"IN-1", "in-1", "IN_1", "受付", "受付2", strings.Repeat("x", 100), strings.Repeat("x", 101), "../x", "-", "\xff"} {
		n := name(device)
		if other, twice := seen[n]; twice {
			t.Errorf("%q and %q share %s", device, other, n)
		}
		seen[n] = device
		if len(n) > 64 || strings.ContainsAny(n, "./\\ ") {
			t.Errorf("%q is kept as %q", device, n)
		}
	}
}

func TestPrintedKeysAreMasked(t *testing.T) {
	k := Keys{Present: key(t, 1), Pending: key(t, 2)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, All{"IN-1": k}); strings.Contains(strings.ToLower(got), "5c9a") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}
