package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/doctor"
	"github.com/usher-boot/usher/internal/openssl"
)

// certificate is a server's certificate on disk, read again when its file has
// changed, so that renewing one needs no restart.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	modTime time.Time
	loaded  *tls.Certificate
	broken  error // of the file on disk; the one before still serves
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.certFile)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.modTime) {
		c.settle(nil)
		return c.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err != nil {
		if c.loaded != nil { // being replaced right now, or broken: the old one still serves
			c.settle(err)
			return c.loaded, nil
		}
		return nil, err
	}
	c.loaded, c.modTime = &pair, info.ModTime()
	warnExpiry(c.logger, c.certFile, pair.Leaf.NotAfter)
	c.settle(nil)
	return c.loaded, nil
}

// settle notes how the file on disk is, and says so once.
func (c *certificate) settle(broken error) {
	if broken != nil && (c.broken == nil || c.broken.Error() != broken.Error()) {
		c.logger.Error("the TLS certificate on disk cannot be used; the one before still serves", "file", c.certFile, "error", broken)
	}
	c.broken = broken
}

// state is when the certificate that is served expires, and what is wrong with
// the file on disk.
func (c *certificate) state() (expires time.Time, broken error) {
	served, err := c.get(nil)
	if err != nil {
		return time.Time{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return served.Leaf.NotAfter, c.broken
}

// expirySoon is how long before its end a certificate is warned about.
const expirySoon = 14 * 24 * time.Hour

func warnExpiry(logger *slog.Logger, file string, expires time.Time) {
	switch left := time.Until(expires); {
	case left <= 0:
		logger.Error("the TLS certificate has expired: clients refuse it", "file", file, "expired", expires)
	case left < expirySoon:
		logger.Warn("the TLS certificate expires soon", "file", file, "expires", expires)
	}
}

// doctorCertificates checks the certificates of the listeners that have TLS.
func doctorCertificates(cfg *config.Config) []doctor.Check {
	var checks []doctor.Check
	seen := map[string]bool{}
	for _, c := range []struct {
		wanted bool
		groupCertificate
	}{
		{cfg.Usher.BootTLSListen != "", certificateOf(cfg, "[ssl]", "", "")},
		{cfg.API.EnableSSLAPI, certificateOf(cfg, "[api]", cfg.API.CertFile, cfg.API.KeyFile)},
		{cfg.JSONRPC.UseSSL, certificateOf(cfg, "[json_rpc]", cfg.JSONRPC.CertFile, cfg.JSONRPC.KeyFile)},
	} {
		if !c.wanted || seen[c.certFile] {
			continue
		}
		seen[c.certFile] = true
		checks = append(checks, doctorCertificate(c.group, c.certFile, c.keyFile))
	}
	return checks
}

func doctorCertificate(group, certFile, keyFile string) doctor.Check {
	check := doctor.Check{Name: "certificate " + certFile, State: doctor.Failed,
		Fix: "renew it: processes read the file again by themselves"}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		check.Detail, check.Fix = err.Error(), "correct "+group+"cert_file and "+group+"key_file"
		return check
	}
	expires := pair.Leaf.NotAfter
	check.Detail = "valid until " + expires.UTC().Format(time.RFC3339)
	switch left := time.Until(expires); {
	case left <= 0:
		check.Detail = "expired at " + expires.UTC().Format(time.RFC3339) + ": clients refuse it"
	case left < expirySoon:
		check.State = doctor.Warning
	default:
		check.State, check.Fix = doctor.OK, ""
	}
	return check
}

// certificateOf is the certificate of a listener: its group's, as newer releases
// of Ironic have it, or that of [ssl].
func certificateOf(cfg *config.Config, group, certFile, keyFile string) groupCertificate {
	if certFile != "" {
		return groupCertificate{group, certFile, keyFile}
	}
	return groupCertificate{"[ssl]", cfg.SSL.CertFile, cfg.SSL.KeyFile}
}

// groupCertificate names the files of a certificate, and the group of the
// configuration that does.
type groupCertificate struct{ group, certFile, keyFile string }

// serverTLS is how a listener speaks TLS.
type serverTLS struct {
	certificate groupCertificate
	clients     string // file of the authorities of clients' certificates ([ssl]ca_file); empty: clients need none
	// group has the next two, which are empty for what is least and for Go's
	// choice.
	group, minimum, ciphers string
}

// config reads the certificate again for a new connection once its file has
// changed.
func (t serverTLS) config(listener string, logger *slog.Logger) (*tls.Config, *certificate, error) {
	c := t.certificate
	if c.certFile == "" || c.keyFile == "" {
		return nil, nil, usher.Errorf(usher.ErrInvalid, "%scert_file and %[1]skey_file are needed for TLS on the %s door", c.group, listener)
	}
	cert := &certificate{certFile: c.certFile, keyFile: c.keyFile, logger: logger}
	if _, err := cert.get(nil); err != nil {
		return nil, nil, named(c.group+"cert_file", err)
	}
	cfg := &tls.Config{GetCertificate: cert.get, MinVersion: tls.VersionTLS12}
	var err error
	switch {
	case t.minimum == "1.3":
		cfg.MinVersion = tls.VersionTLS13 // whose ciphers nobody chooses, in OpenSSL's list neither
	case t.ciphers != "":
		if cfg.CipherSuites, err = openssl.CipherSuites(t.ciphers); err != nil {
			return nil, nil, named(t.group+"server_tls_ciphers", fmt.Errorf("%w; or set %sserver_tls_minimum_version = 1.3, with which it has no effect",
				err, t.group))
		}
	}
	if t.clients != "" {
		if cfg.ClientCAs, err = certPool(t.clients); err != nil {
			return nil, nil, named("[ssl]ca_file", err)
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, cert, nil
}

// certPool reads a file of CA certificates.
func certPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return pool, nil
}
