// Package fault holds the few kinds of error that cross package boundaries.
//
// A lower package wraps what went wrong with what was being done:
//
//	return fault.Wrap(fault.Conflict, err, "issue card")
//
// Only the HTTP edge turns a Kind into a status and a sentence for a person; the text of an
// Internal error never leaves the program.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what a caller can do about an error.
type Kind uint8

// The kinds. The zero value is Internal: an error nobody classified is our own fault.
const (
	Internal        Kind = iota // our defect or a broken machine; details stay in the log
	Invalid                     // the input is wrong; the caller can correct it
	NotFound                    // no such thing, or not for this caller
	Conflict                    // right in itself, wrong in the present state
	Denied                      // known caller, not allowed
	Unauthenticated             // unknown caller
	TooLarge                    // over a size limit
	TooMany                     // over a rate limit
	Unavailable                 // try again later
)

var names = [...]string{
	"internal", "invalid", "not_found", "conflict", "denied", "unauthenticated", "too_large", "too_many", "unavailable",
}

// String returns the stable snake_case name of the kind, as problem documents use it.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return names[Internal]
}

// Error is a classified error.
type Error struct {
	Kind Kind
	// Code names the sentence a person is shown, as a key of the message catalogue ("card.already_issued").
	Code string
	// Field names the input at fault, where one is.
	Field string
	text  string
	err   error
}

// New makes an error of a kind. Code is the key of the message shown to a person; text is for the log.
func New(kind Kind, code, text string) *Error { return &Error{Kind: kind, Code: code, text: text} }

// BadField is an Invalid error about one named input.
func BadField(field, code, text string) *Error {
	return &Error{Kind: Invalid, Code: code, Field: field, text: text}
}

// Wrap classifies err and says what was being done. A nil err stays nil.
func Wrap(kind Kind, err error, doing string) error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: kind, text: doing, err: err}
	if inner, ok := errors.AsType[*Error](err); ok {
		e.Code, e.Field = inner.Code, inner.Field
	}
	return e
}

// Error implements error.
func (e *Error) Error() string {
	if e.err != nil {
		return fmt.Sprintf("%s: %v", e.text, e.err)
	}
	return e.text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// KindOf returns the kind of the outermost classified error in the chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the message key of the outermost classified error, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
