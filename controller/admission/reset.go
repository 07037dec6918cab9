package admission

import (
	"time"

	"kanmon/controller/site"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// Reset forgets where people are in areas whose minute of the day for it has come.
func Reset(s *site.State, p *decide.Policy, at time.Time) (events []event.Event) {
	for _, area := range p.Areas() {
		if minute := p.Rules(area).ResetAt; minute != 0 && s.Stale(area, site.LastReset(minute, at)) {
			s.Reset(area, "")
			events = append(events, event.Event{Kind: event.PlacesReset, Area: area, Detail: "daily"})
		}
	}
	return events
}
