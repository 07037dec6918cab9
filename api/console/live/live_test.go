package live_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/live"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type desk struct {
	shell   *ui.Shell
	pages   *live.Pages
	entries *consoletest.Entries
	guard   ui.Visitor
	config  live.Config
}

func open(t *testing.T, change func(*live.Config)) desk {
	t.Helper()
	d := desk{shell: consoletest.Shell(t), entries: &consoletest.Entries{}, guard: consoletest.Visitor(authz.Guard)}
	d.config = live.Config{
		Shell: d.shell, Entries: d.entries, Doors: consoletest.Areas{}, Subscribe: d.entries.Subscribe, Now: consoletest.Clock,
		Identify: func(*http.Request) (ui.Visitor, error) { return d.guard, nil },
	}
	if change != nil {
		change(&d.config)
	}
	var err error
	if d.pages, err = live.New(d.config); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d desk) get(t *testing.T, path, lang string) pagetest.Page {
	t.Helper()
	return pagetest.Do(t, d.shell, d.pages.Routes(), d.guard, pagetest.Get(path, lang))
}

// R43-2, R121-1: what happens at the doors is in sight, refusals and alarms above all.
func TestANightIsShownNewestFirst(t *testing.T) {
	d := open(t, nil)
	consoletest.Night(d.entries)
	for _, lang := range []string{"ja", "en"} {
		p := d.get(t, "/live", lang)
		p.Sound(t)
		p.Golden(t, "live."+lang)
		p.Count(t, "tbody tr", 12)
		p.Count(t, "tr.granted", 3)
		p.Count(t, "tr.denied", 3)
		p.Count(t, "tr.alarm", 2)
		p.Count(t, "tr.other", 4)
	}
	p := d.get(t, "/live", "ja")
	if first := pagetest.Text(p.Find("tbody tr")[0]); !strings.HasPrefix(first, "03:01:02 9月18日(金) 扉が開いた") {
		t.Errorf("first row: %s", first)
	}
	p.Has(t, "#tally", "2件")
	p.Has(t, "#e30 .c-who", "田中 健")
	p.Has(t, "#e27", "機器切断")
}

func TestARowSaysInWordsWhatItsColourSays(t *testing.T) {
	d := open(t, nil)
	consoletest.Night(d.entries)
	p := d.get(t, "/live", "ja")
	for class, words := range map[string][]string{
		"denied": {"入室拒否"}, "alarm": {"こじ開け", "機器切断"}, "granted": {"入室許可", "退室"},
	} {
		for _, n := range p.Find("tr." + class + " .c-what") {
			if !slices.Contains(words, pagetest.Text(n)) {
				t.Errorf("row of class %s says %q", class, pagetest.Text(n))
			}
		}
	}
	p.Count(t, "tbody .c-what .chip svg", 12)
}

func TestAnExitThatWouldHaveBeenRefusedSaysSo(t *testing.T) {
	d := open(t, nil)
	d.entries.Add(entrylog.Entry{At: consoletest.Now, Kind: event.AccessGranted, Direction: access.Out, Reason: access.CredentialExpired, Door: "D-2"})
	p := d.get(t, "/live", "ja")
	p.Has(t, "tr.granted .c-what", "退室")
	p.Has(t, "tr.granted .c-why", "入室の場合は拒否：カードの有効期間が過ぎています。")
}

func TestWhoLeavesWithoutARecordedEntryIsNotCalledInside(t *testing.T) {
	for way, want := range map[access.Direction]string{access.Out: "入室の記録がないまま退室しました。", access.In: "すでに入室していることになっています。"} {
		d := open(t, nil)
		d.entries.Add(entrylog.Entry{At: consoletest.Now, Kind: event.RuleBroken, Direction: way, Reason: access.PassedBack, Door: "D-2"})
		d.get(t, "/live", "ja").Has(t, "tr.alarm .c-why", want)
	}
}

func TestAnEntryThatCameLateSaysWhenItCame(t *testing.T) {
	d := open(t, nil)
	d.entries.Add(entrylog.Entry{At: consoletest.Now, Received: consoletest.Now.Add(time.Minute), Kind: event.DoorOpened})
	d.entries.Add(entrylog.Entry{At: consoletest.Now, Received: consoletest.Now.Add(time.Second), Kind: event.DoorClosed, Unsure: true})
	p := d.get(t, "/live", "ja")
	p.Has(t, "#e3 .c-time", "受信 03:03:41")
	p.Has(t, "#e6 .c-time", "時計未確認")
	if strings.Contains(pagetest.Text(p.Find("#e6")[0]), "受信") {
		t.Error("an entry that came at once says when it came")
	}
}

func TestWhatControllersTellOfTrustAndLeasesIsPlain(t *testing.T) {
	for _, c := range []struct {
		entry     entrylog.Entry
		show      string
		what, why string
	}{
		{entrylog.Entry{Kind: event.RevocationApplied, Card: "C-1", CardLabel: "T-001", Reason: access.CredentialRevoked}, "other", "失効の反映", "このカードを拒否するようになりました。"},
		{entrylog.Entry{Kind: event.RevocationApplied, Card: "C-1", Reason: access.CredentialSuspend}, "other", "失効の反映", "一時的に拒否するようになりました。"},
		{entrylog.Entry{Kind: event.RevocationApplied, Card: "C-1"}, "other", "失効の反映", "一時停止を解除しました。"},
		{entrylog.Entry{Kind: event.RevocationApplied, Detail: "80 cards"}, "other", "失効の反映", "まとめて反映しました。"},
		{entrylog.Entry{Kind: event.LeaseWarning, Detail: "staff: ends 2026-09-18T00:30:00Z"}, "alarm", "中央と不通", "職員の入室を9月18日(金) 09時30分から拒否します。"},
		{entrylog.Entry{Kind: event.LeaseWarning, Detail: "staff: ends soon"}, "alarm", "中央と不通", "復旧しないと、入室を拒否します。"},
		{entrylog.Entry{Kind: event.LeaseLapsed, Detail: "contractor: over"}, "alarm", "不通のため拒否", "委託事業者の入室を拒否しています。"},
		{entrylog.Entry{Kind: event.LeaseLapsed, Detail: "robots: over"}, "alarm", "不通のため拒否", "途絶えたため、入室を拒否しています。"},
		{entrylog.Entry{Kind: event.LeaseRenewed}, "other", "中央と通信回復", "通常の判定に戻りました。"},
		{entrylog.Entry{Kind: event.RemoteRelease, Door: "D-1", Detail: "by account:yamada: 救急隊: 3 名 [K] [C9]"}, "granted", "遠隔解錠", "yamada が中央装置から解錠しました。理由：救急隊: 3 名 [K]"},
		{entrylog.Entry{Kind: event.RemoteRelease, Door: "D-1", Detail: "nonsense"}, "granted", "遠隔解錠", "中央装置からの指示で解錠しました。"},
		{entrylog.Entry{Kind: event.CommandRefused}, "alarm", "指示の拒否", "制御装置が断りました。"},
		{entrylog.Entry{Kind: event.CertificateWarning}, "alarm", "証明書の期限", "更新できていません。"},
		{entrylog.Entry{Kind: event.EpochOpened}, "alarm", "中央装置の復元", "復元されました。"},
		{entrylog.Entry{Kind: event.AccessDenied, Reason: access.LeaseOver}, "denied", "入室拒否", "長く途絶えているため、入室できません。"},
		{entrylog.Entry{Kind: entrylog.Quarantined, Reason: entrylog.BadSignature}, "alarm", "受信データ異常", "なりすましのおそれがあります。"},
	} {
		d := open(t, nil)
		c.entry.At, c.entry.Controller = consoletest.Now, "ctl-1"
		d.entries.Add(c.entry)
		p := d.get(t, "/live", "ja")
		p.Has(t, "#live tr."+c.show+" .c-what", c.what)
		p.Has(t, "#live tr."+c.show+" .c-why", c.why)
		d.get(t, "/live", "en").Count(t, "#live tr."+c.show, 1)
	}
}

// forced is an event that came before its turn.
func forced(seq uint64) entrylog.Entry {
	return entrylog.Entry{At: consoletest.Now, Received: consoletest.Now, Kind: event.DoorForced, Controller: "ctl-1", Epoch: 1, Seq: seq, Door: "D-2", DoorName: "書庫 入口"}
}

func TestEventsBeforeTheirTurnAreShownApartAsProvisional(t *testing.T) {
	d := open(t, nil)
	consoletest.Night(d.entries)
	d.get(t, "/live", "ja").Count(t, "#early[hidden]", 1)
	d.entries.Show(forced(9), entrylog.Entry{At: consoletest.Now, Received: consoletest.Now, Kind: event.DoorOpened, Controller: "ctl-1", Epoch: 1, Seq: 8, Door: "D-1"})
	for _, lang := range []string{"ja", "en"} {
		p := d.get(t, "/live", lang)
		p.Sound(t)
		p.Golden(t, "early."+lang)
	}
	p := d.get(t, "/live", "ja")
	p.Has(t, "#p-ctl-1-1-9 .c-what", "こじ開け 仮")
	p.Count(t, "#early[hidden]", 0)
	p.Count(t, "#early tbody tr", 2)
	p.Count(t, "#live tbody tr", 12)
	d.get(t, "/live?door=D-2", "ja").Count(t, "#early tbody tr", 1)
	d.get(t, "/live?show=other", "ja").Count(t, "#early tbody tr", 1)
	d.get(t, "/live?before=20", "ja").Count(t, "#early", 0)
}

func TestAlarmsOlderThanADayAreNotCounted(t *testing.T) {
	d := open(t, nil)
	d.entries.Add(entrylog.Entry{At: consoletest.Now.Add(-24 * time.Hour), Kind: event.DoorForced})
	d.entries.Add(entrylog.Entry{At: consoletest.Now.Add(-23 * time.Hour), Kind: entrylog.Quarantined, Reason: entrylog.BadGap})
	d.get(t, "/live", "ja").Has(t, "#tally[data-some]", "1件")
}

func TestTheFiguresOfAnEmptyLogAreQuiet(t *testing.T) {
	p := open(t, nil).get(t, "/live", "ja")
	p.Sound(t)
	p.Has(t, "#tally", "0件")
	p.Count(t, "#tally[data-some]", 0)
	p.Has(t, "#none", "記録はまだありません")
	p.Count(t, "table[hidden]", 1)
}

func TestTheFilterNarrowsRowsAndStream(t *testing.T) {
	d := open(t, nil)
	consoletest.Night(d.entries)
	for query, rows := range map[string]int{
		"show=granted": 3, "show=denied": 3, "show=alarm": 2, "show=other": 4, "door=D-1": 6, "door=D-2&show=denied": 2, "door=D-9": 0,
	} {
		p := d.get(t, "/live?"+query, "ja")
		p.Sound(t)
		p.Count(t, "tbody tr", rows)
		if got := pagetest.Attr(p.Find("#live")[0], "data-stream"); got != "/live/stream?"+query {
			t.Errorf("stream of %s is %s", query, got)
		}
	}
	p := d.get(t, "/live?show=alarm&door=D-2", "ja")
	p.Has(t, "#show option[selected]", "警報")
	p.Has(t, "#door option[selected]", "書庫 入口")
}

func TestOlderRowsAreReachedPageByPage(t *testing.T) {
	d := open(t, nil)
	for range 120 {
		d.entries.Add(entrylog.Entry{At: consoletest.Now, Kind: event.DoorOpened, Door: "D-1"})
	}
	seen := map[string]bool{}
	path := "/live?door=D-1"
	for pages := 1; path != ""; pages++ {
		p := d.get(t, path, "ja")
		p.Sound(t)
		for _, row := range p.Find("tbody tr") {
			seen[pagetest.Attr(row, "id")] = true
		}
		if stream := pagetest.Attr(p.Find("#live")[0], "data-stream"); (stream != "") != (pages == 1) {
			t.Errorf("page %d has the stream %q", pages, stream)
		}
		path = ""
		if next := p.Find(".pages a"); len(next) == 1 {
			path = pagetest.Attr(next[0], "href")
		}
		if pages > 5 {
			t.Fatal("the pages do not end")
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d rows seen, want 120", len(seen))
	}
}

func TestAWrongQueryIsAnsweredWithAPage(t *testing.T) {
	d := open(t, nil)
	for _, path := range []string{"/live?before=x", "/live?before=-1", "/live?show=all", "/live?door=" + strings.Repeat("x", 65), "/live/stream?after=1e3"} {
		if p := d.get(t, path, "ja"); p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, p.Status)
		} else {
			p.Sound(t)
		}
	}
}

func TestOnlyWhoMaySeeStaffGetsLinksToThem(t *testing.T) {
	d := open(t, nil)
	consoletest.Night(d.entries)
	d.get(t, "/live", "ja").Count(t, ".c-who a", 5)
	d.guard = ui.Visitor{}
	d.get(t, "/live", "ja").Count(t, ".c-who a", 0)
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	d := open(t, func(c *live.Config) { c.Doors = consoletest.Areas{Hostile: pagetest.Hostile} })
	d.entries.Add(entrylog.Entry{
		At: consoletest.Now, Kind: event.AccessDenied, Reason: access.Reason(pagetest.Hostile), Door: pagetest.Hostile, DoorName: pagetest.Hostile,
		AreaName: pagetest.Hostile, Person: "x", PersonName: pagetest.Hostile, CardLabel: pagetest.Hostile,
	})
	p := d.get(t, "/live", "ja")
	p.Sound(t)
	p.Harmless(t, 8)
}

func TestAFailingLogIsAnErrorPage(t *testing.T) {
	d := open(t, nil)
	d.entries.Break(errors.New("disk on fire"))
	p := d.get(t, "/live", "ja")
	p.Sound(t)
	if p.Status != http.StatusInternalServerError || strings.Contains(p.Body, "fire") {
		t.Errorf("%d: %s", p.Status, pagetest.Text(p.Node))
	}
}

// TestEveryKindAndReasonHasWords reads the constants of the packages that define them.
func TestEveryKindAndReasonHasWords(t *testing.T) {
	words, err := message.Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	has := func(key string) {
		if _, ok := words.Lookup(message.JA, key); !ok {
			t.Errorf("no words for %q", key)
		}
	}
	kinds := append(constants(t, "../../../internal/event/event.go", "Kind"), string(entrylog.Quarantined))
	reasons := append(constants(t, "../../../internal/access/types.go", "Reason"), constants(t, "../../../lifecycle/entrylog/entrylog.go", "Reason")...)
	if len(kinds) < 21 || len(reasons) < 19 {
		t.Fatalf("%d kinds and %d reasons found: the reading of the source is broken", len(kinds), len(reasons))
	}
	for _, k := range kinds {
		has("kind." + k)
		has("why." + k)
		if !slices.Contains(live.Kinds(), event.Kind(k)) {
			t.Errorf("kind %s is in no filter", k)
		}
	}
	for _, r := range reasons {
		has("reason." + r)
	}
}

func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		name := spec.Type
		if sel, ok := name.(*ast.SelectorExpr); ok {
			name = sel.Sel
		}
		lit, isLit := spec.Values[0].(*ast.BasicLit)
		if id, ok := name.(*ast.Ident); ok && isLit && id.Name == typeName {
			value, _ := strconv.Unquote(lit.Value)
			values = append(values, value)
		}
		return true
	})
	return values
}

// The figure is kept between requests: what it says must be what counting anew would say.
func TestTheKeptFigureIsTheOneCountedAnew(t *testing.T) {
	now := consoletest.Now
	d := open(t, func(c *live.Config) { c.Now = func() time.Time { return now } })
	var came []time.Time
	for i := range 34 {
		for range i % 5 {
			d.entries.Add(entrylog.Entry{At: now, Kind: event.DoorHeld, Door: "D-1"})
			d.entries.Add(entrylog.Entry{At: now, Kind: event.DoorClosed, Door: "D-1"})
			came = append(came, now)
		}
		now = now.Add(47 * time.Minute)
		want := 0
		for _, at := range came {
			if at.After(now.Add(-24 * time.Hour)) {
				want++
			}
		}
		d.get(t, "/live", "ja").Has(t, "#tally b", strconv.Itoa(want)+"件")
	}
	for range 120 {
		d.entries.Add(entrylog.Entry{At: now, Kind: event.DoorHeld, Door: "D-1"})
	}
	now = now.Add(time.Minute)
	d.get(t, "/live", "ja").Has(t, "#tally b", "100+件")
}
