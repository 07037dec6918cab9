package ingest_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"kanmon/api/ingest"
	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/internal/wire"
)

const (
	benchBatch   = wire.MaxBatch
	benchBatches = 80 // measured, after the table has been filled
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

// BenchmarkIngest measures the way of a payload from its bytes to the commit: decoding, signature, chain, presence, event
// rows, ledger leaves; durable, one transaction a payload. Beside it, measured in turns in the same run, stands the floor: a
// bare INSERT of the same rows, columns and indexes into a table of the same size, without anything else.
func BenchmarkIngest(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchIngest(b, dbtest.SQLite(b), dbtest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		dbtest.DurablePostgres(b)
		benchIngest(b, dbtest.Postgres(b), dbtest.Postgres(b))
	})
}

func benchIngest(b *testing.B, d, bare *db.DB) {
	b.Helper()
	r := &benchRun{b: b, d: d, bare: bare, edge: newEdge("ctl-1", 1), in: open(b, d).ingest}
	for r.rows < benchRows(b) {
		r.step()
	}
	before := r.rows
	r.taken, r.floor = 0, 0
	for b.Loop() {
		for range benchBatches {
			r.step()
		}
	}
	events := float64(r.rows - before)
	b.ReportMetric(events/r.taken.Seconds(), "events/s")
	b.ReportMetric(events/r.floor.Seconds(), "bare/s")
	b.ReportMetric(r.floor.Seconds()/r.taken.Seconds(), "of-bare")
	b.ReportMetric(float64(before), "rows-before")
}

type benchRun struct {
	b            *testing.B
	d, bare      *db.DB
	edge         *edge
	in           *ingest.Ingest
	rows         int
	taken, floor time.Duration
}

// step takes in one full batch, and puts the same rows into the bare table.
func (r *benchRun) step() {
	for i := range benchBatch {
		r.edge.record(sample(r.rows + i))
	}
	payload := r.edge.batch(len(r.edge.raws)-benchBatch+1, len(r.edge.raws))
	start := time.Now()
	ack, err := r.in.HandleEvents(context.Background(), "ctl-1", payload)
	r.taken += time.Since(start)
	r.rows += benchBatch
	if err != nil || ack.UpTo != uint64(r.rows) { // not negative
		r.b.Fatalf("acknowledged %d, %v", ack.UpTo, err)
	}
	columns, values := r.stored()
	start = time.Now()
	err = r.bare.Write(context.Background(), func(tx *db.Tx) error {
		return tx.Insert(context.Background(), "event", columns, values)
	})
	r.floor += time.Since(start)
	if err != nil {
		r.b.Fatal(err)
	}
}

// stored returns the rows of the last batch as they stand in the table.
func (r *benchRun) stored() (columns []string, values []any) {
	err := r.d.Read(context.Background(), func(q db.Queryer) error {
		return q.Query(context.Background(), func(row store.Cursor) error {
			var err error
			if columns, err = row.Columns(); err != nil {
				return err
			}
			fields, err := row.SliceScan()
			values = append(values, fields...)
			return err
		}, `SELECT * FROM event WHERE controller = 'ctl-1' AND epoch = 1 AND seq > ? ORDER BY leaf`, int64(r.rows-benchBatch))
	})
	if err != nil {
		r.b.Fatal(err)
	}
	return columns, values
}

// sample is a busy door: every passage is three events, of one of 2,000 people.
func sample(n int) event.Event {
	e := event.Event{
		At:   time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second),
		Door: fmt.Sprintf("D-%d", n%8), Area: "server-room",
	}
	switch n % 3 {
	case 0:
		e.Kind, e.Reader, e.Direction, e.Reason = event.AccessGranted, "IN-1", access.In, access.Granted
		e.Person, e.Card = fmt.Sprintf("p%04d", n%2000), fmt.Sprintf("C-%010d", n%2000)
		e.Policy = &access.Version{Epoch: 1, N: 42}
	case 1:
		e.Kind = event.DoorOpened
	default:
		e.Kind = event.DoorClosed
	}
	return e
}
