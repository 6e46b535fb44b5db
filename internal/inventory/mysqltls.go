package inventory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
)

// mysqlTLS reads PyMySQL's ssl_* options. As there, naming any of them turns
// TLS on; a server's certificate is checked when ssl_ca is given or
// ssl_verify_cert asks for it, and then its name too unless
// ssl_check_hostname or ssl_verify_identity is false.
func mysqlTLS(loc *location) (*tls.Config, error) {
	ca, cert, key := loc.take("ssl_ca"), loc.take("ssl_cert"), loc.take("ssl_key")
	wanted := ca != "" || cert != "" || key != ""
	for _, k := range []string{"ssl", "ssl_verify_cert", "ssl_verify_identity", "ssl_check_hostname"} {
		on, err := boolOf(loc, k)
		if err != nil {
			return nil, err
		}
		wanted = wanted || on
	}
	disabled, err := loc.takeBool("ssl_disabled", false)
	if err != nil {
		return nil, err
	}
	loc.take("ssl")
	identity, err := loc.takeBool("ssl_verify_identity", true)
	if err != nil {
		return nil, err
	}
	hostname, err := loc.takeBool("ssl_check_hostname", true)
	if err != nil {
		return nil, err
	}
	verify, err := loc.takeBool("ssl_verify_cert", ca != "")
	if err != nil {
		return nil, err
	}
	if disabled || !wanted {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		if cfg.RootCAs, err = certPool(ca); err != nil {
			return nil, badURL("option ssl_ca: %v", err)
		}
	}
	if cert != "" || key != "" {
		if key == "" {
			key = cert // one file may hold both
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, badURL("options ssl_cert and ssl_key: %v", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if !verify {
		cfg.InsecureSkipVerify = true
	} else if !identity || !hostname {
		checkChainOnly(cfg)
	}
	return cfg, nil
}

// boolOf looks at an option without taking it.
func boolOf(loc *location, key string) (bool, error) {
	look := location{query: map[string][]string{key: loc.query[key]}}
	return look.takeBool(key, false)
}

func certPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(file + " holds no certificate in PEM form")
	}
	return pool, nil
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
