package field_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"kanmon/lifecycle/field"
)

func TestIDs(t *testing.T) {
	for value, good := range map[string]bool{
		"1001": true, "S-ABCDEFGH": true, "server_room.2": true, "a": true, strings.Repeat("a", 32): true,
		"": false, "-a": false, ".a": false, "a b": false, "書庫": false, "a/b": false, "a\n": false, strings.Repeat("a", 33): false,
	} {
		if err := field.ID("id", value); (err == nil) != good {
			t.Errorf("ID(%q) = %v", value, err)
		}
	}
}

func TestTextIsTrimmedAndMustBeThere(t *testing.T) {
	if got, err := field.Text("name", "　 佐藤\u3000花子 \t", 5); err != nil || got != "佐藤\u3000花子" {
		t.Errorf("Text = %q, %v", got, err)
	}
	if _, err := field.Text("name", " \u3000", 5); err == nil {
		t.Error("blanks passed as a text")
	}
}

func TestLikeFindsItsOwnSignsOnly(t *testing.T) {
	for part, want := range map[string]string{"佐藤": "%佐藤%", "Ab": "%ab%", "100%": `%100\%%`, "a_b": `%a\_b%`, `\`: `%\\%`, " x ": "%x%"} {
		if got := field.Like(part); got != want {
			t.Errorf("Like(%q) = %q, want %q", part, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	for n, want := range map[int]int{-1: 100, 0: 100, 1: 1, 500: 500, 501: 500} {
		if got := field.Limit(n); got != want {
			t.Errorf("Limit(%d) = %d, want %d", n, got, want)
		}
	}
}

func FuzzTextThatPassesCanBeStoredAndShown(f *testing.F) {
	for _, seed := range []string{"佐藤", "\x00", "\xff", "a\u202eb", "  ", "\u2066", "𠮷\U000E0100"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := field.Optional("name", value, 20)
		if err != nil {
			return
		}
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 20 || strings.ContainsAny(got, "\x00\n\r\x1b\u202e") {
			t.Fatalf("%q passed", got)
		}
		if again, err := field.Optional("name", got, 20); err != nil || again != got {
			t.Fatalf("%q passed and then became %q, %v", got, again, err)
		}
	})
}
