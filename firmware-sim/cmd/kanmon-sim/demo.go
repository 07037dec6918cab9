package main

import (
	"context"
	"flag"
	"io"

	"kanmon/firmware-sim/demo"
)

// demoCommand runs the demo city until it is interrupted.
func demoCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var o demo.Options
	set.StringVar(&o.Bin, "bin", "bin", "プログラムのフォルダー")
	set.StringVar(&o.Data, "data", "data", "データのフォルダー")
	set.StringVar(&o.Console, "console", "127.0.0.1:8480", "コンソールのアドレス")
	set.StringVar(&o.Broker, "broker", "127.0.0.1:18830", "MQTT ブローカーのアドレス")
	if err := parse(set, args[1:], stderr); err != nil {
		return err
	}
	return demo.Run(ctx, o, stdout)
}
