package desk

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// One tap answers one question, of the account that asked, at the desk where it was held: against a model, whatever happens in whatever order.
func TestATapReachesTheAccountThatAskedAndNobodyElse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type asked struct {
			q       *Question
			account string
			until   time.Time
		}
		var s Questions
		open := map[string]*asked{}
		owner := map[string]string{}
		kept := map[string]time.Time{}
		now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		account := rapid.SampledFrom([]string{"guard", "operator"})
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 45).Draw(rt, "s")) * time.Second)
			desk := rapid.SampledFrom([]string{"front", "side"}).Draw(rt, "desk")
			there := open[desk]
			held := now.Add(-time.Duration(rapid.IntRange(0, 5).Draw(rt, "age")) * time.Second)
			waits := there != nil && now.Before(there.until)
			waited := waits && !held.Before(there.until.Add(-time.Minute))
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				who := account.Draw(rt, "who")
				q, err := s.Ask(now, who, desk)
				if waits && there.account != who {
					if fault.CodeOf(err) != "desk.busy" {
						rt.Fatalf("two wait at %s: %v", desk, err)
					}
					continue
				}
				if err != nil {
					rt.Fatal(err)
				}
				open[desk] = &asked{q, who, now.Add(time.Minute)}
			case 1:
				if there != nil {
					s.End(there.q)
					delete(open, desk)
				}
			case 2:
				taken := s.tap(now, held, Tap{Desk: desk, Key: access.Key{1}})
				if taken != waited {
					rt.Fatalf("taken %v, somebody waited %v", taken, waited)
				}
				if taken {
					a := <-there.q.Answers()
					owner[a.Tap.ID], kept[a.Tap.ID] = there.account, now.Add(5*time.Minute)
					delete(open, desk)
				}
			case 3:
				if refused := s.refuse(now, held, desk, fault.New(fault.Invalid, "credential.type_b", "")); refused != waited && refused {
					rt.Fatal("a refusal that nobody waits for is taken")
				}
				if waited {
					select {
					case <-there.q.Answers():
					default:
						rt.Fatal("the refusal does not arrive")
					}
				}
			}
			for id, who := range owner {
				for _, reader := range []string{"guard", "operator"} {
					_, err := s.Read(now, reader, id)
					if may := reader == who && now.Before(kept[id]); (err == nil) != may {
						rt.Fatalf("%s reads a tap of %s: %v", reader, who, err)
					}
				}
			}
		}
		for id, who := range owner {
			s.Done(id)
			if _, err := s.Read(now, who, id); fault.CodeOf(err) != "desk.tap_gone" {
				rt.Fatalf("a tap that was used up is read: %v", err)
			}
		}
	})
}
