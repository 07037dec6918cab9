package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"kanmon/controller"
	"kanmon/controller/replay"
	"kanmon/internal/event"
)

// replayJournal makes the decisions of the journal again and shows that they agree. It changes nothing and may run beside the controller.
func replayJournal(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-controller replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	first := flags.Uint64("from", 0, "first event by its `number`")
	last := flags.Uint64("to", 0, "last event by its `number`; 0: the newest")
	quiet := flags.Bool("quiet", false, "show only what does not agree, and the sum")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *config == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	cfg, err := controller.LoadConfig(*config)
	if err != nil {
		return wrong(stderr, err)
	}
	log, _ := newLog(stderr, "text") // a form there is
	sum := sums{}
	err = controller.Replay(ctx, cfg, *first, *last, log, func(r replay.Replayed) {
		sum.add(r)
		if !*quiet || !r.Agrees && !r.NoPolicy {
			showReplayed(stdout, r)
		}
	})
	if err != nil {
		return wrong(stderr, err)
	}
	return sum.show(stdout)
}

type sums struct{ agree, differ, unknown int }

func (s *sums) add(r replay.Replayed) {
	switch {
	case r.NoPolicy:
		s.unknown++
	case r.Agrees:
		s.agree++
	default:
		s.differ++
	}
}

func (s *sums) show(w io.Writer) int {
	_, _ = fmt.Fprintf(w, "一致 %d 件、不一致 %d 件、当時の設定が残っていないもの %d 件 / %[1]d agree, %[2]d differ, %[3]d without the policy of their time\n", s.agree, s.differ, s.unknown)
	if s.differ > 0 {
		return 1
	}
	return 0
}

func showReplayed(w io.Writer, r replay.Replayed) {
	e := r.Event
	verdict := "一致 agrees"
	switch {
	case r.NoPolicy:
		verdict = "設定なし no policy"
	case !r.Agrees:
		verdict = fmt.Sprintf("不一致 differs: %s", r.Decision.Reason)
	}
	_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s %s\t%s\t%s\n", e.Seq, e.At.In(jst).Format("2006-01-02 15:04:05"), e.Reader, who(e), e.Kind, e.Reason, policyOf(e), verdict)
}

var jst = time.FixedZone("JST", 9*3600)

func who(e event.Event) string {
	switch {
	case e.Person != "":
		return e.Person
	case e.Card != "":
		return e.Card
	default:
		return e.Credential
	}
}

func policyOf(e event.Event) string {
	if e.Policy == nil {
		return "-"
	}
	return fmt.Sprintf("%d.%d", e.Policy.Epoch, e.Policy.N)
}
