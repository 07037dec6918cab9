package controller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary notes in which order parts end.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) part(name string, err error, until time.Duration) part {
	return part{name, func(ctx context.Context) error {
		defer func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.lines = append(d.lines, name)
		}()
		if until > 0 {
			time.Sleep(until)
			return err
		}
		<-ctx.Done()
		time.Sleep(time.Second) // ending takes time
		return ctx.Err()
	}}
}

func TestPartsEndInTheReverseOrderOfTheirStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := nest(ctx, d.part("journal", nil, 0), d.part("line", nil, 0), d.part("doors", nil, 0)); err != nil {
			t.Fatal(err)
		}
		if want := []string{"doors", "line", "journal"}; !slices.Equal(d.lines, want) {
			t.Fatalf("ended %v, want %v", d.lines, want)
		}
	})
}

func TestAPartThatFailsEndsTheOthersAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		broken := errors.New("no such line")
		err := nest(t.Context(), d.part("journal", nil, 0), d.part("line", broken, time.Second), d.part("doors", nil, 0))
		if !errors.Is(err, broken) || err.Error() != "line: no such line" {
			t.Fatalf("err %v", err)
		}
		if want := []string{"line", "doors", "journal"}; !slices.Equal(d.lines, want) {
			t.Fatalf("ended %v, want %v", d.lines, want)
		}
	})
}
