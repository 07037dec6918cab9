package credential_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/reader/credential"
)

func hashKey(t testing.TB) credential.HashKey {
	t.Helper()
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(i)
	}
	k, err := credential.NewHashKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wiegand26 packs facility and card with their two parity bits, bit by bit, as the H10301 format has it: even over
// the first twelve, odd over the last twelve.
func wiegand26(facility, card int) []byte {
	bits := fmt.Sprintf("%08b%016b", facility, card)
	even, odd := strings.Count(bits[:12], "1")%2, 1-strings.Count(bits[12:], "1")%2
	bits = fmt.Sprintf("%d%s%d", even, bits, odd) + "000000"
	out := make([]byte, 4)
	for i := range out {
		_, _ = fmt.Sscanf(bits[8*i:8*i+8], "%b", &out[i])
	}
	return out
}

func TestTheWiegandVectorIsReadAndRevealed(t *testing.T) {
	raw := wiegand26(123, 45678)
	if !bytes.Equal(raw, []byte{0xBD, 0xD9, 0x37, 0x40}) {
		t.Fatalf("the vector is %x", raw)
	}
	c, err := credential.FromBits(26, raw)
	if err != nil {
		t.Fatal(err)
	}
	written, err := credential.Parse(" bits:26:BDD93740\n")
	if err != nil || written != c {
		t.Errorf("written form: %v, %v", written == c, err)
	}
	count, data := c.Reveal()
	if count != 26 || !bytes.Equal(data, raw) || c.IsZero() {
		t.Errorf("revealed %d bits %x", count, data)
	}
	data[0] = 0
	if _, again := c.Reveal(); again[0] != 0xBD {
		t.Error("what was revealed is not a copy")
	}
}

// HMAC-SHA256 over "bits", 00, 00 1a, bd d9 37 40 under 00 01 … 1f, computed with Python's hmac.
func TestTheKeyedHashIsTheOneComputedElsewhere(t *testing.T) {
	c, err := credential.Parse("bits:26:bdd93740")
	if err != nil {
		t.Fatal(err)
	}
	const want = "ac5c6a4d614ebf5def7bb1830164f05f7b00ddfe7d1ef6538c1a3cc16a9f6fc6"
	if k := c.Key(hashKey(t)); hex.EncodeToString(k[:]) != want {
		t.Errorf("%x, want %s", k[:], want)
	}
}

func TestBitsPastTheCountAreNotTrusted(t *testing.T) {
	clean, _ := credential.FromBits(26, []byte{0xBD, 0xD9, 0x37, 0x40})
	dirty, err := credential.FromBits(26, []byte{0xBD, 0xD9, 0x37, 0x7F})
	if err != nil || clean != dirty || clean.Key(hashKey(t)) != dirty.Key(hashKey(t)) {
		t.Errorf("noise behind the last bit makes another card (%v)", err)
	}
	other, _ := credential.FromBits(26, []byte{0xBD, 0xD9, 0x37, 0x00})
	if clean == other {
		t.Error("the last bit does not count")
	}
}

func TestWhatIsNoCredentialIsRefused(t *testing.T) {
	for name, f := range map[string]func() (credential.Credential, error){
		"no bits":         func() (credential.Credential, error) { return credential.FromBits(0, nil) },
		"negative bits":   func() (credential.Credential, error) { return credential.FromBits(-8, nil) },
		"too many bits":   func() (credential.Credential, error) { return credential.FromBits(257, make([]byte, 33)) },
		"a byte too few":  func() (credential.Credential, error) { return credential.FromBits(26, make([]byte, 3)) },
		"a byte too many": func() (credential.Credential, error) { return credential.FromBits(26, make([]byte, 5)) },
		"empty":           func() (credential.Credential, error) { return credential.Parse("") },
		"another format":  func() (credential.Credential, error) { return credential.Parse("uid:26:bdd93740") },
		"no value":        func() (credential.Credential, error) { return credential.Parse("bits:26") },
		"four parts":      func() (credential.Credential, error) { return credential.Parse("bits:26:bdd93740:1") },
		"no count":        func() (credential.Credential, error) { return credential.Parse("bits:x:bdd93740") },
		"no hex":          func() (credential.Credential, error) { return credential.Parse("bits:26:bdd9374x") },
	} {
		c, err := f()
		if err == nil || !c.IsZero() {
			t.Errorf("%s: %v, %v", name, c, err)
		} else if strings.Contains(err.Error(), "bdd937") {
			t.Errorf("%s: the error repeats the number: %v", name, err)
		}
	}
	if count, data := (credential.Credential{}).Reveal(); count != 0 || len(data) != 0 {
		t.Errorf("nothing reveals %d bits %x", count, data)
	}
}

// R44-1, R43-2: two cards are one only if format, length and every bit agree.
func TestR44_1_TheSameDigitsInTwoLengthsNeverCollide(t *testing.T) {
	k := hashKey(t)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (int, []byte, credential.Credential) {
			count := rapid.IntRange(1, credential.MaxBits).Draw(t, label+" bits")
			data := make([]byte, (count+7)/8)
			if rapid.Bool().Draw(t, label+" random") {
				data = rapid.SliceOfN(rapid.Byte(), len(data), len(data)).Draw(t, label)
			}
			c, err := credential.FromBits(count, data)
			if err != nil {
				t.Fatal(err)
			}
			return count, data, c
		}
		n1, d1, c1 := draw("one")
		n2, d2, c2 := draw("two")
		same := n1 == n2
		for i := 0; same && i < n1; i++ {
			same = d1[i/8]>>(7-i%8)&1 == d2[i/8]>>(7-i%8)&1
		}
		if (c1 == c2) != same || (c1.Key(k) == c2.Key(k)) != same {
			t.Fatalf("%d bits %x and %d bits %x: equal %t, want %t", n1, d1, n2, d2, c1 == c2, same)
		}
		count, data := c1.Reveal()
		written := fmt.Sprintf("bits:%d:%x", count, data)
		if back, err := credential.Parse(written); err != nil || back != c1 {
			t.Fatalf("written and read: %v, %v", back == c1, err)
		}
	})
}

func TestAnotherKeyGivesAnotherHash(t *testing.T) {
	c, _ := credential.FromBits(26, []byte{0xBD, 0xD9, 0x37, 0x40})
	other, err := credential.NewHashKey(make([]byte, 32))
	if err != nil || c.Key(other) == c.Key(hashKey(t)) {
		t.Errorf("the hash does not depend on the key (%v)", err)
	}
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := credential.NewHashKey(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes was accepted", n)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("hashed without a key")
		}
	}()
	c.Key(credential.HashKey{})
}

// A number is not to be seen by any verb, in any wrapping, in any log, nor a key.
func TestNothingPrintsACardNumberOrAKey(t *testing.T) {
	c, _ := credential.FromBits(64, []byte("CARDNMBR"))
	k, _ := credential.NewHashKey([]byte("KEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKE"))
	type inside struct {
		c credential.Credential
		k credential.HashKey
		E credential.Credential
	}
	values := []any{c, &c, []credential.Credential{c}, map[credential.Credential]int{c: 1}, inside{c, k, c}, &inside{c, k, c}, k, &k, []any{c, k}}
	var seen bytes.Buffer
	for _, verb := range strings.Split("%v %+v %#v %s %q %x %X %d %b %o %U %c %t %T", " ") {
		for _, v := range values {
			fmt.Fprintf(&seen, verb+"\n", v)
		}
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&seen, nil), slog.NewJSONHandler(&seen, nil)} {
		log := slog.New(h)
		for _, v := range values {
			log.Info("m", "v", v)
		}
	}
	for _, v := range values {
		b, _ := json.Marshal(v)
		seen.Write(b)
	}
	for _, secret := range []string{"CARDNMBR", "KEYKEY"} {
		decimal := strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")
		hexed := hex.EncodeToString([]byte(secret))
		for _, form := range []string{secret, decimal, strings.ReplaceAll(decimal, " ", ", "), hexed, strings.ToUpper(hexed)} {
			if i := strings.Index(seen.String(), form); i >= 0 {
				t.Errorf("printed: …%s…", seen.String()[max(0, i-60):i+20])
			}
		}
	}
	if _, err := json.Marshal(c); err == nil {
		t.Error("a credential was marshalled")
	}
	if _, err := json.Marshal(k); err == nil {
		t.Error("a key was marshalled")
	}
	if c.String() != "credential(masked)" || k.String() != "key(masked)" {
		t.Errorf("%s %s", c.String(), k.String())
	}
}
