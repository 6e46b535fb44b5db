package openssl

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func TestCipherSuites(t *testing.T) {
	for _, c := range []struct {
		list string
		want int
	}{
		{"ECDHE-RSA-AES128-GCM-SHA256", 1},
		{"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", 2},
		{"ECDHE-RSA-AES128-GCM-SHA256, ECDHE-RSA-AES256-GCM-SHA384:", 2},
		{"TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256", 1},
	} {
		if got, err := CipherSuites(c.list); err != nil || len(got) != c.want {
			t.Errorf("%s: %v, %v, want %d", c.list, got, err, c.want)
		}
	}
	for list, want := range map[string]string{
		"":                                 "no cipher of TLS 1.2",
		"TLS_AES_128_GCM_SHA256":           "no cipher of TLS 1.2",
		"HIGH:!aNULL":                      `"HIGH"`,
		"ECDHE-RSA-AES128-GCM-SHA256:!MD5": `"!MD5"`,
		"AES128-SHA":                       "ECDHE-RSA-AES128-GCM-SHA256", // insecure
	} {
		if _, err := CipherSuites(list); !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", list, err, want)
		}
	}
}

// TestNamesAreOpenSSLs asks OpenSSL what it calls the ciphers.
func TestNamesAreOpenSSLs(t *testing.T) {
	testenv.NeedProgram(t, "openssl")
	out, err := exec.CommandContext(t.Context(), "openssl", "ciphers", "-stdname", "ALL:@SECLEVEL=0").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]string{} // IANA's name of OpenSSL's
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 2 {
			theirs[fields[2]] = fields[0]
		}
	}
	known := names()
	if len(known) < 8 {
		t.Errorf("only %v", known)
	}
	for name := range known {
		if iana := theirs[name]; openSSLName(iana) != name {
			t.Errorf("%s: OpenSSL says %q", name, iana)
		}
	}
	if !slices.Contains(sorted(known), "ECDHE-ECDSA-AES256-GCM-SHA384") {
		t.Error(sorted(known))
	}
}
