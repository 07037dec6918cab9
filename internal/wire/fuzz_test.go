package wire_test

import (
	"bytes"
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/wire"
)

func FuzzParseTopic(f *testing.F) {
	f.Add("kanmon/v1/demo/ctl-1/events")
	f.Add("kanmon/v1/demo/+/status")
	f.Add("kanmon/v1/demo/all/revoked")
	f.Fuzz(func(t *testing.T, topic string) {
		if a, err := wire.ParseTopic(topic); err == nil && a.Topic() != topic {
			t.Fatalf("%q was read as %+v", topic, a)
		}
	})
}

// Nobody without the key makes a payload that is read: what is accepted is one that was signed here.
func FuzzOpen(f *testing.F) {
	known := map[string]bool{}
	for _, e := range examples(f) {
		known[string(e.payload(f))] = true
		f.Add(e.payload(f))
	}
	keys := wire.ManyKeys(device.public(), centre.public())
	f.Fuzz(func(t *testing.T, b []byte) {
		for kind, open := range openers {
			for _, controller := range []string{"ctl-1", wire.All} {
				v, err := open(wire.Address{Site: "demo", Controller: controller, Kind: kind}, b, keys)
				if err == nil && !known[string(b)] && kind != wire.Policy {
					t.Fatalf("%s was read as %+v", b, v)
				}
			}
		}
	})
}

// Any body with a good signature: what is accepted is sealed again in the same bytes, and no other panics.
func FuzzSignedBody(f *testing.F) {
	kinds := slices.DeleteFunc(append(wire.Ups(), wire.Downs()...), func(k wire.Kind) bool { return k == wire.Events || k == wire.Policy })
	for _, e := range examples(f) {
		if n := slices.Index(kinds, e.at.Kind); n >= 0 {
			body, err := wire.Encode(e.body)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(n), body)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		at := address(kinds[int(n)%len(kinds)])
		b := forge(at, body, device)
		v, err := openers[at.Kind](at, b, device.keys())
		if err != nil {
			return
		}
		if again, err := wire.Seal(at, v, device); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s is written as %s (%v)", b, again, err)
		}
	})
}

// Parts and deltas are not signed themselves. What is read is written the same, and comes to nothing but what the manifest names.
func FuzzDecodePolicy(f *testing.F) {
	base := hash(f, spec())
	names := map[string]bool{base: true, hash(f, later()): true}
	for _, name := range []string{"policy", "delta"} {
		f.Add(examples(f)[name].payload(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wire.DecodePolicy(address(wire.Policy), b, centre.keys())
		if err != nil {
			return
		}
		var v any
		var s access.Spec
		var whole bool
		if m.Delta != nil {
			v = *m.Delta
			s, err = m.Delta.Apply(spec(), base, m.Manifest)
			whole = err == nil
		} else {
			v = *m.Part
			var a wire.Assembler
			s, whole, _ = a.Add(m)
		}
		if whole && !names[hash(t, s)] {
			t.Fatalf("%s made %+v", b, s)
		}
		if again, err := wire.Encode(v); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s is written as %s (%v)", b, again, err)
		}
	})
}

func FuzzDecodeEventBatch(f *testing.F) {
	f.Add(examples(f)["events"].payload(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		batch, events, err := wire.DecodeEventBatch(b)
		if err != nil {
			return
		}
		if len(events) != len(batch.Events) || events[0].Seq != batch.First {
			t.Fatalf("%d events of %d from %d", len(events), len(batch.Events), events[0].Seq)
		}
		if again, err := wire.Encode(batch); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s is written as %s (%v)", b, again, err)
		}
	})
}
