package migrations_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kanmon/migrations"
)

func names(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func folders() map[string]fs.FS {
	return map[string]fs.FS{"sqlite": migrations.SQLite(), "postgres": migrations.Postgres(), "controller": migrations.Controller()}
}

func TestNumbersStartAtOneWithoutAGap(t *testing.T) {
	form := regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)
	for folder, fsys := range folders() {
		list := names(t, fsys)
		if len(list) == 0 {
			t.Errorf("%s is empty", folder)
		}
		for i, name := range list {
			parts := form.FindStringSubmatch(name)
			if parts == nil || parts[1] != fmt.Sprintf("%04d", i+1) {
				t.Errorf("%s/%s: want number %04d and the form NNNN_name.sql", folder, name, i+1)
			}
		}
	}
}

func TestBothDatabasesOfTheCentreHaveTheSameMigrations(t *testing.T) {
	if a, b := names(t, migrations.SQLite()), names(t, migrations.Postgres()); !slices.Equal(a, b) {
		t.Errorf("sqlite %v\npostgres %v", a, b)
	}
	if !slices.Equal(names(t, migrations.For("sqlite")), names(t, migrations.SQLite())) || migrations.For("postgres") == migrations.For("sqlite") {
		t.Error("For does not tell the databases apart")
	}
}

var (
	tableLine = regexp.MustCompile(`(?m)^(.*)\n\s*CREATE TABLE (\w+)`)
	ownerLine = regexp.MustCompile(`^-- owner: ([a-z]+(/[a-z]+)*)$`)
)

// owners returns table → owner of one folder and complains of tables without.
func owners(t *testing.T, folder string, fsys fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range names(t, fsys) {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		if got, all := len(tableLine.FindAllString("\n"+string(text), -1)), strings.Count(string(text), "CREATE TABLE"); got != all {
			t.Errorf("%s/%s: %d of %d CREATE TABLE begin a line", folder, name, got, all)
		}
		for _, m := range tableLine.FindAllStringSubmatch("\n"+string(text), -1) {
			owner := ownerLine.FindStringSubmatch(m[1])
			if owner == nil {
				t.Errorf("%s/%s: above CREATE TABLE %s stands no owner", folder, name, m[2])
				continue
			}
			found[m[2]] = owner[1]
		}
	}
	return found
}

func TestEveryTableHasOneOwnerOnBothDatabases(t *testing.T) {
	lite, pg := owners(t, "sqlite", migrations.SQLite()), owners(t, "postgres", migrations.Postgres())
	for table, owner := range lite {
		if pg[table] != owner {
			t.Errorf("%s: owner %q in sqlite, %q in postgres", table, owner, pg[table])
		}
	}
	if len(pg) != len(lite) {
		t.Errorf("%d tables in sqlite, %d in postgres", len(lite), len(pg))
	}
	owners(t, "controller", migrations.Controller())
}
