// Package field checks what people type into the registers. Each check names the input and the key of the
// sentence that explains it.
package field

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"kanmon/internal/fault"
)

var (
	id     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)
	device = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`)
)

// ID checks an identifier that a person chooses: ASCII letters, digits, dot, underscore and hyphen, at most
// 32, the first a letter or a digit.
func ID(name, value string) error {
	if !id.MatchString(value) {
		return fault.BadField(name, "field.id", "not an identifier of 1 to 32 ASCII letters, digits, . _ -")
	}
	return nil
}

// Device checks the name of a reader or I/O device on a controller, such as "IN-1".
func Device(name, value string) error {
	if !device.MatchString(value) {
		return fault.BadField(name, "field.device", "not a device name of 1 to 32 ASCII letters, digits, -")
	}
	return nil
}

// Text trims one line of text and checks that it is there, is UTF-8, has no control character and no more
// than most characters.
func Text(name, value string, most int) (string, error) {
	value, err := Optional(name, value, most)
	if err == nil && value == "" {
		err = fault.BadField(name, "field.required", "empty")
	}
	return value, err
}

// Optional is Text that may be empty.
func Optional(name, value string, most int) (string, error) {
	if !utf8.ValidString(value) {
		return "", fault.BadField(name, "field.encoding", "not UTF-8")
	}
	value = strings.TrimSpace(value)
	if utf8.RuneCountInString(value) > most {
		return "", fault.BadField(name, "field.too_long", "too long")
	}
	if strings.ContainsFunc(value, unprintable) {
		return "", fault.BadField(name, "field.control", "a control character")
	}
	return value, nil
}

// unprintable also catches what turns the direction of text around, which could disguise a name.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069) || r == 0x2028 || r == 0x2029
}

// Limits of one page of a list.
const (
	pageDefault = 100
	pageMost    = 500
)

// Limit is how many rows a list returns when n are asked for: 0 or less means 100, and 500 is the most.
func Limit(n int) int {
	if n <= 0 {
		return pageDefault
	}
	return min(n, pageMost)
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Like is the pattern for "contains part" of lower(column) LIKE … ESCAPE '\'. Only ASCII is folded: that is
// what both databases agree on.
func Like(part string) string {
	folded := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(part))
	return "%" + escapeLike.Replace(folded) + "%"
}
