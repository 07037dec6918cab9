package osdp

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

var poll2 = unhex("530108000660d866") // POLL to device 1, number 2

func drain(d *Decoder) []Frame {
	var fs []Frame
	for {
		f, ok := d.Next()
		if !ok {
			return fs
		}
		fs = append(fs, f)
	}
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestDecoderFindsFramesBehindNoise(t *testing.T) {
	long := unhex("53011000") // a start byte and a length of 16 that nothing fills
	for _, x := range []struct {
		name   string
		stream []byte
		gap    bool // the line is silent at the end
		frames int
		stats  Stats
	}{
		{"a frame alone", poll2, false, 1, Stats{Frames: 1}},
		{"marks before a frame are no noise", concat([]byte{mark, mark}, poll2), false, 1, Stats{Frames: 1}},
		{"garbage before a frame is skipped", concat(unhex("001122"), poll2), false, 1, Stats{Frames: 1, Noise: 3}},
		{"a start byte with an impossible length costs only itself", concat(unhex("53535353"), poll2), true, 1, Stats{Frames: 1, Noise: 4, BadLength: 3, Aborted: 1}},
		{"a length over the limit", concat(unhex("5301a10504"), poll2), false, 1, Stats{Frames: 1, Noise: 5, BadLength: 1}},
		{"a length under the smallest frame", concat(unhex("5301060000"), poll2), false, 1, Stats{Frames: 1, Noise: 5, BadLength: 1}},
		{"a CRC frame of seven bytes", concat(unhex("53010700046000"), poll2), false, 1, Stats{Frames: 1, Noise: 7, BadLength: 1}},
		{"a damaged CRC", concat(unhex("530108000660d867"), poll2), false, 1, Stats{Frames: 1, Noise: 8, BadCheck: 1}},
		{"a damaged length swallows nothing", concat(long, poll2, poll2), false, 2, Stats{Frames: 2, Noise: 4, BadCheck: 1}},
		{"half a frame, then silence", poll2[:4], true, 0, Stats{Noise: 4, Aborted: 1}},
		{"a false start that swallowed a frame gives it back after silence", concat(unhex("53014000"), poll2), true, 1, Stats{Frames: 1, Noise: 4, Aborted: 1}},
		{"a false start still waits", concat(unhex("53014000"), poll2), false, 0, Stats{}},
		{"two frames in one read", concat(poll2, []byte{mark}, poll2), false, 2, Stats{Frames: 2}},
		{"good check bytes around nonsense", encodeRaw(unhex("53010900840201")), false, 0, Stats{Malformed: 1}},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := NewDecoder(0)
			_, _ = d.Write(x.stream)
			if x.gap {
				d.Gap()
			}
			if got := drain(d); len(got) != x.frames || d.Stats() != x.stats {
				t.Errorf("%d frames, %+v, want %d, %+v", len(got), d.Stats(), x.frames, x.stats)
			}
		})
	}
}

// encodeRaw puts a CRC behind bytes that Append would not write.
func encodeRaw(b []byte) []byte {
	crc := CRC(b)
	return append(b, byte(crc), byte(crc>>8))
}

func TestFrameIsNotContinuedAcrossAGap(t *testing.T) {
	d := NewDecoder(0)
	_, _ = d.Write(poll2[:5])
	if got := drain(d); len(got) != 0 || !d.Pending() {
		t.Fatal("half a frame should be pending")
	}
	d.Gap()
	_, _ = d.Write(poll2[5:])
	_, _ = d.Write(poll2)
	if got := drain(d); len(got) != 1 || d.Pending() {
		t.Errorf("%d frames, pending %v, want 1 frame", len(got), d.Pending())
	}
}

func TestCheckByteOfAFrameIsNoMarkOfTheNext(t *testing.T) {
	first := unhex("53010c00011e03043c61deff") // a checksum of 0xFF
	d := NewDecoder(0)
	_, _ = d.Write(concat(first, poll2))
	if got := drain(d); len(got) != 2 || got[1].Mark {
		t.Errorf("%d frames, the second with a mark", len(got))
	}
}

func TestSmallerLimitRefusesLongerFrames(t *testing.T) {
	long := encode(t, Frame{Address: 1, Code: CmdText, Data: make([]byte, 200)})
	for limit, want := range map[int]int{0: 1, SafeFrame: 0, len(long): 1, len(long) - 1: 0, MaxFrame + 1: 1} {
		d := NewDecoder(limit)
		_, _ = d.Write(long)
		if got := drain(d); len(got) != want {
			t.Errorf("limit %d: %d frames, want %d", limit, len(got), want)
		}
	}
}

func TestResetForgetsBytesAndKeepsCounters(t *testing.T) {
	d := NewDecoder(0)
	_, _ = d.Write(concat(poll2, poll2[:5]))
	drain(d)
	d.Reset()
	_, _ = d.Write(poll2)
	if got := drain(d); len(got) != 1 || got[0].Mark || d.Stats() != (Stats{Frames: 2}) {
		t.Errorf("%v, %+v", got, d.Stats())
	}
}

func TestImpossibleInsidesAreMalformed(t *testing.T) {
	for _, x := range []struct {
		name, bytes string
		want        error
	}{
		{"reserved control bits", "530108001460", ErrValue},
		{"block longer than the frame", "53010a000c0911 60", ErrLength},
		{"block length under two", "53010a000c0111 60", ErrLength},
		{"block of type 0", "53010b000c020060", ErrValue},
		{"block without a code", "53010a000c0219", ErrLength},
		{"no room for a MAC", "53010d000c02156001 0203", ErrLength},
	} {
		b := unhex(x.bytes)
		b[2] = byte(len(b) + 2)
		if _, err := ParseFrame(encodeRaw(b)); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
	}
}

func TestFramesThatCannotBeWrittenAreRefused(t *testing.T) {
	for _, x := range []struct {
		name string
		f    Frame
		want error
	}{
		{"too long", Frame{Data: make([]byte, MaxFrame-7)}, ErrLength},
		{"address", Frame{Address: 0x80}, ErrValue},
		{"number", Frame{Seq: 4}, ErrValue},
		{"block data without a block", Frame{BlockData: []byte{1}}, ErrValue},
		{"too much block data", Frame{Block: SCS11, BlockData: make([]byte, 254)}, ErrValue},
	} {
		if b, err := x.f.Append([]byte{1}); !errors.Is(err, x.want) || len(b) != 1 {
			t.Errorf("%s: %x, %v, want %v", x.name, b, err, x.want)
		}
	}
	longest := encode(t, Frame{Data: make([]byte, MaxFrame-8)})
	if len(longest) != MaxFrame {
		t.Errorf("longest frame has %d bytes", len(longest))
	}
}

// drawFrame draws any frame that may be on a line. Its blocks are random too, but never claim a MAC wrongly.
func drawFrame(t *rapid.T) Frame {
	f := Frame{
		Mark: rapid.Bool().Draw(t, "mark"), Address: rapid.Byte().Draw(t, "address") & Broadcast,
		Reply: rapid.Bool().Draw(t, "reply"), Seq: rapid.Byte().Draw(t, "seq") & 3, Checksum: rapid.Bool().Draw(t, "checksum"),
		Code: Code(rapid.Byte().Draw(t, "code")), Data: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"),
		Block: rapid.SampledFrom([]Block{NoBlock, SCS11, SCS12, SCS15, SCS16, SCS17, SCS18, 0x19}).Draw(t, "block"),
	}
	if f.Block != NoBlock {
		f.BlockData = rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "block data")
	}
	if f.Block.Secured() {
		copy(f.MAC[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "mac"))
	}
	return f
}

// The noise is rich in start bytes whose lengths would swallow the frames that follow.
func TestFramesSurviveAnySplitOfTheStreamWithNoiseBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDecoder(0)
		var want, stream []byte
		var got []byte
		count := rapid.IntRange(1, 5).Draw(t, "frames")
		var frames []Frame
		for range count {
			noise := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x53, 0x01, 0x08, 0x40, 0xFF}), 0, 12).Draw(t, "noise")
			f := drawFrame(t)
			f.Mark = f.Mark || bytes.HasSuffix(noise, []byte{mark})
			b, err := f.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, f)
			want = append(want, b...)
			stream = append(append(stream, noise...), b...)
		}
		if accidental(stream, frames) {
			return // noise and frames happen to make another good frame
		}
		take := func() {
			for _, f := range drain(d) {
				b, err := f.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b...)
			}
		}
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			_, _ = d.Write(rest[:n])
			rest = rest[n:]
			take()
		}
		d.Gap()
		take()
		if !bytes.Equal(got, want) {
			t.Fatalf("stream %x\n gave %x\n want %x", stream, got, want)
		}
	})
}

// accidental finds good frames in a stream that nobody put there, by trying every position.
func accidental(stream []byte, frames []Frame) bool {
	n := 0
	for i := range stream {
		if i+MinFrame > len(stream) || stream[i] != som {
			continue
		}
		size := int(stream[i+2]) | int(stream[i+3])<<8
		if size < MinFrame || size > len(stream)-i || size < 8 && stream[i+4]&ctrlCRC != 0 {
			continue
		}
		if checkOK(stream[i : i+size]) {
			n++
		}
	}
	return n != len(frames)
}
