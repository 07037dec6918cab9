package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"kanmon/api/console/assets"
	"kanmon/internal/fault"
)

//go:embed ja.json en.json
var catalogue embed.FS

//go:embed templates/*.html
var templates embed.FS

// served are the embedded files by the name under which they are served, such as "kanmon.1f9c0a3b77de.css".
type served struct {
	files map[string][]byte // by served name
	names map[string]string // served name by file name
}

func loadAssets() (served, error) {
	a := served{files: map[string][]byte{}, names: map[string]string{}}
	entries, err := fs.ReadDir(assets.Files, ".")
	if err != nil {
		return a, err
	}
	for _, e := range entries {
		b, err := fs.ReadFile(assets.Files, e.Name())
		if err != nil {
			return a, err
		}
		sum := sha256.Sum256(b)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.files[name], a.names[e.Name()] = b, name
	}
	return a, nil
}

// Static answers GET /static/{file}. A name changes with its content, so browsers may keep it for ever.
func (s *Shell) Static(w http.ResponseWriter, r *http.Request, _ Visitor) error {
	name := r.PathValue("file")
	b, ok := s.assets.files[name]
	if !ok {
		return fault.New(fault.NotFound, "page.not_found", "no asset "+strconv.Quote(name))
	}
	secure(w.Header())
	w.Header().Set("Content-Type", contentType(path.Ext(name)))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, err := w.Write(b)
	return err
}

func contentType(ext string) string {
	switch ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}
