// Kanmon-sim simulates readers, doors and cards on a real tty, and runs the demo city.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type command struct {
	name, help string
	run        func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func commands() []command {
	return []command{
		{"demo", "デモの市役所を動かす(中央・制御装置・模擬扉)", demoCommand},
		{"fleet", "デモの中央に多数の制御装置をつなぐ: fleet --controllers 20", fleetCommand},
		{"line", "模擬リーダーと扉を疑似端末の上で動かす", lineCommand},
		{"pd", "指定したシリアルポートで OSDP リーダー 1 台を動かす", pdCommand},
		{"tap", "カードをリーダーにかざす: tap --reader IN-1 --card 佐藤", tapCommand},
		{"taps", "カードを次々にかざす: taps --cards 佐藤,鈴木 --rate 5", tapsCommand},
		{"open", "扉を押し開ける: open --door D-1", opCommand},
		{"close", "扉を閉める: close --door D-1", opCommand},
		{"exit", "退室ボタンを押す: exit --door D-1", opCommand},
		{"unplug", "機器の線を抜く: unplug --device IN-1", opCommand},
		{"plug", "機器の線を戻す: plug --device IN-1", opCommand},
		{"tamper", "機器のふたを開ける: tamper --device IN-1", opCommand},
		{"noise", "回線に雑音を流す", opCommand},
		{"fire", "火災報知設備の信号を出す", opCommand},
		{"fire-clear", "火災報知設備の信号を戻す", opCommand},
		{"gas", "ガス消火設備の放出信号を出す(デモでは電子計算機室)", opCommand},
		{"gas-clear", "ガス消火設備の放出信号を戻す", opCommand},
		{"state", "模擬機器の状態を見る", opCommand},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name != args[0] {
				continue
			}
			return exitCode(c.run(ctx, args, stdout, stderr), stderr)
		}
	}
	usage(stderr)
	return 2
}

// exitCode is 2 for a mistake on the command line, which has been explained, and 1 for everything that went wrong.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		fmt.Fprintln(stderr, "kanmon-sim:", err)
		return 1
	}
}
