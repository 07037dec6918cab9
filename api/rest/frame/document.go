package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"kanmon/api/auth"
	"kanmon/api/rest/problem"
	"kanmon/api/rest/strict"
)

// strictJSON is how bodies are read.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: strict.Unmarshal}

func humaConfig(version string) huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Kanmon", Version: version,
				Description: "Doors, cards and the ledger of who entered. Times are RFC 3339 in UTC.",
			},
			Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "The token of POST /api/v1/session"},
				"cookie": {Type: "apiKey", In: "cookie", Name: "__Host-kanmon", Description: "The console's session"},
			}},
		},
		Formats:                      map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{problems},
	}
}

func problemSchema(api huma.API) *huma.Schema {
	return api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem")
}

// Spec is the OpenAPI document that Describe made, indented JSON.
func (f *Frame) Spec() []byte { return f.spec }

// Describe fixes the document and serves it: no operation is added after it. huma's own error schemas are taken out: no answer of ours has them.
func (f *Frame) Describe() error {
	schemas := f.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	compact, err := json.Marshal(f.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the interface: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil {
		return fmt.Errorf("describe the interface: %w", err)
	}
	pretty.WriteByte('\n')
	f.spec = pretty.Bytes()
	f.router.Handle("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request, _ auth.Principal) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(f.spec) // the caller went away: there is nobody left to tell
	})
	return nil
}
