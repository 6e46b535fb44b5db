package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/openssl"
)

// certificate is a server's certificate on disk, read again when its file has
// changed, so that renewing one needs no restart.
type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	modTime time.Time
	loaded  *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.certFile)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.modTime) {
		return c.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err != nil {
		if c.loaded != nil { // being replaced right now, or broken: the old one still serves
			return c.loaded, nil
		}
		return nil, err
	}
	c.loaded, c.modTime = &pair, info.ModTime()
	return c.loaded, nil
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
func (t serverTLS) config(listener string) (*tls.Config, error) {
	c := t.certificate
	if c.certFile == "" || c.keyFile == "" {
		return nil, usher.Errorf(usher.ErrInvalid, "%scert_file and %[1]skey_file are needed for TLS on the %s door", c.group, listener)
	}
	cert := &certificate{certFile: c.certFile, keyFile: c.keyFile}
	if _, err := cert.get(nil); err != nil {
		return nil, named(c.group+"cert_file", err)
	}
	cfg := &tls.Config{GetCertificate: cert.get, MinVersion: tls.VersionTLS12}
	var err error
	switch {
	case t.minimum == "1.3":
		cfg.MinVersion = tls.VersionTLS13 // whose ciphers nobody chooses, in OpenSSL's list neither
	case t.ciphers != "":
		if cfg.CipherSuites, err = openssl.CipherSuites(t.ciphers); err != nil {
			return nil, named(t.group+"server_tls_ciphers", fmt.Errorf("%w; or set %sserver_tls_minimum_version = 1.3, with which it has no effect",
				err, t.group))
		}
	}
	if t.clients != "" {
		if cfg.ClientCAs, err = certPool(t.clients); err != nil {
			return nil, named("[ssl]ca_file", err)
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
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
