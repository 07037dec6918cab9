// Package demo is a small invented city hall that shows Kanmon at work, and the supervisor behind `make run`:
// it starts the centre, a controller and simulated doors as separate processes, fills the centre through its
// REST interface as an administrator would, and ends everything in order.
package demo

// person of the demo city. Names and numbers are invented.
type person struct {
	No, Name, Kana, Section string
	Card                    string // how the command line calls the card
	Rights                  []grant
}

type grant struct{ Area, Schedule string }

type window struct {
	Day   int `json:"day"`
	From  int `json:"from"`
	Until int `json:"until"`
}

const (
	areaServer  = "server-room"
	areaArchive = "archive"
	areaStore   = "storeroom"

	office   = "office-hours"
	midnight = "sunday-3am"

	doorServer  = "D-1"
	doorArchive = "D-2"
	doorStore   = "D-3"
)

// Controller is the name of the city's controller.
const Controller = "ctl-1"

var everyDay = []int{0, 1, 2, 3, 4, 5, 6}

func weekly(days []int, from, until int) []window {
	all := make([]window, len(days))
	for i, d := range days {
		all[i] = window{Day: d, From: from, Until: until}
	}
	return all
}

// people of the demo city: eleven who may enter somewhere, one who may not. The office hours of the demo are
// wide, so that it can be tried in the evening; some may come at any hour, two only on Sundays between three and four.
func people() []person {
	server, archive, store := grant{areaServer, ""}, grant{areaArchive, office}, grant{areaStore, ""}
	return []person{
		{"S-0001", "佐藤 由美子", "サトウ ユミコ", "デジタル戦略課", "佐藤", []grant{server, archive, store}},
		{"S-0002", "鈴木 健一", "スズキ ケンイチ", "デジタル戦略課", "鈴木", []grant{server, archive}},
		{"S-0003", "髙橋 直樹", "タカハシ ナオキ", "デジタル戦略課", "髙橋", []grant{{areaServer, midnight}}},
		{"S-0004", "田中 さくら", "タナカ サクラ", "情報システム係", "田中", []grant{server, store}},
		{"S-0005", "渡邉 誠", "ワタナベ マコト", "総務課", "渡邉", nil},
		{"S-0006", "伊藤 美咲", "イトウ ミサキ", "総務課", "伊藤", []grant{archive}},
		{"S-0007", "山本 浩", "ヤマモト ヒロシ", "市民課", "山本", []grant{{areaArchive, ""}}},
		{"S-0008", "中村 彩", "ナカムラ アヤ", "税務課", "中村", []grant{archive}},
		{"S-0009", "小林 大輔", "コバヤシ ダイスケ", "税務課", "小林", []grant{archive}},
		{"S-0010", "加藤 千尋", "カトウ チヒロ", "福祉課", "加藤", []grant{archive}},
		{"S-0011", "吉田 修", "ヨシダ オサム", "管財課", "吉田", []grant{{areaArchive, midnight}}},
		{"S-0012", "山﨑 恵", "ヤマサキ メグミ", "会計課", "山﨑", []grant{archive}},
	}
}

// StrayCard is in the simulator's box and in no register.
const StrayCard = "拾得カード"

// Login of the demo; the password is made at the first run.
type Login struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Roles    []string `json:"roles"`
	Password string   `json:"password"`
	Staff    string   `json:"staff,omitempty"` // number; who decides requests has one
}

func logins() []Login {
	return []Login{
		{Name: "kanri", Title: "情報システム管理者", Roles: []string{"system_manager"}},
		{Name: "shuei", Title: "守衛", Roles: []string{"guard"}},
		{Name: "kansa", Title: "監査人", Roles: []string{"auditor"}},
		{Name: "shonin", Title: "情報セキュリティ管理者", Roles: []string{"security_manager"}, Staff: "S-0011"}, // approves what kanri asks for
	}
}
