package area

import (
	"fmt"

	"kanmon/internal/fault"
	"kanmon/lifecycle/field"
)

// mostWindows is enough for an hour by hour timetable of a week.
const mostWindows = 168

func (s *Schedule) check() error {
	err := field.ID("id", s.ID)
	if err == nil {
		s.Name, err = field.Text("name", s.Name, 64)
	}
	if err != nil {
		return err
	}
	if len(s.Windows) == 0 || len(s.Windows) > mostWindows {
		return fault.BadField("windows", "area.windows", fmt.Sprintf("%d windows", len(s.Windows)))
	}
	for _, w := range s.Windows {
		if err := w.Validate(); err != nil {
			return fault.BadField("windows", "area.window", err.Error())
		}
	}
	return nil
}
