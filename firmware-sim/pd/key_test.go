package pd

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kanmon/reader/osdp"
)

const newKeyText = "d2f04b8861c73e95aa1709bc5ed3860c"

func keySet(t *testing.T, text string) []byte {
	t.Helper()
	return osdp.KeySet{Key: testKey(t, text)}.Append(nil)
}

// handshake reports whether the device completes a handshake under a key.
func (h *host) handshake(text string) bool {
	h.t.Helper()
	rnd, err := osdp.NewRND(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	hs, err := osdp.NewControllerHandshake(testKey(h.t, text), rnd)
	if err != nil {
		h.t.Fatal(err)
	}
	proof, err := hs.Prove(h.must(to(hs.Challenge(), 0)))
	if err != nil {
		return false
	}
	_, err = proof.Finish(h.must(to(proof.Command(), 1)))
	return err == nil
}

// R47-1: the new key is stored before it is acknowledged; the acknowledgement is the last word of the old session.
func TestAKeyThatTheControllerGivesIsStoredFirstAndThenTheOnlyOne(t *testing.T) {
	var steps []string
	c := reader1()
	c.KeepKey = func(k osdp.Key) error {
		steps = append(steps, "stored")
		if !k.Equal(testKey(t, newKeyText)) {
			t.Error("another key was stored")
		}
		return nil
	}
	h := newHost(t, c)
	h.connect()
	if got := h.secured(osdp.CmdKeySet, keySet(t, newKeyText)); got.Code != osdp.ReplyAck || got.Block != osdp.SCS16 {
		t.Fatalf("KEYSET got %v", got)
	}
	if steps = append(steps, "answered"); !slices.Equal(steps, []string{"stored", "answered"}) {
		t.Errorf("steps %v", steps)
	}
	if h.device.Snapshot().Secure {
		t.Error("the old session goes on")
	}
	if got := h.must(h.seal(osdp.CmdPoll, nil)); got.Code != osdp.ReplyNak || osdp.NakCode(got.Data[0]) != osdp.NakSecurity {
		t.Errorf("a POLL in the old session got %v", got)
	}
	if h.handshake(keyText) || !h.handshake(newKeyText) {
		t.Error("the old key is taken, or the new one is not")
	}
}

func TestAKeyIsAcknowledgedAgainWhenTheAnswerWasLost(t *testing.T) {
	stored := 0
	c := reader1()
	c.KeepKey = func(osdp.Key) error { stored++; return nil }
	h := newHost(t, c)
	h.connect()
	f := h.seal(osdp.CmdKeySet, keySet(t, newKeyText))
	first, again := h.device.Receive(f, h.now), h.device.Receive(f, h.now)
	if !bytes.Equal(first, again) || stored != 1 {
		t.Errorf("stored %d times, answered % x and % x", stored, first, again)
	}
}

// R47-1: in clear, of another form, guessable, or not stored: refused, and the old key goes on.
func TestAKeyThatCannotBeTakenIsRefusedAndTheOldOneGoesOn(t *testing.T) {
	weak := func(b ...byte) []byte { return append([]byte{1, 16}, b...) }
	defaultKey := osdp.DefaultKey()
	for name, x := range map[string]struct {
		data []byte
		disk error
		want osdp.NakCode
	}{
		"another type":   {append([]byte{2, 16}, make([]byte, 16)...), nil, osdp.NakRecord},
		"another length": {[]byte{1, 8, 1, 2, 3, 4, 5, 6, 7, 8}, nil, osdp.NakLength},
		"all zero":       {weak(make([]byte, 16)...), nil, osdp.NakRecord},
		"SCBK-D":         {weak(defaultKey.Reveal()...), nil, osdp.NakRecord},
		"a full disk":    {keySet(t, newKeyText), errors.New("disk full"), osdp.NakRecord},
	} {
		t.Run(name, func(t *testing.T) {
			c := reader1()
			c.KeepKey = func(osdp.Key) error {
				if x.disk == nil {
					t.Error("it was stored")
				}
				return x.disk
			}
			h := newHost(t, c)
			h.connect()
			if got := h.secured(osdp.CmdKeySet, x.data); got.Code != osdp.ReplyNak || osdp.NakCode(got.Data[0]) != x.want {
				t.Errorf("got %v, want NAK %d", got, x.want)
			}
			if got := h.secured(osdp.CmdPoll, nil); got.Code != osdp.ReplyAck {
				t.Errorf("the session does not go on: %v", got)
			}
			if !h.handshake(keyText) {
				t.Error("the old key is not taken any more")
			}
		})
	}
	h := newHost(t, reader1())
	h.connect()
	got := h.must(osdp.Frame{Address: 1, Seq: osdp.NextSeq(h.seq), Code: osdp.CmdKeySet, Data: keySet(t, newKeyText)})
	if got.Code != osdp.ReplyNak || osdp.NakCode(got.Data[0]) != osdp.NakSecurity || !h.handshake(keyText) {
		t.Errorf("in clear: got %v", got)
	}
}

func TestTheKeyFileIsReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	file := KeyFile(filepath.Join(dir, "IN-1"))
	if _, err := file.Load(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, text := range []string{keyText, newKeyText} {
		if err := file.Save(testKey(t, text)); err != nil {
			t.Fatal(err)
		}
		if got, err := file.Load(); err != nil || !got.Equal(testKey(t, text)) {
			t.Errorf("read back %v, %v", got, err)
		}
	}
	if info, err := os.Stat(string(file)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := KeyFile(filepath.Join(dir, "none", "x")).Save(testKey(t, keyText)); err == nil || strings.Contains(err.Error(), keyText[:8]) {
		t.Errorf("no folder: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
