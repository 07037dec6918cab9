package api

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"kanmon/internal/authz"
	"kanmon/internal/db/dbtest"
)

func TestTheCentreRunsOnPostgreSQL(t *testing.T) {
	s := settings(t, t.TempDir())
	s.Database = DatabaseSettings{Driver: "postgres", DSN: dbtest.Config(t, dbtest.Postgres(t)).DSN}
	r := startWith(t, s)
	boss := r.login("boss", authz.SystemManager)
	for _, body := range []string{`{"no":"S1","name":"山田"}`, `{"no":"S2","name":"\u0000"}`} {
		res, text := r.call(boss, "POST", "/api/v1/staff", body)
		if good := strings.Contains(body, "S1"); (res.StatusCode == http.StatusCreated) != good || res.StatusCode >= 500 {
			t.Errorf("%s: %d %s", body, res.StatusCode, text)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil || !report.OK() || report.Rows != 9 || report.Checkpoints == 0 {
		t.Errorf("verify: %+v %v", report, err)
	}
}
