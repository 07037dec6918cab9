package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"kanmon/firmware-sim/control"
)

// flags of the commands that speak to a running simulator.
type doorFlags struct {
	set     *flag.FlagSet
	socket  string
	request control.Request
}

func newDoorFlags(name string) *doorFlags {
	f := &doorFlags{set: flag.NewFlagSet(name, flag.ContinueOnError), request: control.Request{Op: control.Op(name)}}
	f.set.StringVar(&f.socket, "socket", filepath.Join("data", "sim", "control.sock"), "動いているシミュレーターのソケット")
	return f
}

// tapCommand holds a card to a reader and says what the person saw.
func tapCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newDoorFlags(args[0])
	f.set.StringVar(&f.request.Reader, "reader", "IN-1", "リーダーの名前")
	f.set.StringVar(&f.request.Card, "card", "", "カードの名前")
	f.set.BoolVar(&f.request.Stay, "stay", false, "扉が開いても通らない")
	if err := parse(f.set, args[1:], stderr); err != nil {
		return err
	}
	if f.request.Card == "" {
		return mistake(f.set, stderr, "--card でカードの名前を指定してください")
	}
	a, err := control.Ask(ctx, f.socket, f.request)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s %s → %s\n", f.request.Reader, f.request.Card, seen(a))
	return nil
}

func seen(a control.Answer) string {
	light := map[string]string{"green": "緑", "red": "赤", "amber": "橙"}[a.LED]
	text := fmt.Sprintf("%sのランプ、ブザー %d 回", light, a.Beeps)
	if light == "" {
		text = "表示なし"
	}
	if a.Released {
		text += "、電気錠が解錠"
	}
	return fmt.Sprintf("%s(%d ミリ秒)", text, a.AfterMS)
}

// opCommand does everything else at the doors.
func opCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newDoorFlags(args[0])
	f.set.StringVar(&f.request.Door, "door", "D-1", "扉の番号")
	f.set.StringVar(&f.request.Device, "device", "IN-1", "機器の名前")
	if err := parse(f.set, args[1:], stderr); err != nil {
		return err
	}
	a, err := control.Ask(ctx, f.socket, f.request)
	if err != nil {
		return err
	}
	for _, line := range a.Lines {
		fmt.Fprintln(stdout, line)
	}
	return nil
}
