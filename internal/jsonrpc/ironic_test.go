package jsonrpc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
	"github.com/usher-boot/usher/internal/testenv"
)

// odd are requests whose answers are compared with those of Ironic's server.
var odd = []string{
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":"x","method":"get_boot_config","params":{"node_id":"n","name":"f","context":{"request_id":null},"rpc.version":"9.9"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"node_id":"nothing","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"node_id":"locked","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"node_id":"raise NodeNotFound","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"node_id":"raise ServiceUnavailable","name":"f"}}`,
	`{"jsonrpc":"2.0","method":"get_boot_config","params":{"context":{},"node_id":"locked","name":"f"}}`,
	`{"jsonrpc":"2.0","id":null,"method":"get_boot_config","params":{"context":{},"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":0,"method":"get_boot_config","params":{"context":{},"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":false,"method":"get_boot_config","params":{"context":{},"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":{"a":[1,2]},"method":"get_boot_config","params":{"context":{},"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":{},"name":"f","name":"g","node_id":"n"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":5,"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":{"context":null,"node_id":"n","name":"f"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":["n","f"]}`,
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config","params":null}`,
	`{"jsonrpc":"2.0","id":1,"method":"unknown"}`,
	`{"jsonrpc":"2.0","method":"unknown"}`,
	`{"jsonrpc":"2.0","id":1,"method":"unknown","params":{"context":5}}`,
	`{"jsonrpc":"2.0","id":1,"method":"init_host","params":{"context":{}}}`,
	`{"jsonrpc":"2.0","id":1,"method":"target","params":{"context":{}}}`,
	`{"jsonrpc":"2.0","id":1,"method":""}`,
	`{"jsonrpc":"2.0","id":1,"method":null}`,
	`{"jsonrpc":"2.0","id":1,"method":0}`,
	`{"jsonrpc":"2.0","id":1}`,
	`{"jsonrpc":2.0,"id":1,"method":"get_boot_config"}`,
	`{"jsonrpc":"1.0","id":1,"method":"get_boot_config"}`,
	`{"id":1,"method":"get_boot_config"}`,
	`[{"jsonrpc":"2.0","id":1,"method":"get_boot_config"}]`,
	`[]`, `{}`, `null`, `5`, `"x"`, ``, ` `, `{`, `not json`, "\xff\xfe", "\xef\xbb\xbf{}",
	`{"jsonrpc":"2.0","id":1,"method":"get_boot_config"} trailing`,
}

// TestServerAnswersAsIronic puts the same requests to both servers.
func TestServerAnswersAsIronic(t *testing.T) {
	t.Parallel()
	ironic := "http://127.0.0.1:" + strconv.Itoa(ironicServer(t, ""))
	ours := httptest.NewServer(newServer())
	t.Cleanup(ours.Close)

	answer := func(base, method, path, contentType, body string) (a struct {
		Status int
		Type   string
		Body   any
	}) {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		a.Status, a.Body = res.StatusCode, string(raw)
		if len(raw) > 0 {
			a.Type = res.Header.Get("Content-Type")
			if err := json.Unmarshal(raw, &a.Body); err != nil {
				t.Errorf("%s: %v: %q", base, err, raw)
			}
		}
		return a
	}
	compare := func(method, path, contentType, body string) {
		t.Helper()
		want := answer(ironic, method, path, contentType, body)
		got := answer(ours.URL, method, path, contentType, body)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s %s %s (-ironic +usher):\n%s", method, path, contentType, body, diff)
		}
	}
	for _, body := range odd {
		compare("POST", "/", "application/json", body)
	}
	compare("POST", "/any/path?at=all", "text/plain", odd[0])
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		compare(method, "/", "application/json", "")
	}
}

// TestClientCallsIronic has Ironic's own server answer our client.
func TestClientCallsIronic(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"noauth", "http_basic"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			options, users := jsonrpc.ClientOptions{Port: 1, Timeout: longTimeout}, ""
			if auth == "http_basic" {
				options.Username, options.Password = "usher", "s3cret:ä"
				users = htpasswd(t, options.Username, options.Password)
			}
			host := fmt.Sprintf("127.0.0.1:%d", ironicServer(t, users))
			client := newClient(t, options)

			call := func(node string) (string, error) {
				var config string
				err := client.Call(usher.WithRequestID(t.Context(), "req-4cf30908-e331-4bd3-a9bd-b776878a814c"), host,
					"get_boot_config", map[string]any{"node_id": node, "name": "boot.ipxe"}, &config)
				return config, err
			}
			for node, want := range map[string]string{
				"n-1":     "#!ipxe\n# boot.ipxe <é漢> of n-1\n",
				"context": "req-4cf30908-e331-4bd3-a9bd-b776878a814c",
				"nothing": "",
			} {
				if got, err := call(node); got != want || err != nil {
					t.Errorf("%s: %q, %v, want %q", node, got, err, want)
				}
			}
			for class, kind := range kinds {
				want := usher.Errorf(kind, "a message for raise %s", class).WithClass(class)
				_, err := call("raise " + class)
				got, ok := errors.AsType[*usher.Error](err)
				if !ok || !errors.Is(got, kind) || *got != *want {
					t.Errorf("%s: %#v, want %#v", class, err, want)
				}
			}
			// Of the table only by its number.
			if _, err := call("raise AllocationNotFound"); !errors.Is(err, usher.ErrNotFound) {
				t.Errorf("AllocationNotFound: %v, want %v", err, usher.ErrNotFound)
			}
			for node, want := range map[string]jsonrpc.RemoteError{
				"crash":             {Code: 500, Message: "an internal matter"},
				"raise IPMIFailure": {Code: 500, Class: "IPMIFailure", Message: "a message for raise IPMIFailure"},
			} {
				want.Host, want.Method = host, "get_boot_config"
				_, err := call(node)
				if got, ok := errors.AsType[*jsonrpc.RemoteError](err); !ok || *got != want {
					t.Errorf("%s: %#v, want %#v", node, err, want)
				}
			}
			err := client.Call(t.Context(), host, "init_host", nil, nil)
			if got, ok := errors.AsType[*jsonrpc.RemoteError](err); !ok || got.Code != -32601 {
				t.Errorf("init_host: %v, want error -32601", err)
			}
			if auth == "noauth" {
				return
			}
			for _, o := range []jsonrpc.ClientOptions{{Username: "usher", Password: "wrong"}, {}} {
				o.Port, o.Timeout = 1, longTimeout
				err := newClient(t, o).Call(t.Context(), host, "get_boot_config", nil, nil)
				if !errors.Is(err, jsonrpc.ErrCredentials) || !errors.Is(err, usher.ErrUnavailable) {
					t.Errorf("with %q: %v, want %v", o.Username, err, jsonrpc.ErrCredentials)
				}
			}
		})
	}
}

// TestIronicCallsServer has Ironic's own client call our server.
func TestIronicCallsServer(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"noauth", "http_basic"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			var handler http.Handler = newServer()
			conf := "auth_strategy = noauth\n"
			if auth == "http_basic" {
				// Package auth has its own test of this; here it is Ironic's
				// client whose header must be understood.
				conf = "auth_strategy = http_basic\nauth_type = http_basic\nusername = usher\npassword = s3cret:x\n"
				handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if user, password, _ := r.BasicAuth(); user != "usher" || password != "s3cret:x" {
						jsonrpc.WriteHTTPError(w, http.StatusUnauthorized, "Incorrect username or password")
						return
					}
					newServer().ServeHTTP(w, r)
				})
			}
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			at, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}

			type call struct {
				Host   string            `json:"host"`
				Method string            `json:"method"`
				Params map[string]string `json:"params"`
				Cast   bool              `json:"cast"`
			}
			type outcome struct {
				Result  any    `json:"result"`
				Class   string `json:"class"`
				Code    int    `json:"code"`
				Message string `json:"message"`
			}
			var calls []call
			var want []outcome
			add := func(node string, o outcome) {
				calls = append(calls, call{at.Hostname(), "get_boot_config",
					map[string]string{"node_id": node, "name": "grub.cfg"}, false})
				want = append(want, o)
			}
			add("n-1", outcome{Result: "#!ipxe\n# grub.cfg <é漢> of n-1\n"})
			add("context", outcome{Result: "req-4cf30908-e331-4bd3-a9bd-b776878a814c"})
			add("nothing", outcome{})
			add("locked", outcome{Class: "NodeLocked", Code: 409, Message: "Node n is locked by host 192.0.2.1, " +
				"please retry after the current operation is completed."})
			codes := ironicCodes(t)
			for class := range kinds {
				add("raise "+class, outcome{Class: class, Code: codes[class], Message: "a message for raise " + class})
			}
			add("crash", outcome{Class: "IronicException", Code: 500, Message: "Unexpected error raised by RPC"})
			add("locked", outcome{})
			calls[len(calls)-1].Cast = true

			config := writeFile(t, "ironic.conf", "[DEFAULT]\n[json_rpc]\nport = "+at.Port()+"\n"+conf)
			in, err := json.Marshal(calls)
			if err != nil {
				t.Fatal(err)
			}
			var got []outcome
			runPython(t, in, &got, "testdata/ironic_client.py", config)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Ironic's client (-want +got):\n%s", diff)
			}
		})
	}
}

// ironicServer starts Ironic's server, with HTTP basic authentication where
// users names an htpasswd file, and returns its port.
func ironicServer(t *testing.T, users string) int {
	t.Helper()
	python := testenv.NeedProgram(t, "/usr/bin/python3")[0]
	conf := "[DEFAULT]\nauth_strategy = noauth\n[json_rpc]\nhost_ip = 127.0.0.1\nport = 0\n"
	if users != "" {
		conf += "auth_strategy = http_basic\nhttp_basic_auth_user_file = " + users + "\n"
	}
	cmd := exec.Command(python, "testdata/ironic_server.py", writeFile(t, "ironic.conf", conf))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only where it ended by itself
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ironic_server.py: %s", &stderr)
		}
	})
	var started struct{ Port int }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &started)
	}
	if err != nil {
		t.Fatalf("ironic_server.py said %q: %v", line, err)
	}
	return started.Port
}

func ironicCodes(t *testing.T) map[string]int {
	t.Helper()
	var codes map[string]int
	runPython(t, nil, &codes, "testdata/exceptions.py")
	return codes
}

// runPython runs a script and reads the JSON that it prints.
func runPython(t *testing.T, stdin []byte, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testenv.NeedProgram(t, "/usr/bin/python3")[0], args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, &stderr)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s said %q: %v", args[0], out, err)
	}
}

func htpasswd(t *testing.T, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "htpasswd", user+":"+string(hash)+"\n")
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// closedPort returns a loopback address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
