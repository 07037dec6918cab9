package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
	"kanmon/reader/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call runs the program and returns its exit code and what it wrote.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommandLineNobodyMeantIsExplainedInJapanese(t *testing.T) {
	for _, c := range []struct {
		args []string
		say  []string
	}{
		{nil, []string{"使い方: kanmon-sim <命令>", "カードをリーダーにかざす"}},
		{[]string{"dance"}, []string{"使い方: kanmon-sim <命令>"}},
		{[]string{"-h"}, []string{"使い方: kanmon-sim <命令>"}},
		{[]string{"tap"}, []string{"--card でカードの名前を指定してください", "使い方: kanmon-sim tap", "カードの名前"}},
		{[]string{"tap", "--bogus"}, []string{"オプションが正しくありません", "-bogus", "使い方: kanmon-sim tap"}},
		{[]string{"tap", "--card", "佐藤", "鈴木"}, []string{"余分な引数です", "鈴木"}},
		{[]string{"open", "D-1"}, []string{"余分な引数です", "使い方: kanmon-sim open", "扉の番号"}},
		{[]string{"demo", "--port", "1"}, []string{"オプションが正しくありません", "データのフォルダー"}},
		{[]string{"demo", "more"}, []string{"余分な引数です"}},
		{[]string{"fleet", "--controllers", "1000"}, []string{"--controllers(1〜999)", "制御装置の台数"}},
		{[]string{"fleet", "--rate", "-1"}, []string{"--rate(0〜1000)"}},
		{[]string{"line", "--config"}, []string{"オプションが正しくありません", "設定ファイル"}},
		{[]string{"pd"}, []string{"--port と --address(0〜126)を指定してください", "シリアルポート"}},
		{[]string{"pd", "--port", "/dev/null", "--address", "127"}, []string{"--address(0〜126)"}},
		{[]string{"pd", "--port", "/dev/null", "--address", "-1"}, []string{"オプションが正しくありません"}},
		{[]string{"pd", "--port", "/dev/null", "--scbk", "00000000000000000000000000000000"}, []string{"--scbk", "weak"}},
		{[]string{"pd", "--port", "/dev/null", "--scbk", "@/nonexistent"}, []string{"--scbk", "/nonexistent"}},
	} {
		code, out, errs := call(t, c.args...)
		if code != 2 || out != "" {
			t.Errorf("%q: exit code %d, wrote %q", c.args, code, out)
		}
		for _, part := range c.say {
			if !strings.Contains(errs, part) {
				t.Errorf("%q: does not say %q:\n%s", c.args, part, errs)
			}
		}
	}
}

func TestKeyIsNotRepeatedWhenItIsRefused(t *testing.T) {
	_, out, errs := call(t, "pd", "--port", "/dev/null", "--scbk", "5c9a1e77d3046bf82b60c4e991a73dXX")
	if strings.Contains(out+errs, "5c9a1e") {
		t.Error("the key is on the terminal")
	}
}

func TestEveryCommandExplainsItsOptions(t *testing.T) {
	for _, c := range commands() {
		code, _, errs := call(t, c.name, "-h")
		if code != 0 || !strings.HasPrefix(errs, "使い方: kanmon-sim "+c.name) || strings.Contains(errs, "Usage") {
			t.Errorf("%s -h: exit code %d, %s", c.name, code, errs)
		}
	}
}

func TestCommandWithoutASimulatorFailsAndSaysSo(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{{"tap", "--card", "佐藤"}, {"exit"}, {"state"}} {
		code, _, errs := call(t, append(args, "--socket", socket)...)
		if code != 1 || !strings.Contains(errs, socket) {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	code, _, errs := call(t, "line", "--config", socket)
	if code != 1 || !strings.Contains(errs, socket) {
		t.Errorf("line without a configuration: exit code %d, %s", code, errs)
	}
}

// door answers commands like a running simulator.
func door(t *testing.T, handle func(control.Request) control.Answer) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sim") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- control.Serve(ctx, socket, func(_ context.Context, r control.Request) control.Answer { return handle(r) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatal("the socket does not open")
		}
	}
}

func TestWhatThePersonSawIsSaidInJapanese(t *testing.T) {
	var asked control.Request
	var answer control.Answer
	socket := door(t, func(r control.Request) control.Answer { asked = r; return answer })
	for want, a := range map[string]control.Answer{
		"IN-2 佐藤 → 緑のランプ、ブザー 1 回、電気錠が解錠(12 ミリ秒)\n": {LED: "green", Beeps: 1, Released: true, AfterMS: 12},
		"IN-2 佐藤 → 赤のランプ、ブザー 3 回(7 ミリ秒)\n":         {LED: "red", Beeps: 3, AfterMS: 7},
	} {
		answer = a
		code, out, errs := call(t, "tap", "--socket", socket, "--reader", "IN-2", "--card", "佐藤", "--stay")
		if code != 0 || out != want || errs != "" {
			t.Errorf("exit code %d, %q %q, want %q", code, out, errs, want)
		}
	}
	if want := (control.Request{Op: control.Tap, Reader: "IN-2", Card: "佐藤", Stay: true}); asked != want {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	answer = control.Answer{Error: `no card "x"`}
	if code, _, errs := call(t, "tap", "--socket", socket, "--card", "x"); code != 1 || !strings.Contains(errs, `no card "x"`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestEveryDoorCommandAsksForItself(t *testing.T) {
	var asked control.Request
	socket := door(t, func(r control.Request) control.Answer {
		asked = r
		return control.Answer{Lines: []string{"一行", "二行"}}
	})
	for _, name := range []string{"open", "close", "exit", "unplug", "plug", "tamper", "noise", "fire", "fire-clear", "gas", "gas-clear", "state"} {
		code, out, _ := call(t, name, "--socket", socket, "--door", "D-2", "--device", "IO-1")
		want := control.Request{Op: control.Op(name), Door: "D-2", Device: "IO-1"}
		if code != 0 || asked != want || out != "一行\n二行\n" {
			t.Errorf("%s: exit code %d, asked %+v, wrote %q", name, code, asked, out)
		}
	}
}

func TestTypedCardsAreHeldToTheReaderAndOthersAreExplained(t *testing.T) {
	key, err := osdp.ParseKey("5c9a1e77d3046bf82b60c4e991a73d0f")
	if err != nil {
		t.Fatal(err)
	}
	d, err := pd.New(pd.Config{Name: "pd", Key: key, Readers: 1}, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := readCards(strings.NewReader("bits:26:bdd93740\nnonsense\nbits:26:bdd937\n\nbits:8:01\n"), d, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "カードをかざしました"); got != 2 || d.Snapshot().Waiting != 2 {
		t.Errorf("%d cards were held to the reader and %d wait, want 2:\n%s", got, d.Snapshot().Waiting, out.String())
	}
	if got := strings.Count(out.String(), "カードとして読めません"); got != 3 || strings.Contains(out.String(), "bdd937") {
		t.Errorf("of 3 that are none %d were explained:\n%s", got, out.String())
	}
}

func TestLineRunsUntilItIsInterrupted(t *testing.T) {
	dir, err := os.MkdirTemp("", "sim") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "config.json")
	for name, text := range map[string]string{
		"config.json": fmt.Sprintf(`{"line":%q,"socket":%q,"cards_file":%q,"devices":[],"doors":[]}`, dir+"/line0", dir+"/s", dir+"/cards.json"),
		"cards.json":  "{}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"line", "--config", path}, in, io.Discard); in.Close() }()
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil || string(line[:n]) != "模擬回線 "+dir+"/line0\n" {
		t.Errorf("wrote %q (%v)", line[:n], err)
	}
	cancel()
	if c := <-code; c != 0 {
		t.Errorf("interrupted: exit code %d", c)
	}
}
