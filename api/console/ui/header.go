package ui

import "net/http"

// Policy is the Content-Security-Policy of every page: nothing but what this site serves as a file, no inline
// script or style, no frame, no request to another host.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers of every answer of the console.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// private marks an answer that no cache may keep.
func private(h http.Header) {
	secure(h)
	h.Set("Cache-Control", "no-store")
}

// Private sets the headers of an answer that is not a page, such as an event stream: those of every answer, and
// that no cache may keep it.
func Private(h http.Header) { private(h) }

// Redirect answers 303: the browser asks for the address with GET.
func Redirect(w http.ResponseWriter, r *http.Request, to string) {
	private(w.Header())
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // callers pass a constant or what LocalPath let through
}
