package readers_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/readers"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/profile"
)

func do(t *testing.T, c *consoletest.Profiles, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := readers.New(readers.Config{Shell: shell, Profiles: c})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func TestThePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{
			"readers": "/readers", "reader": "/readers/ctl-1/IN-1", "new": "/readers/ctl-1/IN-2", "line": "/readers/ctl-2/LINE-1",
		} {
			p := do(t, &consoletest.Profiles{}, authz.SecurityManager, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

func form(change func(url.Values)) string {
	v := url.Values{"trust": {"memory"}, "frames": {"felica:160、 BITS:26:parity\nidm"}, "reason": {"検収"}}
	if change != nil {
		change(v)
	}
	return v.Encode()
}

// R103-1: the form says what the register is told, in whatever way the reads are written; where two people are needed it leads to the request.
func TestTheFormCommissionsAReader(t *testing.T) {
	c := &consoletest.Profiles{}
	p := do(t, c, authz.SystemManager, pagetest.Post("/readers/ctl-1/IN-1", form(nil)))
	want := profile.Profile{
		Controller: "ctl-1", Reader: "IN-1", Trust: access.TrustMemory,
		Frames: []access.Frame{{Format: "felica", Bits: 160}, {Format: "bits", Bits: 26, Parity: true}, {Format: "idm"}},
	}
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/readers/ctl-1/IN-1?saved" || !reflect.DeepEqual(c.Last, want) || c.Reason != "検収" {
		t.Errorf("%d to %q: %+v", p.Status, p.Header.Get("Location"), c.Last)
	}
	c.Fail = approval.Wait(&approval.Request{ID: "A-1234567890"}, nil)
	p = do(t, c, authz.SystemManager, pagetest.Post("/readers/ctl-2/LINE-1", form(func(v url.Values) { v.Set("plain_route", "1") })))
	if p.Header.Get("Location") != "/approvals/A-1234567890?asked" || !c.Last.PlainRoute {
		t.Errorf("%d to %q: %+v", p.Status, p.Header.Get("Location"), c.Last)
	}
}

func TestARefusedFormKeepsWhatWasTyped(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(url.Values)
		fail   error
		field  string
	}{
		"bits that are no number": {func(v url.Values) { v.Set("frames", "bits:many") }, nil, "frames"},
		"a format nobody knows":   {nil, fault.BadField("frames", "profile.frames", "face"), "frames"},
		"trust of a plain line":   {nil, fault.BadField("trust", "profile.trust_plain", "plain"), "trust"},
	} {
		t.Run(name, func(t *testing.T) {
			p := do(t, &consoletest.Profiles{Fail: tt.fail}, authz.SystemManager, pagetest.Post("/readers/ctl-1/IN-1", form(tt.change)))
			p.Sound(t)
			p.Count(t, "#f-"+tt.field+"[aria-invalid]", 1)
			if got := pagetest.Attr(p.Find("#f-reason")[0], "value"); got != "検収" {
				t.Errorf("the reason was lost: %q", got)
			}
		})
	}
}

func TestWhoMayOnlyLookSeesNoForm(t *testing.T) {
	p := do(t, &consoletest.Profiles{Hostile: `<script>x</script>`}, authz.Guard, pagetest.Get("/readers/ctl-1/IN-1", "ja"))
	p.Sound(t)
	p.Count(t, "#f-reason", 0)
	if strings.Contains(p.Body, "<script>x") {
		t.Error("a reason is no text")
	}
	if p = do(t, &consoletest.Profiles{}, authz.Guard, pagetest.Get("/readers/ctl-1/NONE", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("a reader that is not there: %d", p.Status)
	}
}
