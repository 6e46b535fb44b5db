package management_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/management"
	"github.com/usher-boot/usher/internal/testenv"
)

// openstack is Debian's `openstack baremetal`, as a person types it. One
// process runs all commands, since its start takes more than a second.
type openstack struct {
	auth    []string
	stdin   io.Writer
	answers *json.Decoder
}

func newOpenstack(t *testing.T, auth ...string) *openstack {
	t.Helper()
	program := testenv.NeedProgram(t, "openstack")[0]
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	// The program's first line names the Python that has the client.
	first, _, _ := strings.Cut(string(text), "\n")
	python := strings.Fields(strings.TrimPrefix(first, "#!"))
	cmd := exec.CommandContext(t.Context(), python[0], append(python[1:], "testdata/openstack_loop.py")...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // ended by the context or by the end of its input
	})
	return &openstack{auth: auth, stdin: stdin, answers: json.NewDecoder(stdout)}
}

func (o *openstack) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	line, err := json.Marshal(slices.Concat(o.auth, args))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.stdin.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	var a struct {
		Code     int
		Out, Err string
	}
	if err := o.answers.Decode(&a); err != nil {
		t.Fatal(err)
	}
	if a.Code != 0 {
		return a.Err, fmt.Errorf("exit code %d", a.Code)
	}
	return a.Out, nil
}

// ok runs a command that must succeed.
func (o *openstack) ok(t *testing.T, words string, more ...string) string {
	t.Helper()
	out, err := o.run(t, append(strings.Fields("baremetal "+words), more...)...)
	if err != nil {
		t.Fatalf("openstack baremetal %s %q: %v\n%s", words, more, err, out)
	}
	return out
}

// show runs a command that prints one object.
func (o *openstack) show(t *testing.T, words string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(o.ok(t, words+" -f json")), &v); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return v
}

// list runs a command that prints a table.
func (o *openstack) list(t *testing.T, words string) []map[string]any {
	t.Helper()
	var v []map[string]any
	if err := json.Unmarshal([]byte(o.ok(t, words+" -f json")), &v); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return v
}

// refused runs a command that must fail with certain words.
func (o *openstack) refused(t *testing.T, words, want string) {
	t.Helper()
	out, err := o.run(t, strings.Fields("baremetal "+words)...)
	if err == nil || !strings.Contains(out, want) {
		t.Errorf("openstack baremetal %s: %v, want %q in\n%s", words, err, want, out)
	}
}

func (o *openstack) state(t *testing.T, want string) {
	t.Helper()
	if got := o.show(t, "node show alpha --fields provision_state")["provision_state"]; got != want {
		t.Fatalf("alpha is %q, want %q", got, want)
	}
}

// TestOpenstackClient walks a node through its life with the client that
// operators have.
func TestOpenstackClient(t *testing.T) {
	w := newWorkshop(t)
	o := newOpenstack(t, "--os-auth-type", "none", "--os-endpoint", w.url)

	o.ok(t, "node create --driver manual-management --name alpha --boot-interface ipxe --deploy-interface direct "+
		"--driver-info deploy_kernel=file:///k --driver-info ipmi_password=sesame --property cpu_arch=x86_64 "+
		"--extra rack=7 --resource-class baremetal")
	if got := o.show(t, "node show alpha")["driver_info"].(map[string]any)["ipmi_password"]; got != "******" {
		t.Errorf("the password shows as %q", got)
	}
	uuid := o.show(t, "node show alpha --fields uuid")["uuid"].(string)
	if got := o.list(t, "node list"); len(got) != 1 || got[0]["Name"] != "alpha" || got[0]["Provisioning State"] != "enroll" {
		t.Errorf("node list: %v", got)
	}
	if got := o.list(t, "node list --long"); len(got) != 1 || got[0]["Driver"] != "manual-management" {
		t.Errorf("node list --long: %v", got)
	}
	o.ok(t, "node set alpha --property memory_mb=4096 --instance-info image_source=http://images/i --owner me --description", "two words")
	o.ok(t, "node unset alpha --extra rack --property cpu_arch")
	n := o.show(t, "node show alpha")
	if n["description"] != "two words" || len(n["extra"].(map[string]any)) != 0 {
		t.Errorf("node show: %v", n)
	}

	o.ok(t, "port create 52:54:00:AA:00:01 --node "+uuid)
	o.refused(t, "port create 52:54:00:aa:00:01 --node "+uuid, "A port with MAC address 52:54:00:aa:00:01 already exists.")
	ports := o.list(t, "port list --node alpha")
	if len(ports) != 1 || ports[0]["Address"] != "52:54:00:aa:00:01" {
		t.Fatalf("port list: %v", ports)
	}
	port := ports[0]["UUID"].(string)
	o.ok(t, "port set "+port+" --extra client=ff --pxe-disabled")
	o.ok(t, "port unset "+port+" --extra client")
	if got := o.show(t, "port show "+port)["pxe_enabled"]; got != false {
		t.Errorf("pxe_enabled is %v", got)
	}
	if got := o.show(t, "port show --address 52:54:00:aa:00:01")["uuid"]; got != port {
		t.Errorf("port show --address: %v", got)
	}

	o.refused(t, "node deploy alpha", "can not be performed on node")
	o.ok(t, "node manage alpha --wait 10")
	o.ok(t, "node inspect alpha")
	o.ok(t, "node clean alpha --clean-steps", `[{"interface": "deploy", "step": "erase_devices_metadata"}]`)
	o.state(t, "available") // the fake conductor is done at once
	o.ok(t, "node manage alpha")
	o.ok(t, "node provide alpha")
	o.state(t, "available")
	o.ok(t, "node deploy alpha --config-drive", `{"meta_data": {"a": "b"}}`)
	o.state(t, "active")
	o.ok(t, "node rescue alpha --rescue-password sesame")
	o.state(t, "rescue")
	o.ok(t, "node unrescue alpha")
	o.ok(t, "node rebuild alpha")
	o.ok(t, "node undeploy alpha")
	o.state(t, "available")
	w.set(t, uuid, func(n *usher.Node) { n.ProvisionState = usher.InspectWait })
	o.ok(t, "node abort alpha")
	o.state(t, "inspect failed")
	o.ok(t, "node manage alpha")
	o.ok(t, "node adopt alpha")
	o.state(t, "active")
	o.refused(t, "node power on alpha", "Usher drives no BMC")

	o.ok(t, "node maintenance set alpha --reason", "a broken fan")
	if got := o.show(t, "node show alpha --fields maintenance maintenance_reason"); got["maintenance_reason"] != "a broken fan" {
		t.Errorf("maintenance: %v", got)
	}
	o.ok(t, "node maintenance unset alpha")
	if got := o.list(t, "node validate alpha"); len(got) == 0 || got[0]["Interface"] != "boot" || got[0]["Result"] != true {
		t.Errorf("node validate: %v", got)
	}
	if got := o.list(t, "conductor list"); len(got) != 1 || got[0]["Hostname"] != host {
		t.Errorf("conductor list: %v", got)
	}
	if got := o.show(t, "conductor show "+host)["alive"]; got != true {
		t.Errorf("conductor show: %v", got)
	}
	if got := o.list(t, "driver list --long"); len(got) != 1 || got[0]["Supported driver(s)"] != "manual-management" {
		t.Errorf("driver list: %v", got)
	}
	if got := o.show(t, "driver show manual-management")["default_boot_interface"]; got != "ipxe" {
		t.Errorf("driver show: %v", got)
	}

	o.ok(t, "port delete "+port)
	o.refused(t, "node delete alpha", "Can not delete node")
	o.ok(t, "node undeploy alpha")
	o.ok(t, "node delete alpha")
	o.refused(t, "node show alpha", "Node alpha could not be found.")
}

// TestOpenstackClientWithPassword does a little of it through http_basic.
func TestOpenstackClientWithPassword(t *testing.T) {
	w := newWorkshop(t)
	server := httptest.NewServer(protect(w.API))
	defer server.Close()
	o := newOpenstack(t, "--os-auth-type", "http_basic", "--os-username", "olga",
		"--os-password", "sesame", "--os-endpoint", server.URL)
	o.ok(t, "node create --driver manual-management --name alpha")
	if got := o.list(t, "node list"); len(got) != 1 {
		t.Errorf("node list: %v", got)
	}
	o = newOpenstack(t, "--os-auth-type", "http_basic", "--os-username", "olga",
		"--os-password", "wrong", "--os-endpoint", server.URL)
	o.refused(t, "node list", "401")
}

// protect asks for a password wherever the API is not public.
func protect(api *management.API) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !api.Public(r) && (user != "olga" || password != "sesame") {
			w.Header().Set("Www-Authenticate", `Basic realm="Baremetal API"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		api.ServeHTTP(w, r)
	})
}
