package osdp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// R47-1: a new key crosses the wire encrypted, byte for byte as published: the example of annex E, and one taken from a wire.
func TestKeySetIsThePublishedFrame(t *testing.T) {
	for name, v := range map[string]struct {
		session func() (Key, error)
		rndA    string
		chain   string
		seq     uint8
		key     string
		frame   string
	}{
		"annex E": {
			session: func() (Key, error) { return DefaultKey(), nil }, rndA: "b0b1b2b3b4b5b6b7", chain: "b2a30057eb98ba2229ec1f875662b524", seq: 3,
			key:   "5c9a1e77d3046bf82b60c4e991a73d0f",
			frame: "ff 53012e000f021775 4258498a8f505d9cf686dcbf479e3950b41dd026544f4032530e0c0b441e7442 26add281 9729",
		},
		"under an own key": {
			session: func() (Key, error) { return ParseKey("5c9a1e77d3046bf82b60c4e991a73d0f") }, rndA: "b0b1b2b3b4b5b6b7", chain: "2c85b4857adbc04eddf16ec774d372da",
			seq: 3, key: "d2f04b8861c73e95aa1709bc5ed3860c",
			frame: "ff 53012e000f021775 d414414fd4906626b096bc6f038997c49a54f45828927d16cadb72360f53993d 1b7a9cc2 76bf",
		},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := v.session()
			if err != nil {
				t.Fatal(err)
			}
			keys, err := deriveKeys(base, RND(unhex(v.rndA)))
			if err != nil {
				t.Fatal(err)
			}
			key, err := ParseKey(v.key)
			if err != nil {
				t.Fatal(err)
			}
			s := &Session{keys: keys, chain: chain(unhex(v.chain)), controller: true}
			sealed, err := s.Seal(Frame{Mark: true, Address: 1, Seq: v.seq, Code: CmdKeySet, Data: KeySet{Key: key}.Append(nil)})
			if err != nil || sealed.Block != SCS17 {
				t.Fatalf("sealed as %v, %v", sealed, err)
			}
			sameHex(t, "KEYSET", encode(t, sealed), v.frame)

			d := &Session{keys: keys, chain: chain(unhex(v.chain))}
			opened, err := d.Open(decodeOne(t, unhex(v.frame)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ParseKeySet(opened.Data); err != nil || !got.Key.Equal(key) {
				t.Errorf("opened as %v, %v", got, err)
			}
		})
	}
}

// R47-1: a device's end takes no KEYSET that is not encrypted, not even an authentic one, and none in clear.
func TestKeySetThatIsNotEncryptedDoesNotOpen(t *testing.T) {
	key, err := ParseKey("d2f04b8861c73e95aa1709bc5ed3860c")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []Block{NoBlock, SCS15, SCS16, SCS18} {
		d := ownKeySession(t, false, "2c85b4857adbc04eddf16ec774d372da")
		f := Frame{Address: 1, Seq: 2, Block: block, Code: CmdKeySet, Data: KeySet{Key: key}.Append(nil)}
		full := d.mac(f)
		copy(f.MAC[:], full[:])
		if _, err := d.Open(f); !errors.Is(err, ErrBlock) {
			t.Errorf("block 0x%02x: %v", byte(block), err)
		}
	}
	if (Frame{Code: CmdKeySet}).MayBeClear() {
		t.Error("KEYSET may go in clear")
	}
}

func TestKeySetOfAnotherTypeLengthOrOfAWeakKeyIsRefused(t *testing.T) {
	good := append([]byte{1, 16}, unhex("d2f04b8861c73e95aa1709bc5ed3860c")...)
	if _, err := ParseKeySet(good); err != nil {
		t.Fatal(err)
	}
	edit := func(at int, to byte) []byte { b := bytes.Clone(good); b[at] = to; return b }
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing": {nil, ErrLength}, "short": {good[:17], ErrLength}, "long": {append(bytes.Clone(good), 0), ErrLength},
		"type 0": {edit(0, 0), ErrValue}, "type 2": {edit(0, 2), ErrValue}, "length 15": {edit(1, 15), ErrLength},
		"SCBK-D":   {append([]byte{1, 16}, unhex("303132333435363738393a3b3c3d3e3f")...), ErrWeakKey},
		"all zero": {append([]byte{1, 16}, make([]byte, 16)...), ErrWeakKey},
		"no key":   {KeySet{}.Append(nil), ErrLength},
	} {
		if got, err := ParseKeySet(c.data); !errors.Is(err, c.want) || !got.Key.IsZero() {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestKeySetIsMaskedInPrintsAndIsNotMarshalled(t *testing.T) {
	key, err := ParseKey("d2f04b8861c73e95aa1709bc5ed3860c")
	if err != nil {
		t.Fatal(err)
	}
	k := KeySet{Key: key}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := strings.ToLower(fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &k)); strings.Contains(got, "d2f0") || strings.Contains(got, "210") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if b, err := json.Marshal(k); err == nil {
		t.Errorf("marshalled as %s", b)
	}
}
