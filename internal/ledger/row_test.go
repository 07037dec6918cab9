package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

func col(name string, value any) ledger.Field { return ledger.Field{Name: name, Value: value} }

// The bytes as the package comment describes them, put together by hand.
const goldenRow = "6b616e6d6f6e20726f772076310a" + // "kanmon row v1\n"
	"00000001" + "74" + // table "t"
	"00000003" + // three fields
	"00000001" + "62" + "62" + "00000002" + "00ff" + // b: bytes 00 ff
	"00000001" + "6e" + "69" + "fffffffffffffffe" + // n: -2
	"00000001" + "73" + "74" + "00000003" + "e996a2" // s: text 関

func TestARowHasTheDocumentedBytes(t *testing.T) {
	row := ledger.Row{col("s", "関"), col("gone", nil), col("n", int64(-2)), col("b", []byte{0, 255}), col("none", []byte(nil))}
	got, err := ledger.AppendCanonical(nil, "t", row)
	if err != nil || hex.EncodeToString(got) != goldenRow {
		t.Errorf("got %x, %v", got, err)
	}
	salt := bytes.Repeat([]byte{7}, ledger.SaltSize)
	hash, err := ledger.RowHash(salt, "t", row)
	if err != nil || hash != sha256.Sum256(append(salt, unhex(t, goldenRow)...)) {
		t.Errorf("hash %x, %v", hash, err)
	}
}

func TestRowsThatDifferHaveDifferentBytes(t *testing.T) {
	rows := map[string]ledger.Row{
		"null":               {col("a", nil)},
		"empty text":         {col("a", "")},
		"empty bytes":        {col("a", []byte{})},
		"zero":               {col("a", int64(0))},
		"text 0":             {col("a", "0")},
		"bytes 0":            {col("a", []byte("0"))},
		"another name":       {col("b", "0")},
		"two":                {col("a", "0"), col("b", "0")},
		"a longer one":       {col("a", "00")},
		"a moved border":     {col("a0", "")},
		"eight bytes as int": {col("a", int64(0x3030303030303030))},
		"eight bytes":        {col("a", "00000000")},
	}
	seen := map[string]string{}
	for name, row := range rows {
		b, err := ledger.AppendCanonical(nil, "t", row)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[string(b)]; twice {
			t.Errorf("%s and %s have the same bytes", name, other)
		}
		seen[string(b)] = name
	}
}

func TestTheOrderOfColumnsDoesNotMatterAndEveryValueDoes(t *testing.T) {
	value := rapid.OneOf(rapid.Custom(func(t *rapid.T) any {
		return rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") }).Draw(t, "text")
	}),
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "int") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes") }))
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,8}`), value, 1, 8).Draw(t, "row")
		var row ledger.Row
		for name, v := range values {
			row = append(row, col(name, v))
		}
		before, err := ledger.AppendCanonical(nil, "t", row)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := rapid.Permutation(row).Draw(t, "shuffled")
		after, err := ledger.AppendCanonical(nil, "t", shuffled)
		if err != nil || !bytes.Equal(before, after) {
			t.Fatalf("the order changed the bytes: %v", err)
		}
		i := rapid.IntRange(0, len(row)-1).Draw(t, "changed")
		shuffled[i].Value = value.Filter(func(v any) bool { return !same(v, values[shuffled[i].Name]) }).Draw(t, "value")
		after, err = ledger.AppendCanonical(nil, "t", shuffled)
		if err != nil || bytes.Equal(before, after) {
			t.Fatalf("another value has the same bytes: %v", err)
		}
	})
}

func same(a, b any) bool {
	x, isBytes := a.([]byte)
	y, both := b.([]byte)
	if isBytes || both {
		return isBytes && both && bytes.Equal(x, y)
	}
	return a == b
}

func TestValuesThatADatabaseWouldChangeAreRefused(t *testing.T) {
	for name, row := range map[string]ledger.Row{
		"a float":       {col("a", 1.5)},
		"an int":        {col("a", 1)},
		"a bool":        {col("a", true)},
		"broken UTF-8":  {col("a", "\xff")},
		"a NUL":         {col("a", "a\x00b")},
		"a name twice":  {col("a", "x"), col("b", "x"), col("a", "y")},
		"twice in turn": {col("a", "x"), col("a", "x")},
	} {
		if _, err := ledger.AppendCanonical(nil, "t", row); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ledger.RowHash([]byte("short"), "t", nil); err == nil {
		t.Error("a short salt was accepted")
	}
}

func TestALeafIsOneLineOfJSON(t *testing.T) {
	hash := ledger.Hash(bytes.Repeat([]byte{0xab}, 32))
	const sum = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
	for want, leaf := range map[string]ledger.Leaf{
		`{"row":"event","sha256":"` + sum + `"}`:                        {Table: "event", Row: hash},
		`{"row":"card_version","key":["C-1",2],"sha256":"` + sum + `"}`: {Table: "card_version", Key: []any{"C-1", int64(2)}, Row: hash},
		`{"row":"x","key":["a\"\u003c関",-9],"sha256":"` + sum + `"}`:    {Table: "x", Key: []any{`a"<関`, int64(-9)}, Row: hash},
	} {
		got, err := leaf.Append(nil)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
		back, err := ledger.ParseLeaf([]byte(want))
		if err != nil || back.Table != leaf.Table || back.Row != leaf.Row || len(back.Key) != len(leaf.Key) {
			t.Errorf("read back %+v, %v", back, err)
		}
	}
	if _, err := (ledger.Leaf{Key: []any{1.5}}).Append(nil); err == nil {
		t.Error("a key of another type was accepted")
	}
}

func FuzzParseLeaf(f *testing.F) {
	const sum = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
	for _, s := range []string{
		`{"row":"event","sha256":"` + sum + `"}`, `{"row":"card_version","key":["C-1",2],"sha256":"` + sum + `"}`,
		`{"row":"x","key":[],"sha256":"` + sum + `"}`, `{"row":"x","key":[1.0],"sha256":"` + sum + `"}`, `{"sha256":"` + sum + `","row":"x"}`,
		`{"row":"x","key":[null],"sha256":"` + sum + `"} `, ``, `null`, `[]`, `{"row":"x","sha256":"AA=="}`, `{"row":"x","key":["\ud800"],"sha256":"` + sum + `"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		leaf, err := ledger.ParseLeaf(body)
		if err != nil {
			return
		}
		again, err := leaf.Append(nil)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%q was read as %q, %v", body, again, err)
		}
	})
}
