package strict

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzRefuseDoubles(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"a":2}`, `{"a":{"b":[1,{"c":null}]},"A":0}`, `[1,2`, `1 2`, `"x`, strings.Repeat("[", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if refuseDoubles([]byte(s)) == nil && !json.Valid([]byte(s)) {
			t.Fatalf("%q is taken and is no JSON", s)
		}
	})
}

func TestDoublesAreFoundAtAnyDepthAndSinglesLeftAlone(t *testing.T) {
	for text, good := range map[string]bool{
		`{"a":1,"b":1}`: true, `[{"a":1},{"a":1}]`: true, `{"a":{"a":{"a":1}}}`: true, `null`: true, ` 5 `: true,
		`{"a":1,"a":1}`: false, `{"x":[{"a":1,"A":1}]}`: false, `{"a":1}{}`: false, `{"a":1,}`: false, ``: false,
		`{"\u0061":1,"a":1}`: false, strings.Repeat("[", 33) + strings.Repeat("]", 33): false,
	} {
		if err := refuseDoubles([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
