package osdp

import (
	"bytes"
	"fmt"
	"testing"
)

// differs lists where the protocol, as this package holds it, asks for another answer than libosdp's reader gave.
var differs = map[string]struct{ want, why string }{
	"raw/plain/04 POLL seq3 (skipped 2)":   {"NAK 3 04", "a wrong number is answered under its own number and changes nothing"},
	"raw/plain/05 POLL seq2":               {"ACK 2", "the wrong number before did not count as a step"},
	"raw/plain/08 checksum frame":          {"ACK 2 checksum", "the reply has the command's kind of check bytes"},
	"raw/plain/09 checksum ID":             {"PDID 3 checksum 12345622110d0c0b0a010203", "the reply has the command's kind of check bytes"},
	"raw/plain/19 ID with no parameter":    {"PDID 3 12345622110d0c0b0a010203", "some controllers leave the parameter out"},
	"raw/plain/32 CHLNG in clear (no SCB)": {"NAK 1 05", "a challenge comes in its block"},
	"raw/plain/37 COMSET address 0x7F":     {"NAK 3 03", "this device does not know COMSET"},
	"raw/sc/01 SCBK-D CHLNG":               {"NAK 0 05", "a device with a key refuses the default key at once"},
	"raw/sc/12 ISTAT in SC":                {"ISTATR 1 block 18", "data in a session is encrypted"},
	"raw/sc/20 plain POLL inside SC":       {"NAK 3 06", "a clear command ends the session, and so is answered in clear"},
	"raw/sc/21 plain POLL, same seq":       {"NAK 3 06", "the stored reply again"},
	"raw/sc/25 plain ID inside SC":         {"NAK 3 06", "a clear command ends the session, and so is answered in clear"},
	"raw/sc/35 secured POLL after bad CRC": {"ACK 3 block 16", "damage on the line does not end a session"},
	"raw/sc/39 wrong seq in SC":            {"NAK 2 04", "the number of the last command with other bytes is no repeat"},
	"raw/enforce/09 SCBK-D CHLNG":          {"NAK 0 05", "a device with a key refuses the default key at once"},
}

func summary(f Frame) string {
	s := fmt.Sprintf("%s %d", f.Code.Name(f.Reply), f.Seq)
	if f.Block != NoBlock {
		return s + fmt.Sprintf(" block %x", byte(f.Block))
	}
	if f.Checksum {
		s += " checksum"
	}
	if len(f.Data) > 0 {
		s += fmt.Sprintf(" %x", f.Data)
	}
	return s
}

// Commands made by hand, many of them wrong, and the answers of a device that follows sections of the protocol
// rather than its neighbour: the bytes libosdp sent, but for the list above.
func TestHandMadeCommandsAreAnsweredByTheRules(t *testing.T) {
	k1, err := NewKey(unhex("5c9a1e77d3046bf82b60c4e991a73d0f"))
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for prefix, d := range map[string]*modelDevice{
		"raw/plain/": {key: k1}, "raw/sc/": {key: k1, enforce: true}, "raw/enforce/": {key: k1, enforce: true},
	} {
		d.t, d.address = t, 1
		for _, v := range group(t, prefix) {
			want := *v.Reply
			if len(want) > 0 {
				if r := decodeOne(t, want); r.Code == ReplyClientCryptogram && r.Block == SCS12 {
					d.rndB = RND(r.Data[8:16]) // what libosdp drew
				}
			}
			var commandMAC chain
			if d.session != nil {
				commandMAC = d.session.mac(decodeAny(v.Hex))
			}
			got := d.handle(v.Hex)
			if x, ok := differs[v.Name]; ok {
				used++
				if s := summary(decodeOne(t, got)); s != x.want {
					t.Errorf("%s: answered %s, want %s (%s)", v.Name, s, x.want, x.why)
				}
				if v.Name == "raw/sc/12 ISTAT in SC" { // the hand that made the next commands went on from libosdp's reply
					d.session.chain = d.session.keys.mac(commandMAC, decodeOne(t, want).appendAuthenticated(nil))
				}
				continue
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: answered %x, want %x", v.Name, got, []byte(want))
			}
		}
	}
	if used != len(differs) {
		t.Errorf("%d of %d differences were met", used, len(differs))
	}
}

func decodeAny(b []byte) Frame {
	fs, _ := decodeAll(b)
	if len(fs) == 0 {
		return Frame{}
	}
	return fs[0]
}
