package credential_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

func layers(t testing.TB, fill ...byte) credential.HashKey {
	t.Helper()
	var list [][]byte
	for _, b := range fill {
		list = append(list, bytes.Repeat([]byte{b}, 32))
	}
	k, err := credential.NewHashKeys(list)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// R47-1: the forms of a card under a key that was replaced twice, computed elsewhere:
//
//	python3 -c 'import hmac
//	f = hmac.digest(b"\x11"*32, b"bits\0\0\x1a" + bytes.fromhex("bdd93740"), "sha256"); print(f.hex())
//	for k in b"\x22", b"\x33": f = hmac.digest(k*32, b"kanmon credential re-hash v1\n" + f, "sha256"); print(f.hex())'
func TestTheFormsOfACardAreThoseComputedElsewhere(t *testing.T) {
	c, err := credential.Parse("bits:26:bdd93740")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"151e531efdaeb9db0df5e121833f71c8739eafbe40bc6b00b590f9b635831f94", "be7ebebd949faf5996061c85d524287440941ce676d0b5eab92a5e171228fd8c",
		"4be0f8e967dab79bed6270ec07966b5a913de523f55000a71aacb48edfae05c3",
	}
	k := layers(t, 0x11, 0x22, 0x33)
	for _, forms := range [][]access.Key{c.Forms(k), k.Forms(c.Key(layers(t, 0x11)))} {
		var got []string
		for _, f := range forms {
			got = append(got, hex.EncodeToString(f[:]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What was hashed once stays findable: a further layer only adds a form.
func TestAFurtherLayerOnlyAddsAForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fill := rapid.SliceOfNDistinct(rapid.Byte(), 2, credential.MaxLayers, rapid.ID).Draw(t, "layers")
		list := make([][]byte, len(fill))
		for i, b := range fill {
			list[i] = bytes.Repeat([]byte{b}, 32)
		}
		all, err := credential.NewHashKeys(list)
		if err != nil {
			t.Fatal(err)
		}
		before, err := credential.NewHashKeys(list[:len(list)-1])
		if err != nil {
			t.Fatal(err)
		}
		base := access.Key{rapid.Byte().Draw(t, "base")}
		forms := all.Forms(base)
		if !slices.Equal(forms[1:], before.Forms(base)) || slices.Contains(forms[1:], forms[0]) || forms[len(forms)-1] != base {
			t.Fatalf("forms %v, before %v", forms, before.Forms(base))
		}
	})
}

func TestAHashKeyHasOneToEightDifferentLayers(t *testing.T) {
	whole := func(n int) [][]byte {
		var list [][]byte
		for i := range n {
			list = append(list, bytes.Repeat([]byte{byte(i)}, 32))
		}
		return list
	}
	for name, list := range map[string][][]byte{
		"none": nil, "nine": whole(9), "a short one": {make([]byte, 32), make([]byte, 31)}, "one twice": {make([]byte, 32), make([]byte, 32)},
	} {
		if _, err := credential.NewHashKeys(list); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := credential.NewHashKeys(whole(8)); err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("hashed again without a key")
		}
	}()
	credential.HashKey{}.Forms(access.Key{1})
}
