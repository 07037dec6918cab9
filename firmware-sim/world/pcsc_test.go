package world

import (
	"os"
	"strings"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/reader/credential"
)

func TestPersonAtAPCSCReaderWatchesTheStrike(t *testing.T) {
	dir, err := os.MkdirTemp("", "pcscw") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d, err := PCSC{Dir: dir, Reader: "PC-1"}.start(t.Context())
	if err != nil {
		t.Fatalf("a pcscd with virtual readers is needed (make setup-test): %v", err)
	}
	defer d.Stop()
	w := small(t)
	w.pcsc, w.pcscd, w.doors[0].PCSC = "PC-1", d, "PC-1"
	ic, err := credential.Parse("felica:96:fe001a8b3132333435363738")
	if err != nil {
		t.Fatal(err)
	}
	w.cards["佐藤IC"] = ic
	tap := control.Request{Op: control.Tap, Reader: "PC-1", Card: "佐藤IC", Stay: true}
	if a := w.Handle(t.Context(), tap); a.Released || a.Error != "" || a.LED != "" {
		t.Errorf("nobody released it: %+v", a)
	}
	connect(t, w.Device("IO-1"), 3).release(3 * time.Second)
	if a := w.Handle(t.Context(), tap); !a.Released || a.Error != "" {
		t.Errorf("released: %+v", a)
	}
	tap.Card = "佐藤"
	if a := w.Handle(t.Context(), tap); !strings.Contains(a.Error, "no FeliCa service") {
		t.Errorf("a card of bits: %+v", a)
	}
}
