package notice_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/notice"
)

func TestAnInboxHoldsOneUnreadNoticeOfEachKindAndSubject(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx, city := t.Context(), lifecycletest.Open(t, d)
		inbox := notice.New(city.Store)
		send := func(to, kind, subject, word string) {
			t.Helper()
			city.Clock.Pass(time.Second)
			err := city.Store.WriteDerived(ctx, "test", func(tx *store.Tx) error {
				return notice.Send(ctx, tx, notice.Message{To: to, Kind: kind, Subject: subject, Link: "/alarms/" + subject, Params: map[string]string{"word": word}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		read := func(f notice.Filter) (string, []notice.Notice) {
			t.Helper()
			list, err := inbox.Inbox(ctx, lifecycletest.Guard, f)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, n := range list {
				fmt.Fprintf(&b, "%s/%s:%s ", n.Kind, n.Subject, n.Params["word"])
			}
			return b.String(), list
		}
		send("guard", "a", "1", "one")
		send("guard", "a", "2", "two")
		send("guard", "b", "1", "three")
		send("manager", "a", "1", "another's")
		send("guard", "a", "1", "four")
		words, list := read(notice.Filter{})
		if words != "a/1:four b/1:three a/2:two " {
			t.Fatalf("inbox: %s", words)
		}
		link, err := inbox.MarkRead(ctx, lifecycletest.Guard, list[0].ID)
		if err != nil || link != "/alarms/1" {
			t.Fatalf("MarkRead: %q, %v", link, err)
		}
		_, marked := read(notice.Filter{})
		city.Clock.Pass(time.Hour)
		if _, err := inbox.MarkRead(ctx, lifecycletest.Guard, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, again := read(notice.Filter{}); marked[0].ReadAt.IsZero() || !again[0].ReadAt.Equal(marked[0].ReadAt) {
			t.Errorf("read at %s, then at %s", marked[0].ReadAt, again[0].ReadAt)
		}
		send("guard", "a", "1", "five") // the other was read
		if words, _ := read(notice.Filter{}); words != "a/1:five a/1:four b/1:three a/2:two " {
			t.Errorf("inbox: %s", words)
		}
		if words, _ := read(notice.Filter{Unread: true, Limit: 2}); words != "a/1:five b/1:three " {
			t.Errorf("unread: %s", words)
		}
		if words, _ := read(notice.Filter{Before: list[1].ID}); words != "a/2:two " {
			t.Errorf("older: %s", words)
		}
		if n, err := inbox.Unread(ctx, lifecycletest.Guard); n != 3 || err != nil {
			t.Errorf("unread: %d, %v", n, err)
		}
		_, err = inbox.MarkRead(ctx, lifecycletest.Manager, list[0].ID)
		lifecycletest.WantFault(t, err, fault.NotFound, "notice.unknown")
		_, err = inbox.Inbox(ctx, store.System("x"), notice.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}
