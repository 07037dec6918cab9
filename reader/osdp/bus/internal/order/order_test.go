package order

import (
	"context"
	"errors"
	"testing"
)

func TestOrdersAreNotPiledUpWithoutEnd(t *testing.T) {
	q := NewQueue[string]()
	q.SetOffline(false)
	for i := range Limit {
		if err := q.Add(New("strike", true)); err != nil {
			t.Fatalf("order %d: %v", i, err)
		}
	}
	if err := q.Add(New("strike", true)); !errors.Is(err, ErrFull) {
		t.Errorf("error %v", err)
	}
}

func TestAnOrderNobodyWaitsForIsNotTaken(t *testing.T) {
	q := NewQueue[string]()
	q.SetOffline(false)
	kept, left := New("light", false), New("strike", true)
	for _, o := range []*Order[string]{left, kept} {
		if err := q.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := left.GiveUp(nil); !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if got := q.Take(true); got != kept {
		t.Errorf("took %+v", got)
	}
	if err := kept.GiveUp(nil); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("error %v", err)
	}
}

// An answer and the end of the caller's patience may come together: the answer counts.
func TestAnAnswerAtTheLastMomentCounts(t *testing.T) {
	o := New("strike", true)
	o.Finish(nil)
	o.Finish(ErrOffline)
	if err := o.GiveUp(context.Canceled); err != nil {
		t.Errorf("error %v", err)
	}
}
