package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// errUsage is a mistake on the command line that has been explained already.
var errUsage = errors.New("command line")

// parse reads a command's options. A mistake is explained on stderr, with the options, and is errUsage; -h shows them and
// is flag.ErrHelp.
func parse(set *flag.FlagSet, args []string, stderr io.Writer) error {
	set.SetOutput(io.Discard) // the package's own words are English
	err := set.Parse(args)
	switch {
	case err == nil && set.NArg() == 0:
		return nil
	case errors.Is(err, flag.ErrHelp):
		help(set, stderr)
		return err
	case err == nil:
		return mistake(set, stderr, fmt.Sprintf("余分な引数です: %q", set.Args()))
	default:
		return mistake(set, stderr, "オプションが正しくありません: "+err.Error())
	}
}

// mistake explains what is wrong with a command line.
func mistake(set *flag.FlagSet, stderr io.Writer, what string) error {
	fmt.Fprintln(stderr, "kanmon-sim:", what)
	help(set, stderr)
	return errUsage
}

func help(set *flag.FlagSet, stderr io.Writer) {
	fmt.Fprintf(stderr, "使い方: kanmon-sim %s [オプション]\n", set.Name())
	set.SetOutput(stderr)
	set.PrintDefaults()
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "使い方: kanmon-sim <命令> [オプション]   (<命令> -h で詳細)")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.help)
	}
}
