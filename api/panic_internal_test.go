package api

import (
	"log/slog"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// A message that makes a handler panic would come again after every restart; it must not end the centre for all.
func TestAMessageThatPanicsIsAnErrorOfThatMessage(t *testing.T) {
	c := &Centre{cfg: CentreConfig{Log: slog.New(slog.DiscardHandler)}} // nothing behind it: any message panics
	for _, kind := range []wire.Kind{wire.Events, wire.Status} {
		err := c.handle(t.Context(), message{Address: wire.Address{Site: "demo", Controller: "ctl-1", Kind: kind}, payload: statusOnline(t)})
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
