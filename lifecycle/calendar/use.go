package calendar

import (
	"context"
	"encoding/json"

	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// use is a timetable of graded areas whose hours are others once the city has said something of a day, as it stands in a request.
type use struct {
	Schedule string           `json:"schedule"`
	Name     string           `json:"name"`
	Areas    []place          `json:"areas"`
	Before   []timetable.Span `json:"before"` // windows that begin on the day, as it is
	After    []timetable.Span `json:"after"`
}

// place is an area that uses a timetable.
type place struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// usesOf reads which timetables of graded areas have other hours on a day that was a holiday, or was none, and is the other now.
func usesOf(ctx context.Context, q store.Queryer, day timetable.Day, was, is bool) (uses []use, err error) {
	if was == is {
		return nil, nil
	}
	var rows []struct {
		ID, Name, Windows, Special, Area string
		AreaName                         string `db:"area_name"`
	}
	err = q.Select(ctx, &rows, `SELECT s.id, s.name, s.windows, s.special, u.area, u.area_name FROM v_calendar_schedule s
		JOIN v_calendar_use u ON u.schedule = s.id WHERE s.holidays = 1 ORDER BY s.id, u.area`)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if n := len(uses) - 1; n >= 0 && uses[n].Schedule == row.ID {
			uses[n].Areas = append(uses[n].Areas, place{row.Area, row.AreaName})
			continue
		}
		s, err := scheduleOf(row.Windows, row.Special)
		if err != nil {
			return nil, err
		}
		uses = append(uses, use{row.ID, row.Name, []place{{row.Area, row.AreaName}}, s.On(day, was), s.On(day, is)})
	}
	return changed(uses), nil
}

// changed leaves out what stays open as it was: on special days, and where holidays have the hours of the weekday.
func changed(uses []use) (rest []use) {
	for _, u := range uses {
		if !timetable.Same(u.Before, u.After) {
			rest = append(rest, u)
		}
	}
	return rest
}

// scheduleOf reads what the register of areas keeps of a timetable that tells holidays apart.
func scheduleOf(windows, special string) (timetable.Schedule, error) {
	s := timetable.Schedule{Holidays: true}
	err := json.Unmarshal([]byte(windows), &s.Windows)
	if err == nil {
		err = json.Unmarshal([]byte(special), &s.Special)
	}
	return s, fault.Wrap(fault.Internal, err, "read a stored timetable")
}

// widens reports whether one of the timetables opens for longer, whatever the others do.
func widens(uses []use) bool {
	for _, u := range uses {
		if timetable.Widens(u.Before, u.After) {
			return true
		}
	}
	return false
}

// usesNow adds the versions of the timetables that a request names and how many uses there are by now that it does not name: with each of these, what was
// asked for is not any more what would come of it.
func usesNow(ctx context.Context, q store.Queryer, w word) (n int64, err error) {
	named := map[string]bool{}
	for _, u := range w.Timetables {
		version := int64(0)
		if err := q.Get(ctx, &version, `SELECT n FROM v_calendar_schedule WHERE id = ?`, u.Schedule); err != nil {
			return 0, err
		}
		n += version
		for _, a := range u.Areas {
			named[u.Schedule+" "+a.ID] = true
		}
	}
	day, err := timetable.Date(w.Date)
	if err != nil {
		return 0, fault.Wrap(fault.Internal, err, "read a stored date")
	}
	uses, err := usesOf(ctx, q, day, !w.Holiday, w.Holiday)
	for _, u := range uses {
		for _, a := range u.Areas {
			if !named[u.Schedule+" "+a.ID] {
				n++
			}
		}
	}
	return n, err
}
