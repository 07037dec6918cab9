package ui

import (
	"fmt"
	"html/template"
)

// icon returns a 24 × 24 drawing in the colour of the text beside it. Screen readers skip it: every icon stands
// next to words that say the same.
func icon(name string) (template.HTML, error) {
	shape, ok := shapes(name)
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" ` + //nolint:gosec // constants of this file
		`stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">` + shape + `</svg>`), nil
}

func shapes(name string) (string, bool) {
	shape, ok := map[string]string{
		"granted":     `<circle cx="12" cy="12" r="9"/><path d="m8 12.2 2.8 2.8L16 9.6"/>`,
		"denied":      `<circle cx="12" cy="12" r="9"/><path d="m5.8 5.8 12.4 12.4"/>`,
		"alarm":       `<path d="M12 3.5 2.5 20h19z"/><path d="M12 10v4.5M12 17.2v.1"/>`,
		"alarms":      `<path d="M12 3.5 2.5 20h19z"/><path d="M12 10v4.5M12 17.2v.1"/>`,
		"notices":     `<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4M12 5V3"/>`,
		"other":       `<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.6v.1"/>`,
		"in":          `<path d="M13 4h6v16h-6M4 12h10M10.5 8l4 4-4 4"/>`,
		"out":         `<path d="M11 4H5v16h6M10 12h10M16.5 8l4 4-4 4"/>`,
		"live":        `<path d="M5 3h11v18H5zM2.5 21h19M12.6 12v.1M16 6h3.5v15"/>`,
		"presence":    `<path d="M4 20.5V9l8-5.5L20 9v11.5z"/><circle cx="12" cy="11.5" r="2.2"/><path d="M8 20.5c0-3 1.6-4.6 4-4.6s4 1.6 4 4.6"/>`,
		"staff":       `<circle cx="12" cy="8" r="4"/><path d="M4 20.5c1-4.2 4.2-6 8-6s7 1.8 8 6"/>`,
		"cards":       `<rect x="3" y="5" width="18" height="14" rx="2"/><path d="M3 10h18M7 15h4"/>`,
		"revocations": `<path d="M21 11V7a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h6M3 10h18M15 15l6 6M21 15l-6 6"/>`,
		"areas":       `<path d="M3.5 20.5V9L12 3.5 20.5 9v11.5zM9.5 20.5v-6h5v6"/>`,
		"approvals":   `<path d="M5 3h10l4 4v14H5zM15 3v4h4"/><path d="m8.5 14 2.5 2.5 4.5-5"/>`,
		"controllers": `<rect x="3" y="13" width="18" height="7" rx="1.5"/><path d="M7 16.5v.1M11 16.5v.1M17 13V4.5M13.5 7.5c2-2.6 5-2.6 7 0"/>`,
		"online":      `<circle cx="12" cy="12" r="9"/><path d="m8 12.2 2.8 2.8L16 9.6"/>`,
		"offline":     `<circle cx="12" cy="12" r="9"/><path d="m8.7 8.7 6.6 6.6M15.3 8.7l-6.6 6.6"/>`,
		"secure":      `<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3M12 14.5v2.5"/>`,
		"insecure":    `<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.5V7.5a4 4 0 0 1 7.6-1.7M12 14.5v2.5"/>`,
		"waiting":     `<circle cx="12" cy="12" r="9"/><path d="M12 7v5.3l3.3 2"/>`,
		"search":      `<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>`,
		"pause":       `<path d="M8 5v14M16 5v14"/>`,
		"play":        `<path d="M7 4.5v15l12-7.5z"/>`,
		"next":        `<path d="m9 5 7 7-7 7"/>`,
		"back":        `<path d="m15 5-7 7 7 7"/>`,
		"add":         `<path d="M12 5v14M5 12h14"/>`,
		"logout":      `<path d="M11 4H5v16h6M10 12h10M16.5 8l4 4-4 4"/>`,
		"ledger":      `<path d="M9 4H5v4M15 4h4v4M9 20H5v-4M15 20h4v-4M9 9h6v6H9z"/>`,
	}[name]
	return shape, ok
}
