package jsonrpc

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/usher-boot/usher"
)

// TLSOptions are [json_rpc]cafile, certfile, keyfile and insecure.
type TLSOptions struct {
	CAFile   string // empty: the system's authorities
	CertFile string // our own certificate, for conductors that want one
	KeyFile  string // its key; empty: in CertFile
	Insecure bool   // do not check the conductor's certificate
}

func (o *TLSOptions) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, usher.Errorf(usher.ErrInvalid, "[json_rpc]cafile: %v", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usher.Errorf(usher.ErrInvalid, "[json_rpc]cafile: no certificate in %s", o.CAFile)
		}
	}
	if o.CertFile != "" {
		keyFile := o.KeyFile
		if keyFile == "" {
			keyFile = o.CertFile
		}
		pair, err := tls.LoadX509KeyPair(o.CertFile, keyFile)
		if err != nil {
			return nil, usher.Errorf(usher.ErrInvalid, "[json_rpc]certfile and keyfile: %v", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
