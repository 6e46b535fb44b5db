package jsonrpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// longTimeout is for calls that must not end by it, however busy the machine.
const longTimeout = time.Minute

func newClient(t *testing.T, o jsonrpc.ClientOptions) *jsonrpc.Client {
	t.Helper()
	c, err := jsonrpc.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts a server and returns it as a conductors.hostname.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// Every way in which a conductor can fail to answer is an outage, never a
// "not found", and says whether the conductor may have acted.
func TestCallFailures(t *testing.T) {
	t.Parallel()
	fixed := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tc := range []struct {
		name    string
		host    string
		reached bool
		cause   error // nil: any
		words   string
	}{
		{"refused", closedPort(t), false, syscall.ECONNREFUSED, "connection refused"},
		{"no such host name", "no such host", false, nil, `"no such host": neither an address nor a host name`},
		{"hung", serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it told of the caller's end
			<-r.Context().Done()
		}), true, context.DeadlineExceeded, "deadline exceeded"},
		{"closed without an answer", serve(t, func(w http.ResponseWriter, r *http.Request) {
			panic(http.ErrAbortHandler)
		}), true, io.EOF, "EOF"},
		{"reset", serve(t, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}), true, syscall.ECONNRESET, "connection reset"},
		{"not found, by somebody else", serve(t, http.NotFound), true, nil, "HTTP status 404 Not Found where JSON-RPC has 200"},
		{"redirect", serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusTemporaryRedirect)
		}), true, nil, "HTTP status 307"},
		{"unauthorized", serve(t, fixed(401, "")), true, jsonrpc.ErrCredentials, "[json_rpc]username"},
		{"not JSON", serve(t, fixed(200, "<html>")), true, nil, "not JSON-RPC"},
		{"half an answer", serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","result":"half a `)
		}), true, io.ErrUnexpectedEOF, "read answer"},
		{"another's answer", serve(t, fixed(200, `{"jsonrpc":"2.0","id":"req-other","result":"x"}`)), true, nil, "req-other"},
		{"no id", serve(t, fixed(200, `{"jsonrpc":"2.0","id":null,"result":"x"}`)), true, nil, "not for req-"},
		{"neither result nor error", serve(t, fixed(200, `{"jsonrpc":"2.0","id":"`+requestID+`"}`)), true, nil, "neither"},
		{"result of another type", serve(t, fixed(200, `{"jsonrpc":"2.0","id":"`+requestID+`","result":5}`)), true, nil, "cannot unmarshal"},
		{"too large", serve(t, fixed(200, strings.Repeat(" ", 5000))), true, nil, "larger than 4096 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			timeout := longTimeout
			if tc.cause == context.DeadlineExceeded {
				timeout = 200 * time.Millisecond
			}
			c := newClient(t, jsonrpc.ClientOptions{Port: 1, MaxAnswer: 4096, Timeout: timeout})
			var result string
			err := c.Call(usher.WithRequestID(t.Context(), requestID), tc.host, "get_boot_config", nil, &result)
			e, ok := errors.AsType[*jsonrpc.CallError](err)
			if !ok || !errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound) {
				t.Fatalf("%v, want a CallError", err)
			}
			if e.Reached != tc.reached || e.Host != tc.host {
				t.Errorf("Reached %t, Host %s: %v", e.Reached, e.Host, err)
			}
			if tc.cause != nil && !errors.Is(err, tc.cause) {
				t.Errorf("%v, want %v in its chain", err, tc.cause)
			}
			if want := strings.Replace(tc.words, "not for req-", "not for "+requestID, 1); !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q in it", err, want)
			}
		})
	}
}

const requestID = "req-4cf30908-e331-4bd3-a9bd-b776878a814c"

// A canceled caller is told apart from a slow conductor.
func TestCallCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	err := newClient(t, jsonrpc.ClientOptions{Port: 1, Timeout: longTimeout}).Call(ctx, host, "m", nil, nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	remotes := map[string]bool{}
	ours := newServer()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		remotes[r.RemoteAddr] = true
		mu.Unlock()
		ours.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, jsonrpc.ClientOptions{Port: 1, Timeout: longTimeout})
	call := func() {
		t.Helper()
		if err := c.Call(t.Context(), s.Listener.Addr().String(), "get_boot_config",
			map[string]any{"node_id": "n", "name": "f"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		call()
	}
	// net/http does not use a connection again whose writer got no processor
	// for 50 ms, which a busy machine does now and then.
	if len(remotes) > 5 {
		t.Errorf("20 calls by %d connections, want 1 or a few", len(remotes))
	}
	// A conductor that closes its idle connections costs no failed call.
	for range 20 {
		s.CloseClientConnections()
		call()
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(certificate)
	s := httptest.NewUnstartedServer(newServer())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	certFile, keyFile := writeFile(t, "cert.pem", string(certificate)), writeFile(t, "key.pem", string(key))
	both := writeFile(t, "both.pem", string(certificate)+string(key))

	for _, tc := range []struct {
		name string
		tls  *jsonrpc.TLSOptions
		want string // in the error
	}{
		{"both ways", &jsonrpc.TLSOptions{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}, ""},
		{"key in the certificate's file", &jsonrpc.TLSOptions{CAFile: certFile, CertFile: both}, ""},
		{"insecure", &jsonrpc.TLSOptions{Insecure: true, CertFile: both}, ""},
		{"unknown authority", &jsonrpc.TLSOptions{CertFile: both}, "x509: "},
		{"no client certificate", &jsonrpc.TLSOptions{CAFile: certFile}, "certificate required"},
		{"plain", nil, "HTTP status 400"},
	} {
		c := newClient(t, jsonrpc.ClientOptions{Port: 1, TLS: tc.tls, Timeout: longTimeout})
		var got string
		err := c.Call(t.Context(), host, "get_boot_config", map[string]any{"node_id": "n", "name": "f"}, &got)
		if tc.want == "" && (err != nil || got == "") {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q in it", tc.name, err, tc.want)
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	garbage := writeFile(t, "garbage.pem", "garbage")
	for want, o := range map[string]jsonrpc.ClientOptions{
		"[json_rpc]port = 0":                    {},
		"[json_rpc]cafile: open":                {Port: 1, TLS: &jsonrpc.TLSOptions{CAFile: "/nonexistent/ca"}},
		"[json_rpc]cafile: no certificate in":   {Port: 1, TLS: &jsonrpc.TLSOptions{CAFile: garbage}},
		"[json_rpc]certfile and keyfile: tls: ": {Port: 1, TLS: &jsonrpc.TLSOptions{CertFile: garbage}},
	} {
		_, err := jsonrpc.NewClient(o)
		if !errors.Is(err, usher.ErrInvalid) || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// selfSigned makes a certificate for the loopback address, for either end.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conductor"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}
