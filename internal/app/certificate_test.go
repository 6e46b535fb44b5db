package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/doctor"
	"github.com/usher-boot/usher/internal/testenv"
)

// TestCertificateOnDisk: a certificate that expires soon or cannot be used is
// told, and the one before it is served on.
func TestCertificateOnDisk(t *testing.T) {
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "tls.pem")
	cfg := &config.Config{}
	cfg.API.EnableSSLAPI, cfg.SSL.CertFile, cfg.SSL.KeyFile = true, file, file
	c := &certificate{certFile: file, keyFile: file, logger: slog.New(slog.NewTextHandler(&log, nil))}
	now := time.Now().Truncate(time.Second)
	at := now
	for _, step := range []struct {
		name    string
		change  func()
		expires time.Time // of the certificate that is served
		usable  bool
		says    string
		doctor  doctor.State
	}{
		{"good", func() { testenv.WriteCertificate(t, file, now.Add(60*24*time.Hour)) }, now.Add(60 * 24 * time.Hour), true, "", doctor.OK},
		{"soon", func() { testenv.WriteCertificate(t, file, now.Add(13*24*time.Hour)) }, now.Add(13 * 24 * time.Hour), true, "expires soon", doctor.Warning},
		{"expired", func() { testenv.WriteCertificate(t, file, now.Add(-time.Hour)) }, now.Add(-time.Hour), true, "has expired", doctor.Failed},
		{"renewed", func() { testenv.WriteCertificate(t, file, now.Add(80*24*time.Hour)) }, now.Add(80 * 24 * time.Hour), true, "", doctor.OK},
		{"broken", func() { os.WriteFile(file, []byte("no certificate"), 0o600) }, now.Add(80 * 24 * time.Hour), false, "cannot be used", doctor.Failed},
		{"still broken", func() {}, now.Add(80 * 24 * time.Hour), false, "", doctor.Failed},
		{"gone", func() { os.Remove(file) }, now.Add(80 * 24 * time.Hour), false, "cannot be used", doctor.Failed},
	} {
		step.change()
		at = at.Add(time.Second) // file systems keep time in steps
		os.Chtimes(file, at, at)
		log.Reset()
		expires, broken := c.state()
		if !expires.Equal(step.expires) || (broken == nil) != step.usable {
			t.Errorf("%s: served until %v, %v on disk; want %v, usable %v", step.name, expires, broken, step.expires, step.usable)
		}
		if (log.Len() > 0) != (step.says != "") || !strings.Contains(log.String(), step.says) {
			t.Errorf("%s: logged %q, want a word on %q", step.name, log.String(), step.says)
		}
		if checks := doctorCertificates(cfg); len(checks) != 1 || checks[0].State != step.doctor {
			t.Errorf("%s: doctor says %+v, want %s", step.name, checks, step.doctor)
		}
	}
}
