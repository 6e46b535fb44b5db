package redact

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"refused":                        "refused",
		`Get "http://images/k": refused`: `Get "http://images/k": refused`,
		`Get "http://me:pa%20ss@images:80/k?a=b@c": refused`:       `Get "http://me:***@images:80/k?a=b@c": refused`,
		"mysql+pymysql://u:p@ss@db and postgresql://x@y/z at a@b.": "mysql+pymysql://u:***@db and postgresql://x@y/z at a@b.",
		"://":                    "://",
		"http://[2001:db8::1]/k": "http://[2001:db8::1]/k",
		"https://s3/i?X-Amz-Signature=abc&X-Amz-Expires=60":              "https://s3/i?X-Amz-Signature=***&X-Amz-Expires=60",
		"https://s3/i?AWSAccessKeyId=AKIA&Signature=abc":                 "https://s3/i?AWSAccessKeyId=***&Signature=***",
		"https://blob/i?sv=1&sig=abc%3D&se=2":                            "https://blob/i?sv=1&sig=***&se=2",
		"https://swift/v1/i?temp_url_sig=abc&temp_url_expires=5":         "https://swift/v1/i?temp_url_sig=***&temp_url_expires=5",
		"https://h/i?X-Amz-Credential=a/b&X-Amz-Security-Token=c":        "https://h/i?X-Amz-Credential=***&X-Amz-Security-Token=***",
		"quiet ipa-api-password=b nofb":                                  "quiet ipa-api-password=*** nofb",
		`rootpwd=x rootpw="y z" coreos.inst.ignition_url=http://u:p@h/i`: `rootpwd=*** rootpw=*** coreos.inst.ignition_url=http://u:***@h/i`,
		`nofb sshkey="ssh-ed25519 AAAA op@host" console=ttyS0`:           `nofb sshkey="ssh-ed25519 AAAA op@host" console=ttyS0`,
		"BOOTIF=01-52-54-00-12-34-56 design=3 single=1":                  "BOOTIF=01-52-54-00-12-34-56 design=3 single=1",
		"password: sesame": "password: ***",
	} {
		if got := Text(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := With("http://u:p@h/?token=t", "******"); got != "http://u:******@h/?token=******" {
		t.Error(got)
	}
}

// FuzzText: never a panic, and what was hidden stays hidden.
func FuzzText(f *testing.F) {
	f.Add("http://u:sesame@h/?sig=sesame password=sesame")
	f.Add("://:@")
	f.Fuzz(func(t *testing.T, s string) {
		once := Text(s)
		if twice := Text(once); strings.Count(twice, "sesame") > strings.Count(once, "sesame") {
			t.Errorf("%q became %q", once, twice)
		}
	})
}
