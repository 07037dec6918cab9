package mqtt

import (
	"strings"
	"unicode/utf8"
)

const maxTopic = 1024 // bytes; MQTT allows 65,535

func plain(s string) bool {
	return s != "" && len(s) <= maxTopic && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

func validTopic(t string) bool { return plain(t) && !strings.ContainsAny(t, "+#") }

// validFilter follows MQTT 3.1.1, 4.7.1: a wildcard fills a whole level, '#' only the last.
func validFilter(f string) bool {
	if !plain(f) {
		return false
	}
	levels := strings.Split(f, "/")
	for i, l := range levels {
		if strings.ContainsAny(l, "+#") && l != "+" && (l != "#" || i != len(levels)-1) {
			return false
		}
	}
	return true
}

// match reports whether topic falls under filter. A wildcard in front does not match a topic of the
// broker's own ("$SYS/…").
func match(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, restF, moreF := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restT, moreT := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !moreF || !moreT {
			return moreF == moreT || (moreF && restF == "#")
		}
		filter, topic = restF, restT
	}
}
