package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"kanmon/internal/fault"
)

// Checkpoint is a claim about a log: its name, how many leaves it has, and the root over them.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// Text is the note text of the checkpoint: three lines.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// ParseCheckpoint reads the text of a checkpoint. Extension lines, a size with leading zeros or a sign, and
// base64 in another form are refused.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, fault.New(fault.Invalid, "", "parse checkpoint: not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fault.Wrap(fault.Invalid, err, "parse checkpoint: size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != HashSize {
		return Checkpoint{}, fault.New(fault.Invalid, "", "parse checkpoint: root is not 32 bytes in base64")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}
	if size < 0 || c.Text() != text {
		return Checkpoint{}, fault.New(fault.Invalid, "", "parse checkpoint: not in the one form of a checkpoint")
	}
	return c, nil
}
