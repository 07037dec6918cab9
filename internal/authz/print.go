package authz

import (
	"fmt"
	"slices"
	"strings"
)

// Markdown prints the tables as docs/roles.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("\n## Roles\n\n| code | 基準の役割 |\n| --- | --- |\n")
	for _, r := range Roles() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r, roleNames()[r])
	}
	b.WriteString("\n## Who may do what\n\n| action | |")
	for _, r := range Roles() {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" :-: |", len(Roles())) + "\n")
	for _, row := range table {
		fmt.Fprintf(&b, "| `%s` | %s<br>%s |", row.action, row.ja, row.en)
		for _, r := range Roles() {
			b.WriteString(mark(slices.Contains(row.roles, r)))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n## Routes\n\n| route | needs |\n| --- | --- |\n")
	for _, r := range Routes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Pattern, r.Need)
	}
	return b.String()
}

func mark(yes bool) string {
	if yes {
		return " ● |"
	}
	return " |"
}

const head = `# Roles and rights

Printed from the tables of ` + "`internal/authz`" + ` by its test (` + "`go test ./internal/authz -update`" + `); do not edit. What has no row here is
nobody's. A route is refused with 401 to a caller who is not logged in, and with 403 to one without the right. An
account whose password was chosen by somebody else may do nothing but change it. The registers ask the same table
again inside their transactions.
`

func roleNames() map[Role]string {
	return map[Role]string{
		CISO: "情報セキュリティ統括責任者", DepartmentHead: "部等情報セキュリティ責任者", CSIRT: "デジタル戦略課長・CSIRT",
		SecurityManager: "情報セキュリティ管理者", SystemManager: "情報システム管理者", Operator: "情報システム担当者",
		Staff: "職員", Guard: "守衛・受付", Contractor: "委託事業者", Auditor: "監査人",
	}
}
