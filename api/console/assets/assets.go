// Package assets has what the console's pages load besides HTML: one style sheet, one script, one picture.
package assets

import "embed"

// Files are the assets by their names.
//
//go:embed *.css *.js *.svg
var Files embed.FS
