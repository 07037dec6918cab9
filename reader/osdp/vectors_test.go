package osdp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vector is one entry of testdata/osdp-vectors.json: bytes that were on a wire between libosdp and a peer, and
// what two programs that share nothing with this package made of them.
type vector struct {
	Name      string
	Direction string
	Hex       hexBytes
	Meaning   string
	Check     hexBytes
	Mark      bool
	Seq       uint8
	SCS       byte
	Code      *byte // nil for frames made by hand
	Reply     *hexBytes
	Clear     *hexBytes
	ChainIn   hexBytes `json:"chain_in"`
	MAC       hexBytes
	Session   string
	Keys      struct {
		SCBK  hexBytes
		RNDA  hexBytes `json:"rnd_a"`
		RNDB  hexBytes `json:"rnd_b"`
		SEnc  hexBytes `json:"s_enc"`
		SMac1 hexBytes `json:"s_mac1"`
		SMac2 hexBytes `json:"s_mac2"`
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "osdp-vectors.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(b, &vs); err != nil {
		tb.Fatal(err)
	}
	if len(vs) != 310 {
		tb.Fatalf("%d vectors, want 310", len(vs))
	}
	return vs
}

// group returns the vectors whose names start with a prefix, in order.
func group(tb testing.TB, prefix string) []vector {
	tb.Helper()
	var g []vector
	for _, v := range vectors(tb) {
		if strings.HasPrefix(v.Name, prefix) {
			g = append(g, v)
		}
	}
	if len(g) == 0 {
		tb.Fatalf("no vectors named %s", prefix)
	}
	return g
}

// damaged are the vectors whose check bytes are deliberately wrong: a device stays silent.
var damaged = []string{"raw/plain/13 bad CRC", "raw/plain/15 bad checksum", "raw/sc/34 bad CRC in SC"}

// decodeAll decodes bytes behind which the line is silent.
func decodeAll(b []byte) ([]Frame, Stats) {
	d := NewDecoder(0)
	_, _ = d.Write(b)
	d.Gap()
	var fs []Frame
	for {
		f, ok := d.Next()
		if !ok {
			return fs, d.Stats()
		}
		fs = append(fs, f)
	}
}

func decodeOne(tb testing.TB, b []byte) Frame {
	tb.Helper()
	fs, _ := decodeAll(b)
	if len(fs) != 1 {
		tb.Fatalf("%x holds %d frames, want 1", b, len(fs))
	}
	return fs[0]
}

func encode(tb testing.TB, f Frame) []byte {
	tb.Helper()
	b, err := f.Append(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestCheckBytesAreThoseOfTheVectors(t *testing.T) {
	for _, v := range group(t, "check/") {
		message := bytes.TrimSuffix(v.Hex, v.Check)
		if len(v.Check) == 1 {
			if got := Checksum(message); got != v.Check[0] {
				t.Errorf("%s: checksum %02x, want %02x", v.Name, got, v.Check[0])
			}
			continue
		}
		crc := CRC(message)
		if got := []byte{byte(crc), byte(crc >> 8)}; !bytes.Equal(got, v.Check) {
			t.Errorf("%s: CRC %x, want %x", v.Name, got, v.Check)
		}
	}
}

func TestEveryWellFormedVectorDecodesAndIsWrittenAgain(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Direction == "none" || slices.Contains(damaged, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			f := decodeOne(t, v.Hex)
			if f.Reply != (v.Direction == "reader->controller") {
				t.Errorf("direction of %v is not %s", f, v.Direction)
			}
			junk := len(v.Hex) - f.Size()
			if f.Mark {
				junk--
			}
			if got := encode(t, f); !bytes.Equal(got, v.Hex[junk:]) {
				t.Errorf("written as %x, want %x", got, v.Hex[junk:])
			}
			if v.Code != nil && (byte(f.Code) != *v.Code || f.Seq != v.Seq || byte(f.Block) != v.SCS || f.Mark != v.Mark || junk != 0) {
				t.Errorf("decoded as %v, junk %d", f, junk)
			}
			if v.Reply != nil && len(*v.Reply) > 0 {
				r := decodeOne(t, *v.Reply)
				if got := encode(t, r); !r.Reply || !bytes.Equal(got, *v.Reply) {
					t.Errorf("reply written as %x, want %x", got, *v.Reply)
				}
			}
		})
	}
}

func TestDamagedVectorsAreRefused(t *testing.T) {
	for _, v := range vectors(t) {
		if !slices.Contains(damaged, v.Name) {
			continue
		}
		if fs, st := decodeAll(v.Hex); len(fs) != 0 || st.BadCheck != 1 {
			t.Errorf("%s: %d frames, %+v", v.Name, len(fs), st)
		}
	}
}

// later are the codes whose payload this package does not read yet; their frames decode all the same.
var later = []string{"TEXT", "MFG", "MFGREP", "KEYSET", "COMSET", "COM"}

// The sentence beside each vector was written by another program: payloads must say the same, and be written
// again byte for byte.
func TestPayloadsOfTheVectorsSayWhatTheirMeaningSays(t *testing.T) {
	seen := map[string]int{}
	for _, v := range vectors(t) {
		if v.Code == nil || v.Session == "" {
			continue
		}
		f := decodeOne(t, v.Hex)
		name := f.Code.Name(f.Reply)
		if slices.Contains(later, name) || f.Block.Secured() && v.Clear == nil {
			continue // the latter is a repeat of earlier bytes
		}
		if v.Clear != nil {
			f.Data = *v.Clear
		}
		said, written := describe(t, f)
		want := fmt.Sprintf("%s address %d sequence %d", name, f.Address, f.Seq)
		if said != "" {
			want += ": " + said
		}
		if want != v.Meaning {
			t.Errorf("%s: read as %q, want %q", v.Name, want, v.Meaning)
		}
		if !bytes.Equal(written, f.Data) {
			t.Errorf("%s: payload written as %x, want %x", v.Name, written, f.Data)
		}
		seen[name]++
	}
	for _, name := range []string{"POLL", "ID", "CAP", "LED", "BUZ", "OUT", "LSTAT", "ISTAT", "OSTAT", "RSTAT", "CHLNG", "SCRYPT", "ACK", "NAK", "PDID", "PDCAP", "LSTATR", "ISTATR", "OSTATR", "RSTATR", "RAW", "KEYPAD", "CCRYPT", "RMAC_I", "BUSY"} {
		if seen[name] == 0 {
			t.Errorf("no vector of %s was read", name)
		}
	}
}

// describe reads a clear payload, and returns the vectors' sentence about it and the payload written again.
func describe(tb testing.TB, f Frame) (string, []byte) {
	tb.Helper()
	if !f.Reply {
		return describeCommand(tb, f)
	}
	switch f.Code {
	case ReplyAck, ReplyBusy:
		return "", f.Data
	case ReplyNak:
		n := read(tb, ParseNak, f.Data)
		return fmt.Sprintf("code %d", n.Code), n.Append(nil)
	case ReplyID:
		p := read(tb, ParsePDID, f.Data)
		w := p.Append(nil)
		return fmt.Sprintf("OUI %x model %d version %d serial %x (wire order) firmware %d.%d.%d", p.OUI, p.Model, p.Version,
			w[5:9], p.Firmware[0], p.Firmware[1], p.Firmware[2]), w
	case ReplyCapabilities:
		cs := read(tb, ParseCapabilities, f.Data)
		var parts []string
		for _, c := range cs {
			parts = append(parts, fmt.Sprintf("%d=(%d,%d)", c.Function, c.Compliance, c.Number))
		}
		return strings.Join(parts, " "), cs.Append(nil)
	case ReplyLocalStatus:
		l := read(tb, ParseLocalStatus, f.Data)
		return fmt.Sprintf("tamper %d power %d", flag(l.Tamper), flag(l.PowerFailure)), l.Append(nil)
	case ReplyInputStatus:
		s := read(tb, ParseInputStatus, f.Data)
		return hex.EncodeToString(s.Append(nil)), s.Append(nil)
	case ReplyOutputStatus:
		s := read(tb, ParseOutputStatus, f.Data)
		return hex.EncodeToString(s.Append(nil)), s.Append(nil)
	case ReplyReaderStatus:
		s := read(tb, ParseReaderStatus, f.Data)
		return hex.EncodeToString(s.Append(nil)), s.Append(nil)
	case ReplyRaw:
		c := read(tb, ParseRawCard, f.Data)
		count, bits := c.Reveal()
		return fmt.Sprintf("reader %d format %d bits %d data %x", c.Reader, c.Format, count, bits), c.Append(nil)
	case ReplyKeypad:
		k := read(tb, ParseKeypad, f.Data)
		return fmt.Sprintf("reader %d count %d keys %x", k.Reader, len(k.Reveal()), k.Reveal()), k.Append(nil)
	default: // CCRYPT and RMAC_I, which the handshake reads
		return fmt.Sprintf("data %x", f.Data), f.Data
	}
}

func describeCommand(tb testing.TB, f Frame) (string, []byte) {
	tb.Helper()
	switch f.Code {
	case CmdLED:
		l := read(tb, ParseLEDs, f.Data)[0]
		state := func(s LEDState) string {
			return fmt.Sprintf("control %d on %d off %d colours %d/%d", s.Control, s.OnTime, s.OffTime, s.On, s.Off)
		}
		return fmt.Sprintf("reader %d led %d temporary(%s timer %d) permanent(%s)", l.Reader, l.Number, state(l.Temporary),
			l.Timer, state(l.Permanent)), l.Append(nil)
	case CmdBuzzer:
		b := read(tb, ParseBuzzers, f.Data)[0]
		return fmt.Sprintf("reader %d tone %d on %d off %d count %d", b.Reader, b.Tone, b.OnTime, b.OffTime, b.Count), b.Append(nil)
	case CmdOutput:
		o := read(tb, ParseOutputs, f.Data)[0]
		return fmt.Sprintf("output %d control %d timer %d", o.Number, o.Control, o.Timer), o.Append(nil)
	case CmdID, CmdCapabilities:
		if err := ParseRequest(f.Data); err != nil {
			tb.Fatal(err)
		}
		return fmt.Sprintf("data %02x", RequestStandard), []byte{RequestStandard}
	case CmdChallenge, CmdServerCryptogram:
		return fmt.Sprintf("data %x", f.Data), f.Data
	default:
		return "", f.Data
	}
}

// read unwraps a parser's result.
func read[T any](tb testing.TB, parse func([]byte) (T, error), data []byte) T {
	tb.Helper()
	v, err := parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
