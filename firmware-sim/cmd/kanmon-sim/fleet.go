package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/fleet"
	"kanmon/internal/access"
)

// said is how often a fleet says how it stands.
const said = 10 * time.Second

// fleetCommand runs many controllers against the centre of a demo city that runs already.
func fleetCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	n := set.Int("controllers", 10, "制御装置の台数(999 まで)")
	data := set.String("data", "data", "動いているデモのデータのフォルダー")
	url := set.String("url", "https://127.0.0.1:8480", "コンソールの URL")
	broker := set.String("broker", "", "MQTT ブローカーの URL(tls://…。空: 中央が知らせるもの)")
	rate := set.Float64("rate", 0, "1 台が 1 秒あたりに出す記録の数(未登録カードの拒否)")
	if err := parse(set, args[1:], stderr); err != nil {
		return err
	}
	if *n < 1 || *n > fleet.Most || *rate < 0 || *rate > mostRate {
		return mistake(set, stderr, "--controllers(1〜999)と --rate(0〜1000)を確認してください")
	}
	f, err := fleet.New(fleet.Config{
		Dir: filepath.Join(*data, "fleet"), Site: demo.Site, N: *n, CentreURL: *url, BrokerURL: *broker, Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), // every event is a line of its own
	})
	if err != nil {
		return err
	}
	centre, err := demo.Enter(ctx, *data, *url)
	if err != nil {
		return err
	}
	if err := f.Enrol(ctx, centre); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d 台の制御装置を動かします。Ctrl-C で終了します。\n", *n)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.Run(ctx) })
	g.Go(func() error { tap(ctx, f, *rate); return nil })
	g.Go(func() error { say(ctx, f, stdout); return nil })
	return g.Wait()
}

// tap holds a card that nobody knows to the readers of all controllers, rate times a second each.
func tap(ctx context.Context, f *fleet.Fleet, rate float64) {
	if rate == 0 {
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, m := range f.Members() {
				m.Present(access.Key{1})
			}
		}
	}
}

func say(ctx context.Context, f *fleet.Fleet, out io.Writer) {
	tick := time.NewTicker(said)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s := f.Summary()
			fmt.Fprintf(out, "記録 %d 件(中央が受領 %d 件)、ポリシーあり %d 台、失効一覧 %d-%d(遅れ %d 台)\n",
				s.Events, s.Acked, s.Policies, s.Revoked.Epoch, s.Revoked.N, s.Behind)
		}
	}
}
