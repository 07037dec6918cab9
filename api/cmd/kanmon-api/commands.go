package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"kanmon/api"
	"kanmon/api/keychange"
)

// work is what a command does once its configuration is read.
type work func(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int

// commands are what the program can do; some have flags of their own.
func commands(flags *flag.FlagSet) map[string]work {
	return map[string]work{
		"serve": serve, "verify": verify, "broker-files": brokerFiles, "new-epoch": newEpoch(flags),
		string(keychange.Command): changeKey(flags, keychange.Command), string(keychange.Authority): changeKey(flags, keychange.Authority),
		"checkpoint-key": checkpointKey(flags), "accept-keys": acceptKeys(flags),
		string(keychange.HashKey): changeKey(flags, keychange.HashKey),
	}
}

func serve(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
	server, err := api.Open(ctx, settings, software(), log)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kanmon-api cannot start:", err)
		return exitFailed
	}
	if a := server.BrokerAddr(); a != nil {
		_, _ = fmt.Fprintln(stdout, "broker  ", a)
	}
	if file := server.BootstrapFile(); file != "" {
		_, _ = fmt.Fprintf(stdout, "set-up   %s/setup with the token in %s\n", server.URL(), file)
	}
	_, _ = fmt.Fprintln(stdout, "console ", server.URL())
	if file := server.AuthorityFile(); file != "" {
		_, _ = fmt.Fprintln(stdout, "trust   ", file)
	}
	if err := server.Run(ctx); err != nil {
		_, _ = fmt.Fprintln(stderr, "kanmon-api stopped:", err)
		return exitFailed
	}
	return exitOK
}

func verify(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
	report, err := api.Verify(ctx, settings, log)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kanmon-api cannot verify:", err)
		return exitFailed
	}
	_, _ = fmt.Fprintf(stdout, "ledger %s: %d leaves, root %v, %d rows, %d checkpoints\n",
		report.Origin, report.Leaves, report.Root, report.Rows, report.Checkpoints)
	for _, f := range report.Findings {
		_, _ = fmt.Fprintf(stdout, "%s: %s %s (leaf %d) %s\n", f.Problem, f.Table, f.Key, f.Leaf, f.Detail)
	}
	if !report.OK() {
		_, _ = fmt.Fprintf(stdout, "NOT as recorded: %d findings\n", report.Found)
		return exitFailed
	}
	_, _ = fmt.Fprintln(stdout, "as recorded")
	return exitOK
}

// newEpoch has its flag only where it is the command.
func newEpoch(flags *flag.FlagSet) work {
	reason := new(string)
	if flags.Name() == "kanmon-api new-epoch" {
		flags.StringVar(reason, "reason", "", "why; it goes into the ledger")
	}
	return func(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
		epoch, err := api.NewEpoch(ctx, settings, *reason, log)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "kanmon-api: no new epoch:", err)
			return exitFailed
		}
		_, _ = fmt.Fprintf(stdout, "epoch %d begins with the next start; doors send again what the database lacks\n", epoch)
		return exitOK
	}
}

// acceptKeys has its flag only where it is the command.
func acceptKeys(flags *flag.FlagSet) work {
	reason, names := new(string), new(string)
	if flags.Name() == "kanmon-api accept-keys" {
		flags.StringVar(reason, "reason", "", "why; it goes into the ledger")
		flags.StringVar(names, "keys", "", "which, by the names in the centre's refusal, with commas between them")
	}
	return func(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
		if err := api.AcceptKeys(ctx, settings, strings.FieldsFunc(*names, func(r rune) bool { return r == ',' || r == ' ' }), *reason, log); err != nil {
			_, _ = fmt.Fprintln(stderr, "kanmon-api: keys not accepted:", err)
			return exitFailed
		}
		_, _ = fmt.Fprintln(stdout, "accepted:", *names)
		return exitOK
	}
}

// changeKey has its flags only where it is the command.
func changeKey(flags *flag.FlagSet, kind keychange.Kind) work {
	change, step := keychange.Change{Kind: kind}, new(string)
	if flags.Name() == "kanmon-api "+string(kind) {
		flags.StringVar(step, "step", string(keychange.Show), "announce, use, retire; drop, which takes an announcement back; or show, which changes nothing")
		flags.StringVar(&change.Act.Reason, "reason", "", "why; it goes into the ledger")
		flags.BoolVar(&change.Force, "force", false, "do not wait for controllers that have not heard")
	}
	return func(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
		change.Step = keychange.Step(*step)
		keys, err := api.ChangeKey(ctx, settings, change, log)
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "kanmon-api: %s: %v\n", kind, err)
			return exitFailed
		}
		for _, k := range keys {
			_, _ = fmt.Fprintf(stdout, "%s %s", k.Key, k.Stage)
			for _, say := range []struct {
				what string
				who  []string
			}{{", not known to ", k.Missing}, {", no certificate by it yet: ", k.Outdated}, {", still believed by ", k.Held}} {
				if len(say.who) > 0 {
					_, _ = fmt.Fprint(stdout, say.what, strings.Join(say.who, ", "))
				}
			}
			_, _ = fmt.Fprintln(stdout)
		}
		return exitOK
	}
}

func brokerFiles(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
	changed, err := api.BrokerFiles(ctx, settings, log)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "kanmon-api: broker files not written:", err)
		return exitFailed
	}
	if !changed {
		_, _ = fmt.Fprintln(stdout, settings.Broker.FilesDir, "is as it should be")
		return exitOK
	}
	_, _ = fmt.Fprintf(stdout, "%s has changed: reload mosquitto, and restart it when a controller was revoked or the authority changed\n", settings.Broker.FilesDir)
	return exitOK
}

// software is the version of this program, from the build.
func software() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = s.Value[:min(12, len(s.Value))]
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return version
}
