package ui

import (
	"net/http"
	"strings"

	"kanmon/api/message"
)

const langCookie = "kanmon_lang"

// LangOf is the language of a request: its cookie, else Japanese.
func LangOf(r *http.Request) message.Lang {
	c, err := r.Cookie(langCookie)
	if err != nil {
		return message.JA
	}
	l, _ := message.ParseLang(c.Value)
	return l
}

// SwitchLanguage answers POST /language: remembers the choice for a year and returns to where the visitor was.
func SwitchLanguage(w http.ResponseWriter, r *http.Request, _ Visitor) error {
	l, _ := message.ParseLang(r.PostFormValue("lang"))
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // no secret; Secure where the request was
		Name: langCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
	Redirect(w, r, LocalPath(r.PostFormValue("back")))
	return nil
}

// LocalPath returns path when it leads to a page of this site, else "/". It refuses every form that a browser
// could take for another host ("//x", "/\x", control characters).
func LocalPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || len(path) > 512 ||
		strings.ContainsFunc(path, func(r rune) bool { return r < 0x21 || r == 0x7f || r == '\\' }) {
		return "/"
	}
	return path
}
