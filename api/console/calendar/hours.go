package calendar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
)

// People write hours as "8:30-17:15, 22:00-6:00", with the signs of either keyboard; an end after 24:00, as in 22:00-30:00, is on the next day.
var (
	oneKeyboard = strings.NewReplacer("：", ":", "〜", "-", "～", "-", "–", "-", "—", "-", "－", "-", "、", ",", "，", ",", "　", " ", "／", "/",
		"０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9")
	hoursForm = regexp.MustCompile(`^(\d{1,2}):(\d{2}) ?- ?(\d{1,2}):(\d{2})$`)
	dateForm  = regexp.MustCompile(`^(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?(?:[ :]+(.*))?$`)
)

// shut are the words for no hours at all.
func shut(text string) bool {
	switch strings.ToLower(text) {
	case "", "閉", "閉庁", "なし", "closed", "none":
		return true
	default:
		return false
	}
}

// readHours reads the hours of one day. field is where the form has them.
func readHours(field, text string) (spans []access.Span, err error) {
	text = strings.TrimSpace(oneKeyboard.Replace(text))
	if shut(text) {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		s, ok := readSpan(strings.TrimSpace(part))
		if !ok {
			return nil, fault.BadField(field, "area.window", fmt.Sprintf("hours %.40q", part))
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func readSpan(text string) (access.Span, bool) {
	part := hoursForm.FindStringSubmatch(text)
	if part == nil {
		return access.Span{}, false
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(part[i+1]) // digits
	}
	s := access.Span{From: n[0]*60 + n[1], Until: n[2]*60 + n[3]}
	if s.Until > timetable.MinutesOfDay {
		if s.Until -= timetable.MinutesOfDay; s.Until > s.From {
			return access.Span{}, false // longer than a day
		}
	}
	return s, n[1] < 60 && n[3] < 60 && s.Validate() == nil
}

// writeHours is what readHours reads.
func writeHours(spans []access.Span) string {
	parts := make([]string, len(spans))
	for i, s := range spans {
		parts[i] = clock(s.From) + "-" + clock(s.Until)
	}
	return strings.Join(parts, ", ")
}

func clock(minute int) string { return fmt.Sprintf("%d:%02d", minute/60, minute%60) }

// readSpecial reads special days, one a line: "2027-03-28 9:00-12:00", and a date alone for a day that is closed.
func readSpecial(text string) (days []access.SpecialDay, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(oneKeyboard.Replace(line))
		if line == "" {
			continue
		}
		part := dateForm.FindStringSubmatch(line)
		if part == nil {
			return nil, fault.BadField("special", "area.special_day", fmt.Sprintf("line %.40q", line))
		}
		month, _ := strconv.Atoi(part[2]) // digits
		day, _ := strconv.Atoi(part[3])
		spans, err := readHours("special", part[4])
		if err != nil {
			return nil, fault.BadField("special", "area.special_day", fmt.Sprintf("line %.40q", line))
		}
		days = append(days, access.SpecialDay{Date: fmt.Sprintf("%s-%02d-%02d", part[1], month, day), Windows: spans})
	}
	return days, nil
}

// writeSpecial is what readSpecial reads; closed is the word for a day without hours.
func writeSpecial(days []access.SpecialDay, closed string) string {
	var b strings.Builder
	for _, d := range days {
		hours := writeHours(d.Windows)
		if hours == "" {
			hours = closed
		}
		fmt.Fprintf(&b, "%s %s\n", d.Date, hours)
	}
	return b.String()
}
