package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/world"
	"kanmon/reader/osdp"
	"kanmon/reader/serialport"
)

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// lineCommand runs the simulated line of a configuration file.
func lineCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	path := set.String("config", filepath.Join("data", "sim", "config.json"), "設定ファイル")
	if err := parse(set, args[1:], stderr); err != nil {
		return err
	}
	c, err := world.Load(*path)
	if err != nil {
		return err
	}
	return world.Run(ctx, c, newLog(stderr), func(*world.World) { fmt.Fprintf(stdout, "模擬回線 %s\n", c.Line) })
}

// pdCommand runs one reader on a given port. Lines on standard input of the form bits:26:bdd93740 are cards.
func pdCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	port := set.String("port", "", "シリアルポート(例 /dev/ttyUSB0)")
	address := set.Uint("address", 0, "OSDP アドレス(0〜126)")
	baud := set.Int("baud", 9600, "通信速度")
	scbk := set.String("scbk", "", "SCBK(16 進 32 桁)。@ファイル名 でファイルから読む")
	if err := parse(set, args[1:], stderr); err != nil {
		return err
	}
	if *port == "" || *address > osdp.MaxAddress {
		return mistake(set, stderr, "--port と --address(0〜126)を指定してください")
	}
	key, keep, err := readKey(*scbk)
	if err != nil {
		return mistake(set, stderr, "--scbk: "+err.Error())
	}
	d, err := pd.New(pd.Config{Name: "pd", Address: byte(*address), Key: key, KeepKey: keep, Readers: 1, Inputs: 2, Outputs: 2, Serial: 1}, rand.Reader)
	if err != nil {
		return err
	}
	return servePort(ctx, serialport.Config{Name: *port, Baud: *baud}, d, stdout, newLog(stderr))
}

// readKey takes a key as 32 hex digits or @file. A key that came from a file is kept there too when the controller replaces it.
func readKey(text string) (key osdp.Key, keep func(osdp.Key) error, err error) {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		file := pd.KeyFile(name)
		key, err = file.Load()
		return key, file.Save, err
	}
	key, err = osdp.ParseKey(text)
	return key, nil, err
}

// servePort runs the device, and opens the port again whenever it comes back.
func servePort(ctx context.Context, c serialport.Config, d *pd.Device, stdout io.Writer, log *slog.Logger) error {
	cards := make(chan error, 1)
	go func() { cards <- readCards(os.Stdin, d, stdout) }() // ends with the process: a terminal's read cannot be stopped
	for ctx.Err() == nil {
		p, err := serialport.Await(ctx, c, log)
		if err != nil {
			return unlessDone(ctx, err)
		}
		line, err := pd.NewLine(p, log, d)
		if err == nil {
			fmt.Fprintf(stdout, "%s で待っています\n", c.Name)
			err = line.Run(ctx)
		}
		_ = p.Close() // the line is gone or the program ends
		if err != nil {
			log.WarnContext(ctx, "line lost", "error", err)
		}
	}
	return nil
}

// unlessDone drops an error that only says that the program was told to end.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil // being told to end is no error
}
