package ironic

import (
	"path/filepath"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// certificate is one for all hosts, which is its own authority. It lies in the
// site's folder, which other releases see in their roots.
func (s *site) certificate() (certFile, keyFile string) {
	s.tb.Helper()
	if s.cert == "" {
		s.cert = filepath.Join(s.dir, "tls.pem")
		testenv.WriteCertificate(s.tb, s.cert, time.Now().Add(24*time.Hour), s.hosts[:]...)
	}
	return s.cert, s.cert
}
