package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"kanmon/internal/fault"
)

// Field is one named column of a row. Value is a string, an int64, a []byte or nil, nothing else.
type Field struct {
	Name  string
	Value any
}

// Row is the columns of one row, in any order.
type Row []Field

// SaltSize is the length of a salt in bytes.
const SaltSize = 16

// rowHead begins the bytes that are hashed for a row, so that they can be nothing else.
const rowHead = "kanmon row v1\n"

// The type byte before a value.
const (
	typeText = 't'
	typeInt  = 'i'
	typeBlob = 'b'
)

// AppendCanonical appends the canonical bytes of a row of a table to dst (see the package comment). A value of
// another type, a text that is not UTF-8 or holds a NUL, and a name given twice are fault.Invalid.
func AppendCanonical(dst []byte, table string, row Row) ([]byte, error) {
	sorted, err := presentFields(row)
	if err != nil {
		return dst, fault.Wrap(fault.Invalid, err, "canonical row of "+table)
	}
	dst = append(dst, rowHead...)
	dst = appendSized(dst, table)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(sorted))) // a row has few columns
	for _, f := range sorted {
		dst = appendSized(dst, f.Name)
		dst = appendValue(dst, f.Value)
	}
	return dst, nil
}

// presentFields checks the row and returns its fields that are not null, by name. A row that is already so is
// returned as it is.
func presentFields(row Row) (Row, error) {
	ready := true
	for i, f := range row {
		if err := checkValue(f); err != nil {
			return nil, err
		}
		if isNull(f.Value) || i > 0 && row[i-1].Name >= f.Name {
			ready = false
		}
	}
	if ready {
		return row, nil
	}
	kept := slices.DeleteFunc(slices.Clone(row), func(f Field) bool { return isNull(f.Value) })
	slices.SortFunc(kept, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(kept); i++ {
		if kept[i-1].Name == kept[i].Name {
			return nil, fault.New(fault.Invalid, "", "column "+kept[i].Name+" given twice")
		}
	}
	return kept, nil
}

// isNull reports whether v stands for SQL NULL: nil, or a nil []byte, which the databases also store as NULL.
func isNull(v any) bool {
	b, ok := v.([]byte)
	return v == nil || ok && b == nil
}

func checkValue(f Field) error {
	switch v := f.Value.(type) {
	case nil, int64:
		return nil
	case []byte:
		return sizeFits(f.Name, len(v))
	case string:
		if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
			return fault.BadField(f.Name, "field.not_text", "column "+f.Name+": text is not UTF-8 or holds a NUL")
		}
		return sizeFits(f.Name, len(v))
	default:
		return fault.BadField(f.Name, "", fmt.Sprintf("column %s: type %T cannot be kept", f.Name, v))
	}
}

func sizeFits(name string, n int) error {
	if n > math.MaxInt32 {
		return fault.New(fault.TooLarge, "", "column "+name+" is over 2 GiB")
	}
	return nil
}

func appendSized(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s))) // bounded by sizeFits or a name of ours
	return append(dst, s...)
}

// appendValue appends a type byte and a value that checkValue let pass.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendSized(append(dst, typeText), v)
	case int64:
		return binary.BigEndian.AppendUint64(append(dst, typeInt), uint64(v)) // two's complement is the format
	case []byte:
		dst = binary.BigEndian.AppendUint32(append(dst, typeBlob), uint32(len(v))) // bounded by sizeFits
		return append(dst, v...)
	}
	return dst
}

// RowHash is SHA-256(salt || canonical bytes of the row). The salt has SaltSize bytes.
func RowHash(salt []byte, table string, row Row) (Hash, error) {
	if len(salt) != SaltSize {
		return Hash{}, fault.New(fault.Invalid, "", fmt.Sprintf("salt of %d bytes", len(salt)))
	}
	buf := make([]byte, 0, 512)
	buf, err := AppendCanonical(append(buf, salt...), table, row)
	if err != nil {
		return Hash{}, err
	}
	return sha256.Sum256(buf), nil
}
