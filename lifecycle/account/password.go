package account

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"kanmon/internal/fault"
)

// Password limits, in characters. NIST SP 800-63B-4 asks for at least 8 and advises 15; at most is there only to
// bound work.
const (
	MinPassword = 12
	MaxPassword = 256
)

// Password is a password in the clear, on its way to being hashed. It cannot be printed, logged or marshalled.
// It sits behind a pointer, so that even a struct that holds it in an unexported field prints an address.
type Password struct{ hidden *string }

// NewPassword takes a password as it was typed.
func NewPassword(text string) Password { return Password{hidden: &text} }

func (p Password) text() string {
	if p.hidden == nil {
		return ""
	}
	return *p.hidden
}

const mask = "password(masked)"

// String masks the password.
func (Password) String() string { return mask }

// GoString masks the password in %#v.
func (Password) GoString() string { return mask }

// LogValue masks the password in logs.
func (Password) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText refuses: a password is never written out.
func (Password) MarshalText() ([]byte, error) { return nil, errors.New("a password is not marshalled") }

// check applies the strength rules for a new password of the account id: length, not built from the login name,
// not the same few characters over and over. There are no rules of composition; they make passwords worse.
func (p Password) check(id string) error {
	n := utf8.RuneCountInString(p.text())
	switch {
	case n < MinPassword || n > MaxPassword:
		return fault.BadField("password", "account.password_length", fmt.Sprintf("password of %d characters", n))
	case !utf8.ValidString(p.text()):
		return fault.BadField("password", "account.password_form", "password is not UTF-8")
	case guessable(strings.ToLower(p.text()), id):
		return fault.BadField("password", "account.password_guessable", "password is easily guessed")
	}
	return nil
}

// guessable finds the passwords tried first: few different characters, one word repeated, a run along the
// keyboard, or little more than the login name.
func guessable(lower, id string) bool {
	different := map[rune]bool{}
	for _, r := range lower {
		different[r] = true
	}
	if len(different) < 5 {
		return true
	}
	rest := strings.ReplaceAll(lower, id, "")
	for _, word := range []string{"password", "kanmon", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "123456", "abcdefgh", "letmein", "admin"} {
		rest = strings.ReplaceAll(rest, word, "")
	}
	return utf8.RuneCountInString(rest) < MinPassword/2
}
