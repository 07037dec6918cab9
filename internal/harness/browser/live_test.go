package browser

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/internal/harness"
)

// R43-2: what happens at the doors is in sight at once, without reloading.
func TestTapsRefusalsAndAlarmsAppearOnTheLivePageByThemselves(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.watch()
	loads := d.Loads()

	tapped := time.Now()
	d.Tap("IN-1", "佐藤")
	granted := d.await("佐藤 由美子", "入室許可", "電子計算機室 入口")
	t.Logf("on the page %v after the tap began", time.Since(tapped))
	if granted.Show != "granted" {
		t.Errorf("a granted entry is shown as %s", granted.Show)
	}

	d.Tap("IN-1", "拾得カード")
	if r := d.await("入室拒否", "このカードは登録されていません。"); r.Show != "denied" {
		t.Errorf("a refusal is shown as %s", r.Show)
	}
	d.Tap("IN-1", "渡邉")
	d.await("渡邉 誠", "入室拒否", "この区域に入る権限がありません。")

	if got := d.Text("#tally"); got != "24時間以内の警報 0件" && got != "24時間以内の警報\n0件" {
		t.Errorf("before the alarm the page counts %q", got)
	}
	d.Do(control.Request{Op: control.Open, Door: "D-2"})
	if r := d.await("こじ開け", "書庫 入口", "現地を確認してください。"); r.Show != "alarm" {
		t.Errorf("a forced door is shown as %s", r.Show)
	}
	d.Await("the count of alarms", `document.querySelector("#tally b").innerText === "1件" && "some" in document.querySelector("#tally").dataset`)

	if d.Loads() != loads {
		t.Errorf("the page was loaded %d times more", d.Loads()-loads)
	}
	d.clean()
}

// R84-1: what happened while the centre was away is shown once, in order, when it is back.
func TestLivePageComesBackAfterTheCentreDidAndMissesNothing(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.watch()
	d.Tap("IN-1", "佐藤")
	d.await("佐藤 由美子", "入室許可")
	loads := d.Loads()

	d.StopCentre()
	d.Await("再接続しています", `document.querySelector("#state").innerText.includes("再接続しています")`)
	d.Tap("IN-1", "鈴木")
	d.Tap("IN-2", "拾得カード")
	d.Tap("IN-1", "田中")
	d.StartCentre()

	d.await("田中 さくら", "入室許可")
	d.await("鈴木 健一", "入室許可")
	d.await("入室拒否", "書庫 入口")
	d.Await("接続中", `document.querySelector("#state").innerText.includes("接続中")`)
	d.checkRows()
	if d.Loads() != loads {
		t.Errorf("the page was loaded %d times more", d.Loads()-loads)
	}
}

// checkRows holds the page against the centre's log: the same entries, each once, newest first.
func (d desk) checkRows() {
	d.t.Helper()
	var want []string
	for _, e := range d.Events() {
		want = append(want, fmt.Sprintf("e%d", e.ID))
	}
	slices.Reverse(want)
	d.Await("every entry of the log", fmt.Sprintf(`document.querySelectorAll("#live tbody tr").length >= %d`, len(want)))
	var got []string
	for _, r := range d.rows() {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("the page shows %q, the log has %q", got, want)
	}
}

func TestHeldListShowsWhatCameWhenItIsReleased(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.watch()
	d.Click("#hold")
	d.Tap("IN-1", "佐藤")
	d.Await("the number of waiting rows", `!document.querySelector("#waiting").hidden && document.querySelector("#waiting").innerText.includes("新しい記録が 1 件あります")`)
	if _, shown := d.find("佐藤 由美子"); shown {
		t.Error("a held list moved")
	}
	d.Click("#waiting")
	d.await("佐藤 由美子", "入室許可")
	d.checkRows()
}

// R104-1: the stream of somebody whose log-in ended ends with its next heartbeat, within fifteen seconds, and the page
// says so and stays as it is.
func TestLivePageSaysThatTheLogInHasEndedAndShowsNothingMore(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.watch()
	other := d.browser.Page() // the same session in another tab
	other.Open(d.City.URL() + "/live")
	other.Submit(`form[action="/logout"] button`)
	d.Await("ログインの有効期間が終わりました", `document.querySelector("#state").innerText.includes("ログインの有効期間が終わりました")`)
	d.Tap("IN-1", "佐藤")
	d.AwaitEvent("the tap", func(e harness.Event) bool { return e.PersonName == "佐藤 由美子" })
	if _, shown := d.find("佐藤 由美子"); shown {
		t.Error("who is logged out still sees entries")
	}
	d.clean()
}
