package decide_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// What a format can prove at most, and which of its frames a profile may name, written here a second time.
var provesAtMost = map[string]int{"bits": 2, "verdict": 2, "felica": 1, "uid": 0, "idm": 0, "text": 0, "": 0, "tape": 0}

var shapes = []access.Shape{
	bits26,
	{Format: "bits", Bits: 26, Parity: access.ParityWrong},
	{Format: "bits", Bits: 34, Parity: access.ParityRight},
	{Format: "bits", Bits: 32},
	{Format: "uid", Bits: 32},
	{Format: "uid", Bits: 56},
	{Format: "idm", Bits: 64},
	{Format: "felica", Bits: 128},
	{Format: "text", Bits: 80},
	{Format: "verdict", Bits: 32},
	{Format: "tape", Bits: 8},
	{},
}

func anyShape(t *rapid.T) access.Shape { return rapid.SampledFrom(shapes).Draw(t, "shape") }

// anyProfile draws what a reader was commissioned with; three times of four it takes bits26 with all their trust.
func anyProfile(t *rapid.T, name string) access.Reader {
	r := access.Reader{Name: name, Trust: access.TrustMutual}
	if few(t, "profile", 3) > 0 {
		return r
	}
	r.Trust = oneOf(t, "commissioned", "", access.TrustNumber, access.TrustMemory, access.TrustMutual)
	frames := []access.Frame{
		{Format: "bits", Bits: 26, Parity: true},
		{Format: "bits", Bits: 26},
		{Format: "bits"},
		{Format: "bits", Bits: 34, Parity: true},
		{Format: "uid"},
		{Format: "uid", Bits: 56},
		{Format: "idm"},
		{Format: "felica"},
		{Format: "text"},
		{Format: "verdict", Bits: 32},
	}
	r.Frames = rapid.Permutation(frames).Draw(t, "frames")[:few(t, "how many", len(frames))]
	return r
}

// expected is what a profile takes, from the contract's words.
func expected(r access.Reader, s access.Shape) bool {
	for _, f := range r.Frames {
		if f.Format == s.Format && (f.Bits == 0 || f.Bits == s.Bits) && (!f.Parity || s.Parity == "right") {
			return true
		}
	}
	return len(r.Frames) == 0
}

// R44-1: what counts is the least of what the driver did, what the format can prove and what the reader was commissioned with; a read of another shape
// than that is refused before anybody asks whose it is.
func TestATrustedReadIsNeverMoreThanDriverFormatAndProfile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := vault(access.Rules{Trust: oneOf(t, "demand", "", access.TrustNumber, access.TrustMemory, access.TrustMutual)})
		s.Readers = []access.Reader{anyProfile(t, "IN"), {Name: "SPARE", Trust: access.TrustMutual}}
		p := compiled(t, s)
		for range 20 {
			who := oneOf(t, "who", "clerk", "clerk", "nobody")
			r := decide.Request{Reader: "IN", Key: cardOf(who), Trust: oneOf(t, "driver", "", access.TrustNumber, access.TrustMemory, access.TrustMutual), Shape: anyShape(t)}
			least := min(rank(r.Trust), provesAtMost[r.Shape.Format], rank(s.Readers[0].Trust))
			want := access.Granted
			switch {
			case !expected(s.Readers[0], r.Shape):
				want, least = access.FrameUnexpected, 0
			case who == "nobody":
				want = access.UnknownCredential
			case least < rank(s.Areas[0].Trust):
				want = access.TrustTooLow
			}
			d := decide.Decide(p, r, noon)
			if d.Reason != want || rank(d.Facts.Trust) != least || d.Facts.Shape != r.Shape {
				t.Fatalf("%+v by %+v: %+v, want %s with trust %d", r, s.Readers[0], d, want, least)
			}
			if want == access.FrameUnexpected && (d.Card != "" || d.Person != "") {
				t.Fatalf("whose card it is was asked: %+v", d)
			}
		}
	})
}

// R44-1: trust × demand × profile, all of it. A reader without a profile proves the number.
func TestTrustDemandAndProfile(t *testing.T) {
	classes := []access.Trust{access.TrustNumber, access.TrustMemory, access.TrustMutual}
	for _, line := range []struct {
		driver, profile access.Trust
		none            bool // no profile
		granted         int  // by how many of the demands, weakest first
	}{
		{access.TrustNumber, "", true, 1},
		{access.TrustMemory, "", true, 1},
		{access.TrustMutual, "", true, 1},
		{access.TrustNumber, access.TrustNumber, false, 1},
		{access.TrustMemory, access.TrustNumber, false, 1},
		{access.TrustMutual, access.TrustNumber, false, 1},
		{access.TrustNumber, access.TrustMemory, false, 1},
		{access.TrustMemory, access.TrustMemory, false, 2},
		{access.TrustMutual, access.TrustMemory, false, 2},
		{access.TrustNumber, access.TrustMutual, false, 1},
		{access.TrustMemory, access.TrustMutual, false, 2},
		{access.TrustMutual, access.TrustMutual, false, 3},
	} {
		for n, demand := range classes {
			s := vault(access.Rules{Trust: demand})
			s.Readers = []access.Reader{{Name: "IN", Trust: line.profile}}
			if line.none {
				s.Readers = nil
			}
			d := decide.Decide(compile(t, s), decide.Request{Reader: "IN", Key: cardOf("clerk"), Trust: line.driver, Shape: bits26}, noon)
			want := access.TrustTooLow
			if n < line.granted {
				want = access.Granted
			}
			if d.Reason != want {
				t.Errorf("a read of %s at a reader of %q where %s is asked: %s", line.driver, line.profile, demand, d.Reason)
			}
		}
	}
}

// R44-1: cases 31 and 32. Frames that the reader was not commissioned for are refused, by the way out as by the way in as far as that can be.
func TestFramesOutsideTheProfileAreRefused(t *testing.T) {
	s := vault(access.Rules{})
	frames := []access.Frame{{Format: access.FormatBits, Bits: 26, Parity: true}, {Format: access.FormatFeliCa}}
	s.Readers = []access.Reader{{Name: "IN", Trust: access.TrustMemory, Frames: frames}, {Name: "OUT", Frames: frames}}
	p := compile(t, s)
	for _, tt := range []struct {
		shape access.Shape
		want  access.Reason
	}{
		{bits26, access.Granted},
		{access.Shape{Format: "bits", Bits: 26, Parity: access.ParityWrong}, access.FrameUnexpected},
		{access.Shape{Format: "bits", Bits: 34, Parity: access.ParityRight}, access.FrameUnexpected},
		{access.Shape{Format: "felica", Bits: 64}, access.Granted},
		{access.Shape{Format: "idm", Bits: 64}, access.FrameUnexpected},
		{access.Shape{}, access.FrameUnexpected},
	} {
		d := decide.Decide(p, decide.Request{Reader: "IN", Key: cardOf("clerk"), Shape: tt.shape}, noon)
		if d.Reason != tt.want || d.Allow != (tt.want == access.Granted) || d.Wait {
			t.Errorf("%v: %+v", tt.shape, d)
		}
		out := decide.Decide(p, decide.Request{Reader: "OUT", Key: cardOf("clerk"), Shape: tt.shape}, noon)
		if out.Reason != tt.want || !out.Allow {
			t.Errorf("%v on the way out: %+v", tt.shape, out)
		}
	}
	typed := decide.Decide(p, decide.Request{Reader: "IN", NoCard: true}, noon)
	if typed.Reason != access.FactorsWrong {
		t.Errorf("where nothing was shown, its shape was asked: %+v", typed)
	}
}

// A decision on record that claims more trust than the profile allows, or a frame outside of it, is not made again the same.
func TestARecordThatClaimsMoreThanTheProfileDiffers(t *testing.T) {
	s := vault(access.Rules{Trust: access.TrustMemory})
	s.Readers = []access.Reader{{Name: "IN", Trust: access.TrustMemory, Frames: []access.Frame{{Format: access.FormatFeliCa}}}}
	p := compile(t, s)
	shown := decide.Shown{Reader: "IN", Card: "card of clerk"}
	for _, tt := range []struct {
		trust access.Trust
		shape access.Shape
		want  access.Reason
	}{
		{access.TrustMemory, access.Shape{Format: "felica", Bits: 64}, access.Granted},
		{access.TrustMutual, access.Shape{Format: "felica", Bits: 64}, access.Granted},
		{"", access.Shape{Format: "felica", Bits: 64}, access.TrustTooLow},
		{access.TrustMutual, access.Shape{Format: "idm", Bits: 64}, access.FrameUnexpected},
	} {
		d := decide.Again(p, shown, access.Facts{Trust: tt.trust, Shape: tt.shape}, noon)
		if d.Reason != tt.want || d.Facts.Trust == access.TrustMutual {
			t.Errorf("%q %v: %+v, want %s", tt.trust, tt.shape, d, tt.want)
		}
	}
}

// A policy applies with all its profiles or not at all.
func TestAProfileThatMakesNoSenseRefusesThePolicy(t *testing.T) {
	frame := func(f access.Frame) access.Reader { return access.Reader{Name: "IN", Frames: []access.Frame{f}} }
	for name, r := range map[string]access.Reader{
		"no name":                       {},
		"a class nobody knows":          {Name: "IN", Trust: "blind"},
		"a format nobody knows":         frame(access.Frame{Format: "tape"}),
		"no format":                     frame(access.Frame{Bits: 26}),
		"too long":                      frame(access.Frame{Format: "bits", Bits: 257}),
		"less than nothing":             frame(access.Frame{Format: "bits", Bits: -1}),
		"half a byte of a UID":          frame(access.Frame{Format: "uid", Bits: 36}),
		"parity where none is known":    frame(access.Frame{Format: "bits", Bits: 32, Parity: true}),
		"parity of any length":          frame(access.Frame{Format: "bits", Parity: true}),
		"parity of a UID":               frame(access.Frame{Format: "uid", Bits: 56, Parity: true}),
		"a frame twice":                 {Name: "IN", Frames: []access.Frame{{Format: "uid"}, {Format: "uid"}}},
		"more frames than anybody has":  {Name: "IN", Frames: slices.Repeat([]access.Frame{{Format: "uid"}}, 17)},
		"a reader twice (OUT is there)": {Name: "OUT"},
	} {
		s := vault(access.Rules{})
		s.Readers = append(proven("OUT"), r)
		if _, err := decide.Compile(s); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	s := vault(access.Rules{})
	s.Readers = append(proven("SPARE"), frame(access.Frame{Format: "bits", Bits: 37, Parity: true}))
	if _, err := decide.Compile(s); err != nil {
		t.Errorf("a reader at no door, or a frame that is right: %v", err)
	}
}
