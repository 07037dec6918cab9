package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
)

// benchRows is how many rows are in the tables before the measuring begins: KANMON_BENCH_ROWS, or 20,000.
func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("KANMON_BENCH_ROWS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("KANMON_BENCH_ROWS: %v", err)
	}
	return n
}

// batchSize is the events of one transaction, as many as a controller sends in one message.
const batchSize = 256

// batchesAnOp makes one round of the benchmark long enough to contain what happens now and then, such as the
// write-ahead log going back into the file.
const batchesAnOp = 100

// BenchmarkAppendEvents measures durable ingest: batches of events with a salted hash and a ledger leaf each,
// beside the floor of the same run, a bare INSERT of the same rows into a table with the same three indexes.
func BenchmarkAppendEvents(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchAppend(b, dbtest.DurableSQLite(b), dbtest.DurableSQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchAppend(b, dbtest.DurablePostgres(b), dbtest.DurablePostgres(b)) })
}

func benchAppend(b *testing.B, d, bare *db.DB) {
	b.Helper()
	createEvents(b, d, "leaf", `, salt BLOB NOT NULL`)
	createEvents(b, bare, "id", "")
	s, err := store.New(d, store.Config{Origin: "kanmon.example/bench"})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	var bound, floor time.Duration
	step := func() {
		rows := make([]store.Row, batchSize)
		for i := range rows {
			rows[i] = sampleEvent(n + i)
		}
		bound += timed(func() { appendEvents(b, s, rows) })
		floor += timed(func() { insertBare(b, bare, n, rows) })
		n += batchSize
	}
	for n < benchRows(b) {
		step()
	}
	bound, floor = 0, 0
	from := n
	for b.Loop() {
		for range batchesAnOp {
			step()
		}
	}
	events := float64(n - from)
	b.ReportMetric(events/bound.Seconds(), "events/s")
	b.ReportMetric(events/floor.Seconds(), "bare/s")
	b.ReportMetric(floor.Seconds()/bound.Seconds(), "of-bare")
	b.ReportMetric(float64(from), "rows-before")
	verified := timed(func() {
		if r, err := s.Verify(context.Background()); err != nil || !r.OK() || r.Rows != int64(n) {
			b.Fatalf("verify: %+v, %v", r, err)
		}
	})
	b.ReportMetric(float64(n)/verified.Seconds(), "verified/s")
}

func timed(fn func()) time.Duration {
	start := time.Now()
	fn()
	return time.Since(start)
}

func appendEvents(b *testing.B, s *store.Store, rows []store.Row) {
	b.Helper()
	err := s.Write(context.Background(), store.System("bench"), "", func(tx *store.Tx) error {
		_, err := tx.AppendAll(context.Background(), "bench_event", rows)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func insertBare(b *testing.B, d *db.DB, id int, rows []store.Row) {
	b.Helper()
	names := []string{}
	for _, f := range rows[0] {
		names = append(names, f.Name)
	}
	values := make([]any, 0, len(rows)*(len(names)+1))
	for i, row := range rows {
		for _, f := range row {
			values = append(values, f.Value)
		}
		values = append(values, int64(id+i))
	}
	err := d.Write(context.Background(), func(tx *db.Tx) error {
		return tx.Insert(context.Background(), "bench_event", append(names, "id"), values)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// createEvents makes the table of the benchmark: a number, 13 columns of facts, its own columns, three indexes.
func createEvents(b *testing.B, d *db.DB, key, own string) {
	b.Helper()
	if d.Dialect() == db.SQLite {
		key += " INTEGER PRIMARY KEY" // the row's own number, which needs no index
	} else {
		key += " BIGINT PRIMARY KEY"
	}
	dbtest.Attack(b, d, dbtest.Translate(d, `CREATE TABLE bench_event (`+key+`,
		controller TEXT NOT NULL, epoch BIGINT NOT NULL, seq BIGINT NOT NULL, at TEXT NOT NULL, received TEXT NOT NULL, kind TEXT NOT NULL,
		door TEXT, area TEXT, reader TEXT, reason TEXT, person TEXT, card TEXT, body BLOB NOT NULL`+own+`)`),
		`CREATE UNIQUE INDEX bench_event_number ON bench_event (controller, epoch, seq)`,
		`CREATE INDEX bench_event_door ON bench_event (door, at)`,
		`CREATE INDEX bench_event_person ON bench_event (person, at)`)
}

// sampleEvent is the n-th event of a site with 40 controllers, 80 doors and 3,000 people.
func sampleEvent(n int) store.Row {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 37 * time.Millisecond)
	ctl, door, person := n%40, n*7919%80, n*104_729%3000
	text := store.FormatTime(at)
	return store.Row{
		store.Col("controller", fmt.Sprintf("ctl-%d", ctl)), store.Col("epoch", int64(1)), store.Col("seq", int64(n/40+1)),
		store.Col("at", text), store.Col("received", text), store.Col("kind", "access_granted"),
		store.Col("door", fmt.Sprintf("D-%d", door)), store.Col("area", fmt.Sprintf("A-%d", door/4)), store.Col("reader", fmt.Sprintf("IN-%d", door)),
		store.Col("reason", "granted"), store.Col("person", fmt.Sprintf("P-%06d", person)), store.Col("card", fmt.Sprintf("C-%06d", person)),
		store.Col("body", fmt.Appendf(nil, `{"epoch":1,"seq":%d,"at":"%s","kind":"access_granted","door":"D-%d","area":"A-%d","reader":"IN-%d","direction":"in","reason":"granted","person":"P-%06d","card":"C-%06d"}`, n/40+1, text, door, door/4, door, person, person)),
	}
}
