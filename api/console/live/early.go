package live

import (
	"context"
	"strings"

	"kanmon/api/console/ui"
	"kanmon/api/message"
)

// While a controller brings in what it recorded without a line, its newest events come ahead of their turn, so that a guard sees what happens
// now. They are shown apart, marked as provisional, and are gone when they have come in their turn.

const earlyRows = 20

// early lists the events before their turn, newest first.
func (p *Pages) early(ctx context.Context, l message.Lang, v ui.Visitor, f filter) ([]row, error) {
	list, err := p.config.Entries.Provisional(ctx, v.Actor(), earlyRows)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, e := range list {
		if (f.Door == "" || f.Door == e.Door) && (f.Show == "" || f.Show == showOf(e.Kind)) {
			rows = append(rows, p.row(l, v, e))
		}
	}
	return rows, nil
}

// early sends the whole list whenever it is another than the last one.
func (s *stream) early(ctx context.Context) error {
	rows, err := s.pages.early(ctx, s.lang, s.visitor, s.filter)
	if err != nil {
		return err
	}
	var all strings.Builder
	for _, r := range rows {
		html, err := s.pages.view.Fragment(s.lang, "row", r)
		if err != nil {
			return err
		}
		all.WriteString(html)
	}
	if all.String() == s.shown {
		return nil
	}
	s.shown = all.String()
	return s.send("early", s.shown)
}
