package frame

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Bytes are bytes of a profile. Written they are pairs of hex digits and text in single quotes, parted by spaces: "02 'C' 0d 0a".
type Bytes []byte

// UnmarshalText reads the written form.
func (b *Bytes) UnmarshalText(text []byte) error {
	var out []byte
	for rest := strings.TrimSpace(string(text)); rest != ""; rest = strings.TrimSpace(rest) {
		var err error
		if out, rest, err = nextBytes(out, rest); err != nil {
			return err
		}
	}
	*b = out
	return nil
}

func nextBytes(out []byte, rest string) ([]byte, string, error) {
	if rest[0] == '\'' {
		text, after, closed := strings.Cut(rest[1:], "'")
		if !closed {
			return nil, "", fmt.Errorf("bytes %.40q: a quote is not closed", rest)
		}
		return append(out, text...), after, nil
	}
	word, after, _ := strings.Cut(rest, " ")
	b, err := hex.DecodeString(word)
	if err != nil {
		return nil, "", fmt.Errorf("bytes %.40q: want pairs of hex digits, or text in single quotes", word)
	}
	return append(out, b...), after, nil
}

// MarshalText writes them in hex, parted by spaces.
func (b Bytes) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "% x", []byte(b)), nil }
