package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	bigint "math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// The key of RFC 8032, 7.1, test 1; its id by
// printf d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a | xxd -r -p | sha256sum | cut -c1-16.
func TestAKeyIsNamedByItsHash(t *testing.T) {
	public, err := hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	if err != nil {
		t.Fatal(err)
	}
	if id := wire.KeyID(public); id != "21fe31dfa154a261" {
		t.Errorf("%s", id)
	}
	keys := wire.ManyKeys(device.public(), public)
	if k, ok := keys("21fe31dfa154a261"); !ok || !bytes.Equal(k, public) {
		t.Errorf("%x, %t", k, ok)
	}
	for _, id := range []string{"", "21FE31DFA154A261", "21fe31dfa154a2", centre.KeyID()} {
		if k, ok := keys(id); ok || k != nil {
			t.Errorf("%q is trusted", id)
		}
	}
}

// openssl checks the golden signatures over messages put together here by the rules in docs/wire.md.
func TestAnotherProgramVerifiesTheSignatures(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl on this machine: the signatures were checked by our own code only")
	}
	all := examples(t)
	for name, topic := range map[string]string{
		"status": "kanmon/v1/demo/ctl-1/status", "live": "kanmon/v1/demo/ctl-1/live", "receipt": "kanmon/v1/demo/ctl-1/receipt",
		"answer_done": "kanmon/v1/demo/ctl-1/answer", "ack": "kanmon/v1/demo/ctl-1/ack", "lease": "kanmon/v1/demo/ctl-1/lease",
		"revoked": "kanmon/v1/demo/all/revoked", "release": "kanmon/v1/demo/ctl-1/cmd",
	} {
		b := golden(t, name)
		_, body, _ := strings.Cut(string(b), `,"body":`)
		message := "kanmon signed v1\n" + topic + "\n" + strings.TrimSuffix(body, "}")
		opensslVerifies(t, openssl, name, all[name].by, message, signatureIn(t, b))
	}
	opensslVerifies(t, openssl, "events", device, "kanmon events v1\ndemo\nctl-1\n7\n1\n2\n"+
		"9a26402f06a2efefd2aebec2c9bbea551b8baad14245afe3c2b64455551c2e64\n63b1e40ab129d0431a94b97b5a984c80a51296c2b54b0066aed4af8375000264\n",
		signatureIn(t, golden(t, "events")))
	for _, name := range []string{"policy", "delta"} {
		b := golden(t, name)
		_, rest, _ := strings.Cut(string(b), `"manifest":`)
		_, body, _ := strings.Cut(rest, `,"body":`)
		body, _, _ = strings.Cut(body, "}}")
		opensslVerifies(t, openssl, name, centre, "kanmon signed v1\nkanmon/v1/demo/ctl-1/policy\n"+body+"}", signatureIn(t, []byte(rest)))
	}
}

// signatureIn is the first signature in a payload.
func signatureIn(tb testing.TB, b []byte) []byte {
	tb.Helper()
	_, text, _ := strings.Cut(string(b), `"sig":"`)
	text, _, _ = strings.Cut(text, `"`)
	sig, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sig) != 64 {
		tb.Fatalf("signature of %d bytes, %v", len(sig), err)
	}
	return sig
}

func opensslVerifies(tb testing.TB, openssl, name string, by signer, message string, sig []byte) {
	tb.Helper()
	dir := tb.TempDir()
	der, err := x509.MarshalPKIXPublicKey(by.public())
	if err != nil {
		tb.Fatal(err)
	}
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			tb.Fatal(err)
		}
		return path
	}
	key := file("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	run := func(message string) (string, error) {
		out, err := exec.CommandContext(tb.Context(), openssl, "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin",
			"-in", file("message", []byte(message)), "-sigfile", file("sig", sig)).CombinedOutput()
		return string(out), err
	}
	if out, err := run(message); err != nil {
		tb.Errorf("%s: openssl says %s (%v) of %q", name, out, err, message)
	}
	if out, err := run(message + " "); err == nil {
		tb.Errorf("%s: openssl says %s of another message: the test shows nothing", name, out)
	}
}

// R47-1: a payload is good in one place only, whoever carries it where.
func TestR47_1_ASignedPayloadIsGoodOnItsOwnTopicOnly(t *testing.T) {
	var places []wire.Address
	for _, site := range []string{"demo", "demo2"} {
		for _, controller := range []string{"ctl-1", "ctl-2", wire.All} {
			for _, k := range append(wire.Ups(), wire.Downs()...) {
				places = append(places, wire.Address{Site: site, Controller: controller, Kind: k})
			}
		}
	}
	both := wire.ManyKeys(device.public(), centre.public()) // as if nobody told up from down
	for name, e := range examples(t) {
		if name == "offline" {
			continue
		}
		b, opened := golden(t, name), 0
		for _, place := range places {
			for kind, open := range openers {
				_, err := open(place, b, both)
				switch k := fault.KindOf(err); {
				case err == nil && place == e.at && kind == e.at.Kind:
					opened++
				case err == nil && kind == wire.Events && name == "events" && place.Site == "demo" && place.Controller == "ctl-1":
					// a batch's statement names site and controller; no other kind is read as a batch
				case err == nil:
					t.Errorf("%s was read as %s on %s", name, kind, place.Topic())
				case k != fault.Denied && k != fault.Invalid:
					t.Errorf("%s as %s on %s: %v", name, kind, place.Topic(), err)
				}
			}
		}
		if opened != 1 {
			t.Errorf("%s was read %d times where it belongs", name, opened)
		}
	}
}

// R103-1: who is not known is refused.
func TestR103_1_AnUnknownKeyIsRefused(t *testing.T) {
	for name, e := range examples(t) {
		if name == "offline" {
			continue
		}
		other := device
		if e.by.KeyID() == device.KeyID() {
			other = centre
		}
		for who, keys := range map[string]wire.Keys{
			"nobody is trusted": wire.ManyKeys(),
			"another":           other.keys(),
			"no key":            wire.OneKey(nil),
			"a stunted key":     func(string) (ed25519.PublicKey, bool) { return ed25519.PublicKey{1, 2, 3}, true },
			"a key is known but not trusted": func(string) (ed25519.PublicKey, bool) {
				return e.by.public(), false
			},
			"another key by the same id": func(string) (ed25519.PublicKey, bool) {
				return other.public(), true
			},
		} {
			if v, err := openers[e.at.Kind](e.at, golden(t, name), keys); fault.KindOf(err) != fault.Denied {
				t.Errorf("%s while %s: %+v, %v", name, who, v, err)
			}
		}
	}
}

// Only the will may be unsigned, in its one form.
func TestNothingElseIsReadUnsigned(t *testing.T) {
	for name, e := range examples(t) {
		if e.at.Kind == "" || e.at.Kind == wire.Policy || e.at.Kind == wire.Events {
			continue
		}
		b, err := wire.Encode(e.body)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := e.open(b); err == nil {
			t.Errorf("%s unsigned: %+v", name, v)
		}
	}
	for _, s := range []string{
		`{"v":1,"type":"status","online":true}`, `{"v":1,"type":"status","online":false,"trouble":["x"]}`,
		`{"v":1,"type":"status","online":false} `, `{"v":1,"type":"status"}`, `{"v":1,"type":"status","online":false,"online":false}`,
	} {
		if v, err := wire.OpenStatus(address(wire.Status), []byte(s), device.keys()); err == nil {
			t.Errorf("%s: %+v", s, v)
		}
	}
	will, err := wire.Encode(wire.Offline())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := wire.OpenStatus(address(wire.Status), will, wire.ManyKeys()); err != nil || s.Online {
		t.Errorf("the will: %+v, %v", s, err)
	}
}

// Whatever bit a broker turns, the payload is refused.
func TestNoBitCanBeTurned(t *testing.T) {
	for name, e := range examples(t) {
		if name == "policy" || name == "delta" || name == "offline" {
			continue // what a manifest names is checked by its hash, when it is whole
		}
		b := golden(t, name)
		for i := range b {
			turned := bytes.Clone(b)
			turned[i] ^= 1 << (i % 8)
			if v, err := e.open(turned); err == nil {
				t.Fatalf("%s with bit %d of byte %d turned: %+v", name, i%8, i, v)
			}
		}
	}
}

// One payload has one form: there is no second way to write its signature or its body.
func TestAnEnvelopeHasOneForm(t *testing.T) {
	good := golden(t, "ack")
	var s wire.Signed
	if err := json.Unmarshal(good, &s); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(s.Sig)
	swap := func(from, to string) []byte {
		if !bytes.Contains(good, []byte(from)) {
			t.Fatalf("no %s", from)
		}
		return bytes.Replace(good, []byte(from), []byte(to), 1)
	}
	// L, the order of the group: a signature (R, S+L) satisfies the equation too
	l, _ := new(bigint.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	le := slices.Clone(s.Sig[32:])
	slices.Reverse(le)
	be := new(bigint.Int).Add(new(bigint.Int).SetBytes(le), l).FillBytes(make([]byte, 32))
	slices.Reverse(be)
	malleable := append(slices.Clone(s.Sig[:32]), be...)

	last := strings.TrimRight(text, "=")
	for name, b := range map[string][]byte{
		"unused bits of the last digit": swap(text, last[:len(last)-1]+string(last[len(last)-1]+1)+"=="),
		"a line break in the signature": swap(text, text[:10]+`\n`+text[10:]),
		"no padding":                    swap(text, last),
		"an escaped digit":              swap(text[:1], fmt.Sprintf(`\u%04x`, text[0])),
		"the signature as numbers":      swap(`"`+text+`"`, "[1,2,3]"),
		"no signature":                  swap(`"`+text+`"`, "null"),
		"S beyond the order":            swap(text, base64.StdEncoding.EncodeToString(malleable)),
		"a longer signature":            swap(text, base64.StdEncoding.EncodeToString(append(slices.Clone(s.Sig), 0))),
		"the id in capitals":            swap(s.Key, strings.ToUpper(s.Key)),
		"a body twice":                  swap(`"body":{`, `"body":{},"body":{`),
		"white space in the body":       swap(`"body":{`, `"body":{ `),
		"a body as text":                swap(`"body":{"v":1`, `"body":"{\"v\":1`),
		"no body":                       []byte(strings.SplitAfter(string(good), `"body":`)[0] + "null}"),
		"nothing at all":                []byte(strings.SplitAfter(string(good), `=="`)[0] + "}"),
	} {
		if v, err := wire.OpenAck(address(wire.Ack), b, centre.keys()); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// A body that a trusted key has signed is still read strictly: a controller may have been taken over.
func TestASignedBodyIsReadStrictlyToo(t *testing.T) {
	for name, e := range examples(t) {
		if e.at.Kind == "" || e.at.Kind == wire.Policy || e.at.Kind == wire.Events {
			continue
		}
		good, err := wire.Encode(e.body)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := e.open(forge(e.at, good, e.by)); err != nil {
			t.Fatalf("%s: %v, %v", name, v, err)
		}
		swap := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
		for what, body := range map[string][]byte{
			"null":                []byte("null"),
			"a number":            []byte("1"),
			"an envelope":         forge(e.at, good, e.by),
			"another version":     swap(`"v":1`, `"v":2`),
			"another type":        swap(`"type":"`, `"type":"x`),
			"an unknown field":    swap(`"v":1`, `"v":1,"x":1`),
			"a field twice":       swap(`"v":1`, `"v":1,"v":1`),
			"white space":         swap(`"v":1,`, `"v":1, `),
			"an escape":           swap(`"type":"`, `"type":"\u0061`),
			"bytes of no text":    swap(`"type":"`, "\"type\":\"\xff"),
			"an escaped stand-in": swap(`"v":1`, `"v":1,"\ufffd":1`),
		} {
			if v, err := e.open(forge(e.at, body, e.by)); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s with %s: %+v, %v", name, what, v, err)
			}
		}
	}
}

// What goes in comes out, whatever text a device gave: escapes neither get lost nor become others on the way.
func TestABodyComesOutAsItWasSigned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fragment := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\xff", `\ufffd`, "\\", "\u2028", "<&>", "\x00", "\uFFFD", `\\ufffd`, "関"}))
		want := strings.Join(rapid.SliceOfN(fragment, 0, 8).Draw(t, "detail"), "")
		s := wire.Offline()
		s.Devices = []wire.DeviceStatus{{Name: "IN-1", Detail: want}}
		b, err := wire.Seal(address(wire.Status), s, device)
		if err != nil {
			t.Fatal(err)
		}
		back, err := wire.OpenStatus(address(wire.Status), b, device.keys())
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		// what is no text becomes one stand-in a byte, as encoding/json has it
		var text strings.Builder
		for _, r := range want {
			text.WriteRune(r)
		}
		if back.Devices[0].Detail != text.String() {
			t.Fatalf("%q came back as %q", want, back.Devices[0].Detail)
		}
	})
}

// Seal refuses what Open would, so that a mistake shows where it is made.
func TestOnlyWhatCanBeOpenedIsSealed(t *testing.T) {
	ack := wire.NewAck(1, 7, 2)
	for name, at := range map[string]wire.Address{
		"another kind":     address(wire.Lease),
		"no kind":          {Site: "demo", Controller: "ctl-1"},
		"no site":          {Controller: "ctl-1", Kind: wire.Ack},
		"all":              {Site: "demo", Controller: wire.All, Kind: wire.Ack},
		"a line break":     {Site: "demo", Controller: "ctl-1\n", Kind: wire.Ack},
		"a wildcard":       {Site: "demo", Controller: "+", Kind: wire.Ack},
		"the centre's own": {Site: "demo", Controller: wire.Centre, Kind: wire.Ack},
	} {
		if b, err := wire.Seal(at, ack, centre); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	if b, err := wire.Seal(address(wire.Ack), wire.AckUpTo{Centre: 1, Epoch: 7}, centre); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a header: %s, %v", b, err)
	}
	for kind, most := range map[wire.Kind]int{wire.Status: wire.MaxStatus, wire.Live: wire.MaxPayload} {
		b, err := wire.Seal(address(kind), wire.ControllerStatus{V: wire.V, Type: kind, Software: strings.Repeat("x", most-600)}, device)
		if err != nil || len(b) > most {
			t.Errorf("%s of %d bytes: %v", kind, len(b), err)
		}
		if _, err := wire.Seal(address(kind), wire.ControllerStatus{V: wire.V, Type: kind, Software: strings.Repeat("x", most-500)}, device); fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%s: %v", kind, err)
		}
	}
	long := forge(address(wire.Status), fmt.Appendf(nil, `{"v":1,"type":"status","online":true,"software":"%s"}`, strings.Repeat("x", wire.MaxStatus)), device)
	if _, err := wire.OpenStatus(address(wire.Status), long, device.keys()); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a status of %d bytes: %v", len(long), err)
	}
}
