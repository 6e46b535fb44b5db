package inventory

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
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// authority makes certificates for tests, each with its key in one file.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) (a *authority, file string) {
	a = &authority{t: t, dir: dir}
	return a, a.issue(name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
}

// issue signs a certificate, the authority's own at first.
func (a *authority) issue(name string, template *x509.Certificate) (file string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	file = filepath.Join(a.dir, name+".pem")
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// TestMariaDBOverTLS connects to a server that asks its clients for
// certificates, by what a URL and an option file say.
func TestMariaDBOverTLS(t *testing.T) {
	dir, err := os.MkdirTemp("", "usher-tls-") // which the server's account may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca, caFile := newAuthority(t, dir, "ca")
	_, strangers := newAuthority(t, dir, "strangers")
	server := ca.issue("server", &x509.Certificate{DNSNames: []string{"db.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	client := ca.issue("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	hashed := filepath.Join(dir, "hashed")
	testenv.NeedProgram(t, "openssl")
	if err := os.Mkdir(hashed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(caFile, filepath.Join(hashed, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "openssl", "rehash", hashed).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	s := testenv.NewMariaDBWith(t, "--ssl-ca="+caFile, "--ssl-cert="+server, "--ssl-key="+server)
	name := s.Database(t)
	openStore(t, s.URL(name))
	s.Admin(t, "", "CREATE USER certified@'%' IDENTIFIED BY 'pw' REQUIRE X509", "GRANT SELECT ON "+name+".* TO certified@'%'")
	url := "mysql+pymysql://certified:pw@127.0.0.1:" + s.Port + "/" + name
	const pair = "&ssl_cert={client}&ssl_key={client}"
	for _, c := range []struct {
		query, file string
		want        string // in the error; empty: it connects
	}{
		{query: "", want: "Access denied"},
		{query: "ssl_ca={ca}", want: "Access denied"},
		{query: "ssl_ca={ca}" + pair},
		{query: "ssl_capath={hashed}" + pair},
		{query: "ssl_ca={strangers}" + pair, want: "unknown authority"},
		{query: "ssl_verify_cert=true" + pair, want: "unknown authority"},
		{query: "ssl_verify_cert=true&ssl_ca={ca}" + pair},
		{query: "ssl_cert={client}"}, // nobody asked to check the server
		{query: "ssl_ca={ca}&ssl_cipher=ECDHE-ECDSA-AES128-GCM-SHA256" + pair},
		{file: "[client]\nssl-ca={ca}\nssl-cert={client}\nssl-key={client}\n"},
		{file: "[client]\nssl-ca={strangers}\nssl-cert={client}\nssl-key={client}\n", want: "unknown authority"},
		{file: "[client]\nssl-ca={strangers}\nssl-cert={client}\nssl-key={client}\n", query: "ssl_ca={ca}"},
		{file: "[client]\nssl-ca={ca}\nssl-cert={client}\nsocket=" + filepath.Join(s.Dir, "socket") + "\n", query: "host=db.example"},
		{file: "[client]\nssl-ca={ca}\nssl-cert={client}\nsocket=" + filepath.Join(s.Dir, "socket") + "\n", query: "host=other.example", want: "not other.example"},
		{file: "[client]\nssl-ca={ca}\nssl-cert={client}\nsocket=" + filepath.Join(s.Dir, "socket") + "\n", query: "host=other.example&ssl_check_hostname=false"},
	} {
		names := strings.NewReplacer("{ca}", caFile, "{strangers}", strangers, "{client}", client, "{hashed}", hashed)
		full := url + "?" + names.Replace(c.query)
		if c.file != "" {
			_, file := optionFileURL(t, url, names.Replace(c.file))
			full += "&read_default_file=" + file
		}
		r, err := OpenReader(t.Context(), Options{URL: full})
		if err == nil {
			r.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%s: %v, want %q", c.query, c.file, err, c.want)
		}
	}
}
