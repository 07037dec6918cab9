package osdp

// hidden holds secret bytes where fmt and the encoders cannot walk to them, not even with a verb that does not
// fit or from inside somebody else's struct: in a closure. It also makes == on its owner a compile error.
type hidden func() []byte

func hide(b []byte) hidden {
	own := append([]byte(nil), b...)
	return func() []byte { return own }
}

// reveal returns a copy.
func (h hidden) reveal() []byte {
	if h == nil {
		return nil
	}
	return append([]byte(nil), h()...)
}
