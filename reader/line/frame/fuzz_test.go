package frame

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzFrames: whatever a line carries, each example finds frames in it or says what is wrong, and holds no more than it needs.
func FuzzFrames(f *testing.F) {
	f.Add(stx("C1234"))
	f.Add(polled(0, 0x81, 1, 2, 3, 4))
	f.Add([]byte("W026bdd93740\r\n"))
	f.Add([]byte("\x02\x02\x03\x03\r\n\r"))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, name := range Examples() {
			c := example(t, name, 0)
			d := c.Decoder()
			total := 0
			for _, one := range heard(d, line) {
				total += len(one.Body)
				if one.Err == nil {
					_, _, _ = c.Read(one.Body)
				}
			}
			if total > len(line) || d.Waiting() {
				t.Errorf("%s: %d bytes of bodies in %d bytes, waiting %v", name, total, len(line), d.Waiting())
			}
		}
	})
}

// FuzzProfile: whatever a configuration says, it is refused or works.
func FuzzProfile(f *testing.F) {
	for _, name := range Examples() {
		b, err := files.ReadFile("examples/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 0, []byte("\x02C1234\x03D"))
	}
	f.Fuzz(func(_ *testing.T, text []byte, address int, line []byte) {
		var p Profile
		if json.Unmarshal(text, &p) != nil {
			return
		}
		c, err := Compile(p, address)
		if err != nil {
			return
		}
		d := c.Decoder()
		for _, one := range heard(d, bytes.Repeat(line, 3)) {
			if one.Err == nil {
				_, _, _ = c.Read(one.Body)
			}
		}
		for show := range feedbacks {
			_ = c.Show(show)
		}
		if c.Every() > 0 {
			_, _ = c.Poll(), c.Taken()
		}
	})
}
