package osdp

import (
	"bytes"
	"errors"
	"testing"
)

// Whatever is on the line, decoding ends, what is decoded is written again as it came, and nothing is counted twice.
func FuzzDecoder(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Hex), uint8(3), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint8, gap bool) {
		d := NewDecoder(0)
		seen := 0
		for rest := stream; len(rest) > 0; {
			n := min(int(chunk)+1, len(rest))
			_, _ = d.Write(rest[:n])
			rest = rest[n:]
			if gap || len(rest) == 0 {
				d.Gap()
			}
			for _, fr := range drain(d) {
				b := encode(t, fr)
				if !bytes.Contains(stream, bytes.TrimPrefix(b, []byte{mark})) {
					t.Fatalf("%x was not on the line", b)
				}
				seen++
			}
		}
		if d.Pending() {
			t.Fatal("bytes are left behind a gap")
		}
		if st := d.Stats(); st.Frames != uint64(seen) || st.Noise > uint64(len(stream)) {
			t.Fatalf("%+v for %d bytes", st, len(stream))
		}
	})
}

// The fuzzer holds the session's keys: what it sends is authentic, and still only well-formed data comes out.
func FuzzOpenWithTheKey(f *testing.F) {
	f.Add(byte(SCS18), byte(ReplyRaw), []byte("\x00\x01\x1a\x00\xbd\xd9\x37\x40"), true)
	f.Add(byte(SCS15), byte(ReplyLocalStatus), []byte{0, 0}, false)
	f.Add(byte(SCS16), byte(ReplyAck), []byte{}, false)
	f.Add(byte(SCS17), byte(CmdLED), make([]byte, 16), true)
	f.Fuzz(func(t *testing.T, block, code byte, data []byte, encrypt bool) {
		if len(data) > 1400 {
			return
		}
		controller, device := sessions(t)
		open(t, device, seal(t, controller, Frame{Address: 1, Seq: 2, Code: CmdPoll}))
		fr := Frame{Address: 1, Reply: true, Seq: 2, Block: Block(block), Code: Code(code), Data: data}
		if encrypt {
			fr.Data = device.keys.encrypt(device.chain, data)
		}
		fr = forge(device, fr)
		got, err := controller.Open(fr)
		if (err != nil) != controller.Ended() {
			t.Fatalf("error %v, ended %v", err, controller.Ended())
		}
		switch {
		case err != nil:
		case encrypt && (fr.Block != SCS18 && !clearInSession(fr) || fr.Block == SCS18 && !bytes.Equal(got.Data, data)):
			t.Fatalf("block %02x opened to %x", block, got.Data)
		case len(got.Data) > 0 && fr.Block != SCS18 && !clearInSession(fr):
			t.Fatalf("clear data in block %02x", block)
		case (got.Code == ReplyRaw || got.Code == ReplyKeypad) && fr.Block != SCS18:
			t.Fatalf("%v in block %02x", got, block)
		}
	})
}

// Without the key nothing gets in: random bytes continue no chain.
func FuzzOpenWithoutTheKey(f *testing.F) {
	for _, v := range secured(f) {
		f.Add([]byte(v.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fs, _ := decodeAll(b)
		for _, fr := range fs {
			controller, device := sessions(t)
			open(t, device, seal(t, controller, Frame{Address: 1, Seq: 2, Code: CmdPoll}))
			for _, s := range []*Session{controller, func() *Session { _, d := sessions(t); return d }()} {
				if _, err := s.Open(fr); err == nil {
					t.Fatalf("%v got in", fr)
				}
			}
		}
	})
}

// Every parser refuses or reads; what it reads is written again and read the same.
func FuzzPayloads(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Code == nil {
			continue
		}
		data := decodeOne(f, v.Hex).Data
		if v.Clear != nil {
			data = *v.Clear
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		round(t, data, ParseNak, Nak.Append, true)
		round(t, data, ParsePDID, PDID.Append, true)
		round(t, data, ParseCapabilities, Capabilities.Append, true)
		round(t, data, ParseKeypad, Keypad.Append, true)
		round(t, data, ParseRawCard, RawCard.Append, false) // bits behind the count are cleared
		round(t, data, ParseLocalStatus, LocalStatus.Append, false)
		round(t, data, ParseInputStatus, InputStatus.Append, false)
		round(t, data, ParseOutputStatus, OutputStatus.Append, false)
		round(t, data, ParseReaderStatus, ReaderStatus.Append, false)
		round(t, data, ParseLEDs, appendAll(LED.Append), true)
		round(t, data, ParseBuzzers, appendAll(Buzzer.Append), true)
		round(t, data, ParseOutputs, appendAll(Output.Append), true)
		round(t, data, ParseKeySet, KeySet.Append, true)
		_ = ParseRequest(data)
	})
}

func appendAll[T any](one func(T, []byte) []byte) func([]T, []byte) []byte {
	return func(all []T, dst []byte) []byte {
		for _, v := range all {
			dst = one(v, dst)
		}
		return dst
	}
}

func round[T any](t *testing.T, data []byte, parse func([]byte) (T, error), write func(T, []byte) []byte, exact bool) {
	t.Helper()
	v, err := parse(data)
	if err != nil {
		if !errors.Is(err, ErrLength) && !errors.Is(err, ErrValue) && !errors.Is(err, ErrWeakKey) {
			t.Fatalf("unclassified error: %v", err)
		}
		return
	}
	b := write(v, nil)
	if exact && !bytes.Equal(b, data) {
		t.Fatalf("%x written as %x", data, b)
	}
	again, err := parse(b)
	if err != nil || !bytes.Equal(write(again, nil), b) {
		t.Fatalf("%x is not stable: %v", b, err)
	}
}
