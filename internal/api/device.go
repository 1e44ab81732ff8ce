package api

import (
	"regexp"
	"strings"
)

// systems and programs that send files, by the marks they leave in User-Agent.
// The order matters: programs name those that they are built on as well.
var (
	systems = []struct{ mark, name string }{
		{"OpenHarmony", "HarmonyOS"}, {"HarmonyOS", "HarmonyOS"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
	programs = []struct {
		mark *regexp.Regexp
		name string
	}{
		{regexp.MustCompile(`MicroMessenger/([0-9]+)`), "WeChat"}, {regexp.MustCompile(`DingTalk/([0-9]+)`), "DingTalk"}, {regexp.MustCompile(`Edg(?:A|iOS)?/([0-9]+)`), "Edge"}, {regexp.MustCompile(`OPR/([0-9]+)`), "Opera"},
		{regexp.MustCompile(`Firefox/([0-9]+)`), "Firefox"}, {regexp.MustCompile(`(?:Headless)?Chrome/([0-9]+)`), "Chrome"}, {regexp.MustCompile(`Version/([0-9]+)[^ ]* (?:Mobile/[^ ]+ )?Safari`), "Safari"},
	}
	firstWord = regexp.MustCompile(`^[A-Za-z0-9._-]{1,30}(/[A-Za-z0-9._-]{1,20})?`)
)

// deviceOf says in few words from what a request came: "Chrome 126, Android".
// What is not known is named by its first word, so that a program that sends
// files is told from a person's browser. The header is the client's own claim.
func deviceOf(userAgent string) string {
	var parts []string
	for _, p := range programs {
		if m := p.mark.FindStringSubmatch(userAgent); m != nil {
			parts = append(parts, p.name+" "+m[1])
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(userAgent, s.mark) {
			parts = append(parts, s.name)
			break
		}
	}
	if len(parts) == 0 {
		return firstWord.FindString(userAgent)
	}
	return strings.Join(parts, ", ")
}
