// Command kanmon-api is the centre of one site: registers, ledger, console, REST interface and, unless another
// one is configured, the MQTT broker.
//
//	kanmon-api [serve] -config FILE   work until interrupted
//	kanmon-api verify -config FILE    check the ledger and every row bound to it; exit code 1 names what is wrong
//	kanmon-api new-epoch -config FILE -reason TEXT   after a restore that the centre cannot notice by itself
//	kanmon-api command-key -config FILE [-step announce|use|retire -reason TEXT [-force]]   how the command keys stand, or a new one
//	kanmon-api device-ca   the same for the authority that issues certificates
//	kanmon-api checkpoint-key -config FILE [-step use -reason TEXT]   the keys that signed and sign the ledger, or a new one
//	kanmon-api accept-keys -config FILE -keys NAMES -reason TEXT   when keys were lost for good: those that were made anew serve
//	kanmon-api credential-hash-key   the same for the key under which card numbers are hashed; it has no retire
//	kanmon-api broker-files -config FILE             write the files of a mosquitto
//	kanmon-api version
//
// The configuration is described in kanmon/api (Settings). Logs are JSON on standard error. The exit code is 0,
// 1 for a failure (or a finding of verify), 2 for a wrong command line or configuration.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"kanmon/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program even if a part hangs
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const (
	exitOK = iota
	exitFailed
	exitUsage
)

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	if command == "version" {
		_, _ = fmt.Fprintln(stdout, "kanmon-api", software())
		return exitOK
	}
	flags := flag.NewFlagSet("kanmon-api "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	work, ok := commands(flags)[command]
	if !ok {
		_, _ = fmt.Fprintf(stderr, "kanmon-api: no command %q; there are serve, verify, new-epoch, command-key, device-ca, credential-hash-key, checkpoint-key, accept-keys, broker-files and version\n", command)
		return exitUsage
	}
	file := flags.String("config", "", "configuration `file` (JSON)")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *file == "" || flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "kanmon-api %s: give -config FILE and nothing else\n", command)
		return exitUsage
	}
	settings, err := api.ReadSettings(*file)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kanmon-api:", err)
		return exitUsage
	}
	return work(ctx, settings, slog.New(slog.NewJSONHandler(stderr, nil)), stdout, stderr)
}
