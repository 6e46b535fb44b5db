package journal

import "testing"

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"refused":                        "refused",
		`Get "http://images/k": refused`: `Get "http://images/k": refused`,
		`Get "http://me:pa%20ss@images:80/k?a=b@c": refused`:       `Get "http://***@images:80/k?a=b@c": refused`,
		"mysql+pymysql://u:p@ss@db and postgresql://x@y/z at a@b.": "mysql+pymysql://***@db and postgresql://***@y/z at a@b.",
		"://": "://",
	} {
		if got := redact(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
