package centre

import (
	"log/slog"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// A message that makes a handler panic would come again after every restart; it must not end the centre for all.
func TestAMessageThatPanicsIsAnErrorOfThatMessage(t *testing.T) {
	c := &Centre{cfg: Config{Log: slog.New(slog.DiscardHandler)}} // nothing behind it: any message panics
	for _, kind := range wire.Ups() {
		m := message{Address: wire.Address{Site: "demo", Controller: "ctl-1", Kind: kind}, payload: statusOnline(t)}
		err := guarded(t.Context(), c.cfg.Log, m, c.take)
		if err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func statusOnline(t *testing.T) []byte {
	t.Helper()
	b, err := wire.Encode(wire.Offline())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
