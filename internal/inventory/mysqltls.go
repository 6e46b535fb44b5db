package inventory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/usher-boot/usher/internal/openssl"
)

// mysqlSSL are PyMySQL's ssl_* options. As there, naming any of them turns TLS
// on; a server's certificate is checked when ssl_ca or ssl_capath is given or
// ssl_verify_cert asks for it, and then its name too unless ssl_check_hostname
// or ssl_verify_identity is false. Unlike there, "false" is false, and
// ssl_verify_cert does not make it forget ssl_ca.
type mysqlSSL struct {
	ca, capath, cert, key, cipher string

	on       bool // asked for without a file
	disabled bool
	verify   *bool // nil: where an authority is named
	name     bool  // check the server's name, too
}

// takeSSL removes the ssl_* options of a URL.
func takeSSL(loc *location) (s mysqlSSL, err error) {
	for key, to := range map[string]*string{"ssl_ca": &s.ca, "ssl_capath": &s.capath, "ssl_cert": &s.cert, "ssl_key": &s.key,
		"ssl_cipher": &s.cipher} {
		*to = loc.take(key)
	}
	var identity, hostname *bool
	for key, to := range map[string]**bool{"ssl_verify_cert": &s.verify, "ssl_verify_identity": &identity, "ssl_check_hostname": &hostname,
		"ssl": new(*bool)} {
		if *to, err = loc.takeBool(key); err != nil {
			return s, err
		}
		s.on = s.on || isTrue(*to)
	}
	s.name = !isFalse(identity) && !isFalse(hostname)
	disabled, err := loc.takeBool("ssl_disabled")
	s.disabled = isTrue(disabled)
	return s, err
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

// config is nil where there is to be no TLS. server is the name that the
// server's certificate must have.
func (s mysqlSSL) config(server string) (*tls.Config, error) {
	wanted := s.on || s.ca != "" || s.capath != "" || s.cert != "" || s.key != "" || s.cipher != ""
	if s.disabled || !wanted {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: server}
	var err error
	if cfg.RootCAs, err = s.authorities(); err != nil {
		return nil, err
	}
	if s.cert != "" || s.key != "" {
		key := s.key
		if key == "" {
			key = s.cert // one file may hold both
		}
		pair, err := tls.LoadX509KeyPair(s.cert, key)
		if err != nil {
			return nil, badURL("options ssl_cert and ssl_key: %v", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if s.cipher != "" {
		if cfg.CipherSuites, err = openssl.CipherSuites(s.cipher); err != nil {
			return nil, badURL("option ssl_cipher: %v", err)
		}
	}
	switch {
	case isFalse(s.verify), s.verify == nil && cfg.RootCAs == nil:
		cfg.InsecureSkipVerify = true
	case !s.name:
		checkChainOnly(cfg)
	}
	return cfg, nil
}

// authorities are those that may have signed the server's certificate; nil:
// the system's.
func (s mysqlSSL) authorities() (*x509.CertPool, error) {
	if s.ca == "" && s.capath == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if s.ca != "" {
		if err := addAuthorities(pool, s.ca); err != nil {
			return nil, badURL("option ssl_ca: %v", err)
		}
	}
	if s.capath != "" {
		if err := addFolder(pool, s.capath); err != nil {
			return nil, badURL("option ssl_capath: %v", err)
		}
	}
	return pool, nil
}

// hashedName is how OpenSSL looks for an authority in a folder: it reads no
// file of another name.
var hashedName = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

func addFolder(pool *x509.CertPool, folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, f := range files {
		if !hashedName.MatchString(f.Name()) {
			continue
		}
		found = true
		if err := addAuthorities(pool, filepath.Join(folder, f.Name())); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s holds no certificate by its hash; run 'openssl rehash' on it", folder)
	}
	return nil
}

func addAuthorities(pool *x509.CertPool, file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(pem) {
		return errors.New(file + " holds no certificate in PEM form")
	}
	return nil
}

// checkChainOnly verifies who signed the server's certificate but not the
// name in it, which crypto/tls has no switch for.
func checkChainOnly(cfg *tls.Config) {
	roots := cfg.RootCAs
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
}
