package desk

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
)

// AtReader tells the holder and the managers of a card that was left in a reader at a door, in the transaction that takes the controller's event in (R75-2). The
// alarm is raised by the event itself.
func AtReader(ctx context.Context, tx *store.Tx, controller string, e event.Event) error {
	var c card.Card
	if e.Card != "" {
		var err error
		if c, err = card.ByID(ctx, tx, e.Card); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return tell(ctx, tx, c, controller+"/"+e.Reader+"/"+store.FormatTime(e.At), "/alarms", map[string]string{
		"label": c.Label, "desk": e.Reader, "place": controller, "minutes": strconv.Itoa(minutes(e.Detail)),
	})
}

// minutes are what an event says of the time for which the card had lain.
func minutes(detail string) int {
	var seconds int
	if _, err := fmt.Sscanf(detail, "for %d s", &seconds); err != nil {
		return 1
	}
	return max(1, int(time.Duration(seconds)*time.Second/time.Minute))
}
