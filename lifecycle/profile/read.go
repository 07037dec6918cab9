package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/history"
)

const columns = `controller, name, kind, n, trust, frames, plain_route`

// row is a row of v_profile_reader; the pointers are null without a profile.
type row struct {
	Controller, Name string
	Kind             device.Kind
	N                *int64
	Trust, Frames    *string
	PlainRoute       *bool `db:"plain_route"`
}

func (r row) profile() (Profile, error) {
	p := Profile{Controller: r.Controller, Reader: r.Name, Kind: r.Kind, Trust: access.TrustNumber}
	if r.N == nil {
		return p, nil
	}
	p.Version, p.Trust, p.PlainRoute = *r.N, access.Trust(*r.Trust), *r.PlainRoute
	err := json.Unmarshal([]byte(*r.Frames), &p.Frames)
	if len(p.Frames) == 0 {
		p.Frames = nil
	}
	return p, fault.Wrap(fault.Internal, err, "read a stored profile")
}

func of(ctx context.Context, q store.Queryer, controller, reader string) (Profile, error) {
	var found row
	err := q.Get(ctx, &found, `SELECT `+columns+` FROM v_profile_reader WHERE controller = ? AND name = ?`, controller, reader)
	if fault.KindOf(err) == fault.NotFound || err == nil && !found.Kind.Reads() {
		return Profile{}, fault.New(fault.NotFound, "device.unknown_reader", fmt.Sprintf("no reader %.40q on %.40s", reader, controller))
	}
	if err != nil {
		return Profile{}, err
	}
	return found.profile()
}

// place is a door at which a reader stands.
type place struct {
	Area    string
	Grade   int
	readers []string
}

// placesOf are the doors at which a reader stands.
func placesOf(ctx context.Context, q store.Queryer, controller, reader string) ([]place, error) {
	all, err := places(ctx, q, `WHERE controller = ?`, controller)
	return slices.DeleteFunc(all, func(d place) bool { return !slices.Contains(d.readers, reader) }), err
}

func places(ctx context.Context, q store.Queryer, where string, args ...any) ([]place, error) {
	var rows []struct {
		place
		Entry string `db:"entry_readers"`
		Exit  string `db:"exit_readers"`
	}
	if err := q.Select(ctx, &rows, `SELECT area, grade, entry_readers, exit_readers FROM v_profile_door `+where, args...); err != nil {
		return nil, err
	}
	all := make([]place, len(rows))
	for i, r := range rows {
		all[i] = r.place
		for _, text := range []string{r.Entry, r.Exit} {
			var side []string
			if err := json.Unmarshal([]byte(text), &side); err != nil {
				return nil, fault.Wrap(fault.Internal, err, "read the readers of a door")
			}
			all[i].readers = append(all[i].readers, side...)
		}
	}
	return all, nil
}

// Route is a reader whose wire is not encrypted.
type Route struct {
	Reader   string
	Recorded bool // that the wire is out of reach, with who said so and why
}

// Plain returns those of a controller's readers whose wires are not encrypted. The register of areas asks it in its transactions.
func Plain(ctx context.Context, q store.Queryer, controller string, readers []string) ([]Route, error) {
	all, err := list(ctx, q, controller)
	if err != nil {
		return nil, err
	}
	var routes []Route
	for _, p := range all {
		if p.Kind.Plain() && slices.Contains(readers, p.Reader) {
			routes = append(routes, Route{p.Reader, p.PlainRoute})
		}
	}
	return routes, nil
}

// Versions adds those of the profiles of some of a controller's readers. What leans on them was asked for with what they said then.
func Versions(ctx context.Context, q store.Queryer, controller string, readers []string) (n int64, err error) {
	all, err := list(ctx, q, controller)
	for _, p := range all {
		if slices.Contains(readers, p.Reader) {
			n += p.Version
		}
	}
	return n, err
}

// PlainArea returns an area of a grade at a door of which a reader without encryption stands; empty: there is none. The register of grades asks it.
func PlainArea(ctx context.Context, q store.Queryer, grade int) (area string, err error) {
	var doors []struct{ Area, Controller string }
	if err := q.Select(ctx, &doors, `SELECT DISTINCT area, controller FROM v_profile_door WHERE grade = ? ORDER BY area, controller`, grade); err != nil {
		return "", err
	}
	for _, d := range doors {
		at, err := places(ctx, q, `WHERE controller = ? AND area = ?`, d.Controller, d.Area)
		if err != nil {
			return "", err
		}
		for _, one := range at {
			if routes, err := Plain(ctx, q, d.Controller, one.readers); err != nil || len(routes) > 0 {
				return d.Area, err
			}
		}
	}
	return "", nil
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.DeviceRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read profiles: %w", err)
		}
		return nil
	})
}

// Get returns the profile of a reader. Needs authz.DeviceRead.
func (r *Register) Get(ctx context.Context, actor store.Actor, controller, reader string) (p Profile, err error) {
	err = r.read(ctx, actor, func(q store.Queryer) error {
		p, err = of(ctx, q, controller, reader)
		return err
	})
	return p, err
}

// List returns the profiles of a controller's readers, or of all when it is empty, in the order of controllers and names. Needs authz.DeviceRead.
func (r *Register) List(ctx context.Context, actor store.Actor, controller string) (all []Profile, err error) {
	err = r.read(ctx, actor, func(q store.Queryer) error {
		all, err = list(ctx, q, controller)
		return err
	})
	return all, err
}

func list(ctx context.Context, q store.Queryer, controller string) ([]Profile, error) {
	var rows []row
	err := q.Select(ctx, &rows, `SELECT `+columns+` FROM v_profile_reader WHERE (controller = ? OR ? = '') AND kind <> 'osdp_io' ORDER BY controller, name`, controller, controller)
	if err != nil {
		return nil, err
	}
	all := make([]Profile, len(rows))
	for i, found := range rows {
		if all[i], err = found.profile(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// History returns every change of a reader's profile, oldest first. Needs authz.DeviceRead.
func (r *Register) History(ctx context.Context, actor store.Actor, controller, reader string) (changes []history.Change, err error) {
	err = r.read(ctx, actor, func(q store.Queryer) error {
		if _, err := of(ctx, q, controller, reader); err != nil {
			return err
		}
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, approved_by, trust, frames, plain_route FROM reader_profile_version WHERE id = ? ORDER BY n`,
			(&Profile{Controller: controller, Reader: reader}).id())
		return err
	})
	return changes, err
}
