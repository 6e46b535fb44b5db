package cluster

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

	"golang.org/x/crypto/bcrypt"

	"github.com/usher-boot/usher/internal/testenv"
)

// mutualTLS gives the options by which processes at n addresses from offset on
// call each other with certificates both ways and with a password.
func mutualTLS(tb testing.TB, n, offset int) map[string]string {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			tb.Fatal(err)
		}
		return path
	}
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the site's authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	must(err)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "usher"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for i := range n {
		leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(testenv.Loopback(offset+1+i)))
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), key)
	must(err)
	keyDER, err := x509.MarshalECPrivateKey(leafKey)
	must(err)
	hash, err := bcrypt.GenerateFromPassword([]byte("between us"), bcrypt.MinCost)
	must(err)
	users := filepath.Join(dir, "htpasswd")
	must(os.WriteFile(users, []byte("usher:"+string(hash)+"\n"), 0o600))

	authority := write("ca.pem", "CERTIFICATE", caDER)
	cert, private := write("cert.pem", "CERTIFICATE", leafDER), write("key.pem", "EC PRIVATE KEY", keyDER)
	return map[string]string{
		"[json_rpc]auth_strategy": "http_basic", "[json_rpc]http_basic_auth_user_file": users,
		"[json_rpc]username": "usher", "[json_rpc]password": "between us",
		"[json_rpc]use_ssl": "true", "[json_rpc]cafile": authority, "[json_rpc]certfile": cert, "[json_rpc]keyfile": private,
		"[ssl]cert_file": cert, "[ssl]key_file": private, "[ssl]ca_file": authority,
	}
}
