package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate writes a TLS certificate with its key into one file and returns
// its path. It is its own authority, holds for the addresses, 127.0.0.1 unless
// some are named, and expires in 90 days.
func Certificate(tb testing.TB, addresses ...string) (file string) {
	tb.Helper()
	file = filepath.Join(tb.TempDir(), "tls.pem")
	WriteCertificate(tb, file, time.Now().Add(90*24*time.Hour), addresses...)
	return file
}

// WriteCertificate is Certificate for a file and an end. It names a beginning:
// Ironic 39 refuses a certificate that has none.
func WriteCertificate(tb testing.TB, file string, expires time.Time, addresses ...string) {
	tb.Helper()
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(expires.Unix()), NotBefore: expires.Add(-100 * 24 * time.Hour), NotAfter: expires,
		Subject: pkix.Name{CommonName: "usher's tests"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}
