// Package strict reads JSON so that two readers of one document cannot see different values.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Unmarshal is json.Unmarshal, but a field that stands twice in one object, under whatever spelling encoding/json takes for the same, bytes
// behind the value and a depth over 32 are refused.
func Unmarshal(data []byte, v any) error {
	if err := refuseDoubles(data); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// refuseDoubles walks one JSON value and refuses a field named twice in one object, and depth over maxDepth.
func refuseDoubles(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := walk(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes behind the JSON value")
	}
	return nil
}

const maxDepth = 32

func walk(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= maxDepth {
		return fmt.Errorf("JSON deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			if err := walkKey(d, seen); err != nil {
				return err
			}
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing bracket
	return err
}

func walkKey(d *json.Decoder, seen map[string]bool) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	key, ok := token.(string)
	folded := strings.ToLower(key) // encoding/json takes "Name" for "name"
	if !ok || seen[folded] {
		return errors.New("a field stands twice")
	}
	seen[folded] = true
	return nil
}
