// Package readers is the console's pages of what readers were commissioned with (読取機のプロファイル): the list, and for each reader its profile, the form that changes it
// and every version. Where the reader stands at a door of a graded area, a change waits for a second person.
package readers

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kanmon/api/console/approvals"
	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/profile"
)

//go:embed ja.json en.json templates
var files embed.FS

// Profiles is what the pages ask of the register of profiles.
type Profiles interface {
	Get(ctx context.Context, actor store.Actor, controller, reader string) (profile.Profile, error)
	List(ctx context.Context, actor store.Actor, controller string) ([]profile.Profile, error)
	Set(ctx context.Context, actor store.Actor, reason string, p profile.Profile) error
	History(ctx context.Context, actor store.Actor, controller, reader string) ([]history.Change, error)
}

// Config is what the pages need.
type Config struct {
	Shell    *ui.Shell
	Profiles Profiles
}

// Pages serves the pages.
type Pages struct {
	config    Config
	list, one ui.View
	words     change.Words
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	words, err := change.Load()
	if err != nil {
		return nil, err
	}
	p := &Pages{config: c, words: words}
	return p, c.Shell.Open(ui.Room{
		Name: "readers", Files: files, Pages: map[string]*ui.View{"readers.html": &p.list, "reader.html": &p.one},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /readers", Handle: p.listAll},
		{Pattern: "GET /readers/{controller}/{name}", Handle: p.show},
		{Pattern: "POST /readers/{controller}/{name}", Handle: p.set},
	}
}

// shown is a profile with its frames as they are written.
type shown struct {
	profile.Profile
	Written string
}

func (p *Pages) listAll(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	all, err := p.config.Profiles.List(r.Context(), v.Actor(), "")
	if err != nil {
		return err
	}
	list := make([]shown, len(all))
	for i, one := range all {
		list[i] = shown{one, write(one.Frames)}
	}
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Title: p.list.Text(ui.LangOf(r), "readers.title"), Section: "controllers", Data: list})
}

// onePage is a reader with its form as it was filled in, and its versions, newest first.
type onePage struct {
	Now           profile.Profile
	Trust, Frames string // in the form
	PlainRoute    bool
	Reason        string
	Problem, Bad  string
	Saved, MaySet bool
	Versions      []change.Version
}

// Trusts are the choices of the form: a plain serial line proves no more than the number.
func (o onePage) Trusts() []string {
	if o.Now.Kind == device.SerialReader {
		return []string{"number"}
	}
	return []string{"number", "memory", "mutual"}
}

// Plain reports whether the reader's wire is unencrypted.
func (o onePage) Plain() bool { return o.Now.Kind.Plain() }

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	now, err := p.config.Profiles.Get(r.Context(), v.Actor(), r.PathValue("controller"), r.PathValue("name"))
	if err != nil {
		return err
	}
	return p.page(w, r, v, http.StatusOK, onePage{
		Trust: string(now.Trust), Frames: write(now.Frames), PlainRoute: now.PlainRoute, Saved: r.Form.Has("saved"),
	})
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data onePage) error {
	ctx, actor, controller, name := r.Context(), v.Actor(), r.PathValue("controller"), r.PathValue("name")
	var err error
	if data.Now, err = p.config.Profiles.Get(ctx, actor, controller, name); err != nil {
		return err
	}
	changes, err := p.config.Profiles.History(ctx, actor, controller, name)
	if err != nil {
		return err
	}
	data.Versions, data.MaySet = p.words.Versions(ui.LangOf(r), changes), v.May(authz.AreaWrite)
	title := p.one.Text(ui.LangOf(r), "one.title", name)
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: title, Section: "controllers", Data: data})
}

func (p *Pages) set(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	controller, name := r.PathValue("controller"), r.PathValue("name")
	data := onePage{
		Trust: r.PostFormValue("trust"), Frames: r.PostFormValue("frames"), PlainRoute: r.PostFormValue("plain_route") != "", Reason: r.PostFormValue("reason"),
	}
	frames, err := read(data.Frames)
	if err == nil {
		err = p.config.Profiles.Set(r.Context(), v.Actor(), data.Reason, profile.Profile{
			Controller: controller, Reader: name, Trust: access.Trust(data.Trust), Frames: frames, PlainRoute: data.PlainRoute,
		})
	}
	if err == nil {
		ui.Redirect(w, r, "/readers/"+url.PathEscape(controller)+"/"+url.PathEscape(name)+"?saved")
		return nil
	}
	if approvals.Sent(w, r, err) {
		return nil
	}
	var correctable bool
	if data.Problem, data.Bad, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.KindOf(err) == fault.NotFound {
		return err
	}
	return p.page(w, r, v, ui.StatusOf(err), data)
}

const parity = "parity"

// write is the form in which a person reads and writes frames: "bits:26:parity, idm".
func write(frames []access.Frame) string {
	parts := make([]string, len(frames))
	for i, f := range frames {
		parts[i] = f.Format
		if f.Bits > 0 {
			parts[i] += ":" + strconv.Itoa(f.Bits)
		}
		if f.Parity {
			parts[i] += ":" + parity
		}
	}
	return strings.Join(parts, ", ")
}

// read is the opposite; blanks, commas of either width and line ends part the frames. The register refuses a format that nobody knows.
func read(text string) ([]access.Frame, error) {
	var frames []access.Frame
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(" 　,、，\r\n\t", c) }) {
		words := strings.Split(strings.ToLower(part), ":")
		f := access.Frame{Format: words[0]}
		if i := slices.Index(words, parity); i > 0 {
			f.Parity, words = true, slices.Delete(words, i, i+1)
		}
		n, err := strconv.Atoi(cmp.Or(strings.Join(words[1:], ":"), "0"))
		if err != nil {
			return nil, fault.BadField("frames", "profile.frames", "no number of bits")
		}
		f.Bits = n
		frames = append(frames, f)
	}
	return frames, nil
}
