package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"kanmon/api"
	"kanmon/api/sitekey"
)

// checkpointKey has its flags only where it is the command.
func checkpointKey(flags *flag.FlagSet) work {
	step, reason := new(string), new(string)
	if flags.Name() == "kanmon-api checkpoint-key" {
		flags.StringVar(step, "step", "show", "use, which makes a new key, or show, which changes nothing")
		flags.StringVar(reason, "reason", "", "why; it goes into the ledger")
	}
	return func(ctx context.Context, settings api.Settings, log *slog.Logger, stdout, stderr io.Writer) int {
		if *step != "show" && *step != "use" {
			_, _ = fmt.Fprintln(stderr, "kanmon-api: checkpoint key: the one step is use; show takes none")
			return exitFailed
		}
		keys, err := api.CheckpointKey(ctx, settings, *step == "show", *reason, log)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "kanmon-api: checkpoint key:", err)
			return exitFailed
		}
		for _, k := range keys {
			printCheckpointKey(stdout, k)
		}
		return exitOK
	}
}

func printCheckpointKey(w io.Writer, k sitekey.CheckpointKey) {
	stage, since := "before", "the first"
	if k.Signs {
		stage = "signs"
	}
	if at := k.Since.At; !at.IsZero() {
		since = fmt.Sprintf("since %s, %s (%s)", at.Format(time.RFC3339), k.Since.Reason, k.Since.By)
	}
	_, _ = fmt.Fprintf(w, "%s %s, %s\n  fingerprint %s\n  verifier    %s\n", k.Origin, stage, since, k.Fingerprint, k.Verifier)
}
