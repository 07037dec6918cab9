package pins

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/lifecycle/pin"
)

// csv is the rotation log as a file that a spreadsheet opens.
func (p *Pages) csv(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	person := r.PathValue("id")
	log, err := p.config.PINs.Log(r.Context(), v.Actor(), person)
	if err != nil {
		return err
	}
	lang := ui.LangOf(r)
	t := func(key string) string { return p.one.Text(lang, key) }
	rows := [][]string{{t("log.at"), t("log.actor"), t("col.place"), t("col.standing"), t("col.duress"), t("col.set"), t("col.expires"), t("log.reason")}}
	for _, e := range log {
		rows = append(rows, p.line(lang, e))
	}
	ui.Private(w.Header())
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="pin-log.csv"`)
	var b strings.Builder
	b.WriteString("\ufeff") // by which spreadsheets know the encoding
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	_, err = w.Write([]byte(b.String()))
	return err
}

func (p *Pages) line(lang message.Lang, e pin.Entry) []string {
	t := func(key string) string { return p.one.Text(lang, key) }
	place := t("place.own")
	if e.Area != "" {
		place = e.Area
		if e.AreaName != "" {
			place = e.AreaName
		}
	}
	duress := t("duress.no")
	if e.Duress {
		duress = t("duress.yes")
	}
	row := []string{stamp(e.At), e.Actor, place, t("state." + string(e.State)), duress, stamp(e.SetAt), stamp(e.Expires), e.Reason}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

// stamp is a time as spreadsheets read it, in Japan.
func stamp(t time.Time) string { return t.In(time.FixedZone("JST", 9*3600)).Format(time.DateTime) }

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(s string) string {
	if strings.IndexAny(s, "=+-@\t\r") == 0 {
		return "'" + s
	}
	return s
}
