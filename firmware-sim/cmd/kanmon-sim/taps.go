package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"kanmon/firmware-sim/control"
)

// mostRate is more than any line carries: one reader of a line is polled some 25 times a second.
const mostRate = 1000

// stream of cards held to one reader.
type stream struct {
	socket, reader string
	cards          []string
	rate           float64 // cards a second
	count          int     // 0: until it is interrupted
}

// tapsCommand holds cards to a reader, one after the other, and looks at nothing. The same card twice within a second is
// one wish for the controller, so a stream has several.
func tapsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var s stream
	set.StringVar(&s.socket, "socket", filepath.Join("data", "sim", "control.sock"), "動いているシミュレーターのソケット")
	set.StringVar(&s.reader, "reader", "IN-1", "リーダーの名前")
	cards := set.String("cards", "", "カードの名前(コンマ区切り。順番にかざす)")
	set.Float64Var(&s.rate, "rate", 5, "1 秒あたりの枚数(1000 まで)")
	set.IntVar(&s.count, "count", 0, "全部の枚数(0: 中断するまで)")
	if err := parse(set, args[1:], stderr); err != nil {
		return err
	}
	s.cards = strings.FieldsFunc(*cards, func(r rune) bool { return r == ',' || r == '、' })
	if len(s.cards) == 0 || s.rate <= 0 || s.rate > mostRate || s.count < 0 {
		return mistake(set, stderr, "--cards、--rate(1000 まで)、--count を指定してください")
	}
	n, err := s.run(ctx)
	fmt.Fprintf(stdout, "%s に %d 枚かざしました\n", s.reader, n)
	return err
}

// run returns how many cards were held to the reader.
func (s stream) run(ctx context.Context) (n int, err error) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.rate))
	defer tick.Stop()
	for ; s.count == 0 || n < s.count; n++ {
		r := control.Request{Op: control.Hold, Reader: s.reader, Card: s.cards[n%len(s.cards)]}
		if _, err := control.Ask(ctx, s.socket, r); err != nil {
			return n, unlessDone(ctx, err)
		}
		select {
		case <-ctx.Done():
			return n + 1, nil
		case <-tick.C:
		}
	}
	return n, nil
}
