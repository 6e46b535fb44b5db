package usher

import (
	"errors"
	"strings"
	"testing"
)

func TestParseMAC(t *testing.T) {
	want := MAC{0x52, 0x54, 0x00, 0xab, 0xcd, 0x0e}
	for _, s := range []string{
		"52:54:00:ab:cd:0e", "52:54:00:AB:CD:0E", "52-54-00-ab-cd-0e", "525400abcd0e", "525400ABCD0E",
		"5254.00ab.cd0e", "01-52-54-00-ab-cd-0e", "01:52:54:00:AB:CD:0E",
	} {
		got, err := ParseMAC(s)
		if err != nil || got != want {
			t.Errorf("ParseMAC(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "52", "52:54:00:ab:cd", "52:54:00:ab:cd:0e:0f", "52:54-00:ab:cd:0e", "52:54:00:ab:cd:0g",
		"5254:00ab:cd0e", "52.54.00.ab.cd.0e", "02-52-54-00-ab-cd-0e", "01-52:54:00:ab:cd:0e",
		" 52:54:00:ab:cd:0e", "52:54:00:ab:cd:0e\n", "0x5400abcd0e0", "５２:54:00:ab:cd:0e", "+2:54:00:ab:cd:0e",
		strings.Repeat("a", 1<<20),
	} {
		if got, err := ParseMAC(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("ParseMAC(%.40q) = %v, %v; want ErrInvalid", s, got, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("ParseMAC of %d bytes gives an error of %d", len(s), len(err.Error()))
		}
	}
}

func FuzzParseMAC(f *testing.F) {
	for _, s := range []string{"52:54:00:ab:cd:0e", "01-52-54-00-ab-cd-0e", "5254.00ab.cd0e", "525400abcd0e", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMAC(s)
		if err != nil {
			return
		}
		for _, spelt := range []string{m.String(), m.Hyphenated(), "01-" + m.Hyphenated()} {
			if again, err := ParseMAC(spelt); err != nil || again != m {
				t.Errorf("%q reads as %v, but %q as %v, %v", s, m, spelt, again, err)
			}
		}
	})
}

func TestRequestID(t *testing.T) {
	const given = "req-0123abcd-4567-89ab-cdef-0123456789ab"
	if got := RequestID(given); got != given {
		t.Errorf("RequestID(%q) = %q", given, got)
	}
	for _, bad := range []string{"", "req-", given + "0", "REQ" + given[3:], "req-<script>", given + "\n"} {
		got := RequestID(bad)
		if got == bad || !requestIDPattern.MatchString(got) {
			t.Errorf("RequestID(%q) = %q, want a new one", bad, got)
		}
	}
}
