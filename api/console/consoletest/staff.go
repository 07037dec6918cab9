package consoletest

import (
	"cmp"
	"context"
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// Staff is a register of staff in memory.
type Staff struct {
	Members []staff.Member
	Last    *StaffChange // what was added or changed last, where it is not nil
}

// StaffChange is what a member of staff was to become.
type StaffChange struct {
	staff.Details
	ID, Reason string // empty for somebody new
	Fail       error  // the answer
}

// City is the staff of the test city.
func City() Staff {
	rows := []struct{ no, name, kana, section string }{
		{"S-1001", "佐藤 花子", "サトウ ハナコ", "デジタル戦略課"},
		{"S-1002", "鈴木 一郎", "スズキ イチロウ", "デジタル戦略課"},
		{"S-1003", "髙橋 美咲", "タカハシ ミサキ", "市民課"},
		{"S-1004", "田中 健", "タナカ ケン", "総務課"},
		{"S-1005", "渡邉 さくら", "ワタナベ サクラ", "税務室"},
	}
	var s Staff
	for i, r := range rows {
		s.Members = append(s.Members, staff.Member{
			ID: r.no, Name: r.name, Kana: r.kana, Section: r.section, Class: access.Staff, Cards: 1 - i/4, Version: 1, Period: period.Period{From: Day(2024, 4, 1)},
		})
	}
	s.Members[1].Number = "4711"
	s.Members[2].Class = access.Contractor
	s.Members[3].Until = Day(2026, 4, 1)
	s.Members[4].Until = Day(2027, 4, 1)
	return s
}

// Get implements people.Staff.
func (s Staff) Get(_ context.Context, _ store.Actor, id string) (staff.Member, error) {
	for _, m := range s.Members {
		if m.ID == id {
			return m, nil
		}
	}
	return staff.Member{}, fault.New(fault.NotFound, "", "no such member")
}

// Add implements people.Staff.
func (s Staff) Add(_ context.Context, _ store.Actor, d staff.Details) (staff.Member, error) {
	if s.Last == nil {
		return staff.Member{ID: d.No}, nil
	}
	s.Last.Details = d
	return staff.Member{ID: cmp.Or(d.No, "S-NEW")}, s.Last.Fail
}

// Change implements people.Staff.
func (s Staff) Change(_ context.Context, _ store.Actor, id, reason string, d staff.Details) (staff.Member, error) {
	if s.Last == nil {
		return staff.Member{ID: id}, nil
	}
	s.Last.Details, s.Last.ID, s.Last.Reason = d, id, reason
	return staff.Member{ID: id}, s.Last.Fail
}

// List implements people.Staff.
func (s Staff) List(_ context.Context, _ store.Actor, f staff.Filter) ([]staff.Member, error) {
	var out []staff.Member
	for _, m := range s.Members {
		if m.ID > f.After && strings.Contains(m.ID+m.Name+m.Kana+m.Section, f.Query) {
			out = append(out, m)
		}
	}
	return out[:min(cmp.Or(f.Limit, 100), len(out))], nil
}
