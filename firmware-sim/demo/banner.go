package demo

import (
	"fmt"
	"path/filepath"
	"strings"
)

// defaultConsole is where the commands look for the console.
const defaultConsole = "127.0.0.1:8480"

// banner tells the person at the terminal what runs and what to try.
func (d *demo) banner() {
	var b strings.Builder
	fmt.Fprintf(&b, "\n関門 Kanmon — デモの市役所が動いています。Ctrl-C で終了します。\n\n")
	fmt.Fprintf(&b, "  コンソール  %s/\n", d.URL())
	fmt.Fprintf(&b, "              証明書はこのデモの認証局のものです。ブラウザーの警告を避けるには\n              %s を信頼する認証局として読み込んでください。\n\n", filepath.Join(d.dir, "centre", "ca.pem"))
	for _, u := range d.Users {
		fmt.Fprintf(&b, "  ログイン    %-6s  %s  (%s)\n", u.Name, u.Password, u.Title)
	}
	sim, socket, data := filepath.Join(d.bin, "kanmon-sim"), "", ""
	if filepath.Clean(d.dir) != "data" { // the commands' default
		socket = " --socket " + filepath.Join(d.dir, "sim", "control.sock")
		data = " --data " + d.dir
	}
	if d.Console != defaultConsole {
		data += " --url " + d.URL()
	}
	fmt.Fprintf(&b, "  %s\n", d.pcscLine())
	fmt.Fprintf(&b, "\n  カードをかざす\n")
	lines := [][2]string{
		{"tap --reader IN-1 --card 佐藤", "許可: 扉が開きます"},
		{"tap --reader IN-1 --card 髙橋", "拒否: 時間外(日曜 3 時〜4 時のみ)"},
		{"tap --reader IN-1 --card 渡邉", "拒否: この区域の権限なし"},
		{"tap --reader IN-1 --card " + StrayCard, "拒否: 未登録のカード"},
		{"exit --door D-1", "退室ボタン"},
		{"open --door D-1", "こじ開け(警報)"},
	}
	if d.PCSC {
		lines = append(lines, [2]string{"tap --reader " + PCSCReader + " --card " + ICCard, "許可: PC/SC リーダーで FeliCa の記憶域を読みます"})
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "    %s %s%s    # %s\n", sim, line[0], socket, line[1])
	}
	fmt.Fprintf(&b, "\n  紛失カードの失効  コンソールの「カード」で佐藤のカードを失効させると、次に")
	fmt.Fprintf(&b, "かざしたとき赤になります。\n                    失効の画面に、扉ごとの受領時刻が並びます。\n")
	fmt.Fprintf(&b, "  制御装置を増やす  %s fleet --controllers 20%s\n", sim, data)
	fmt.Fprintf(&b, "\n  記録        %s\n  最初からやり直すには、終了してから %s を削除してください。\n", d.Files.logDir(), d.dir)
	d.say("%s", b.String())
}
