package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"kanmon/internal/fault"
)

// Leaf binds one row: the table, the values of its primary key, and the salted hash of its columns.
type Leaf struct {
	Table string
	// Key holds strings and int64s; it is empty when the row's key is the leaf's own number.
	Key []any
	Row Hash
}

// Append appends the bytes of the leaf to dst. A key that is neither text nor a number is fault.Invalid.
func (l Leaf) Append(dst []byte) ([]byte, error) {
	dst = append(dst, `{"row":`...)
	dst = appendText(dst, l.Table)
	for i, v := range l.Key {
		if i == 0 {
			dst = append(dst, `,"key":[`...)
		} else {
			dst = append(dst, ',')
		}
		switch v := v.(type) {
		case string:
			dst = appendText(dst, v)
		case int64:
			dst = strconv.AppendInt(dst, v, 10)
		default:
			return dst, fault.New(fault.Invalid, "", fmt.Sprintf("key of %s holds a %T", l.Table, v))
		}
	}
	if len(l.Key) > 0 {
		dst = append(dst, ']')
	}
	dst = append(dst, `,"sha256":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, l.Row[:])
	return append(dst, `"}`...), nil
}

// appendText appends s as a JSON string. Plain ASCII, which nearly every key is, needs no encoder.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) //nolint:errchkjson // a string always encodes
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// ParseLeaf reads the bytes of a leaf. It takes exactly what Append makes and nothing else.
func ParseLeaf(body []byte) (Leaf, error) {
	var raw struct {
		Row    string            `json:"row"`
		Key    []json.RawMessage `json:"key"`
		SHA256 []byte            `json:"sha256"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return Leaf{}, fault.Wrap(fault.Invalid, err, "parse leaf")
	}
	if len(raw.SHA256) != HashSize {
		return Leaf{}, fault.New(fault.Invalid, "", fmt.Sprintf("parse leaf: hash of %d bytes", len(raw.SHA256)))
	}
	l := Leaf{Table: raw.Row, Row: Hash(raw.SHA256)}
	for _, k := range raw.Key {
		v, err := parseKey(k)
		if err != nil {
			return Leaf{}, err
		}
		l.Key = append(l.Key, v)
	}
	if again, err := l.Append(nil); err != nil || !bytes.Equal(again, body) {
		return Leaf{}, fault.New(fault.Invalid, "", "parse leaf: not in the one form of a leaf")
	}
	return l, nil
}

func parseKey(raw json.RawMessage) (any, error) {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		return s, fault.Wrap(fault.Invalid, err, "parse leaf: key")
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, fault.Wrap(fault.Invalid, err, "parse leaf: key")
}
