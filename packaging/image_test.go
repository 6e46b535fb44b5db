package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// unpacked is the folder of an OCI layout that was written as a tar file.
func unpacked(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			err = root.Mkdir(filepath.Clean(h.Name), 0o755)
		} else {
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = root.WriteFile(h.Name, content, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// one is the only image index of a layout, with its tag.
func one(t *testing.T, dir string) (v1.ImageIndex, v1.Descriptor) {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].MediaType != types.OCIImageIndex {
		t.Fatalf("the layout has %+v, want one image index", manifest.Manifests)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index, manifest.Manifests[0]
}

// TestImage: both architectures under one tag, each with what a container
// runtime needs to know, and sound to the last blob.
func TestImage(t *testing.T) {
	src := source{root: mustAbs(t, ".."), version: "1.2.3+4.gabc", revision: strings.Repeat("ab", 20), time: time.Unix(epochForTests, 0).UTC()}
	image := newImage(src)
	for _, arch := range []string{"amd64", "arm64"} {
		if err := image.add(arch, program{bytes: []byte("program of " + arch), bom: []byte("{}"), copyright: []byte("mine")}); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := image.write(file); err != nil {
		t.Fatal(err)
	}
	index, tag := one(t, unpacked(t, file))
	if err := validate.Index(index); err != nil {
		t.Errorf("the layout is not sound: %v", err)
	}
	if got := tag.Annotations["org.opencontainers.image.ref.name"]; got != "1.2.3_4.gabc" {
		t.Errorf("the tag is %q", got)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if c.Architecture != m.Platform.Architecture || c.Config.User != "65532:65532" || !c.Created.Equal(src.time) ||
			c.Config.Labels["org.opencontainers.image.revision"] != src.revision {
			t.Errorf("the configuration for %s is %+v", m.Platform, c)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	if n := bytes.Count(authorities(), []byte("BEGIN CERTIFICATE")); n < 100 {
		t.Errorf("the image trusts %d authorities, want Mozilla's", n)
	}
}

// TestImageRuns: a real runtime runs the image as its own user on a root that
// cannot be written, and a machine gets its boot file.
func TestImageRuns(t *testing.T) {
	need(t, "skopeo", "umoci", "runc", "nsenter", "curl")
	archive := filepath.Join(dist(t, "1.0.0"), "usher_1.0.0_oci.tar")
	work := t.TempDir()
	inspected := must(t, "skopeo", "inspect", "oci-archive:"+archive+":1.0.0")
	if !strings.Contains(inspected, `"Architecture": "`+runtime.GOARCH+`"`) {
		t.Errorf("skopeo chose\n%s", inspected)
	}
	must(t, "skopeo", "--insecure-policy", "copy", "oci-archive:"+archive+":1.0.0", "oci:"+work+"/one:1.0.0")
	bundle := filepath.Join(work, "bundle")
	must(t, "umoci", "unpack", "--image", work+"/one:1.0.0", bundle)
	cage(t, filepath.Join(bundle, "config.json"))

	name := "usher-test-" + filepath.Base(filepath.Dir(work)) + "-" + time.Now().Format("150405.000000000")
	cmd := exec.Command("runc", "--root", filepath.Join(work, "runc"), "run", "--bundle", bundle, "--pid-file", filepath.Join(work, "pid"), name)
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := func() error { // by what an orchestrator sends, which runc hands on
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			return errors.Join(errors.New("it does not stop"), <-ended)
		}
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = stop()
		}
	}()
	pid := ""
	eventually(t, "the container runs", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("runc: %v\n%s", err, log.String())
		default:
		}
		content, err := os.ReadFile(filepath.Join(work, "pid"))
		pid = string(content)
		return err == nil && pid != ""
	})
	inside := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "nsenter", append([]string{"--target", pid, "--net", "--"}, args...)...).Output()
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	eventually(t, "it is ready", func() bool {
		return strings.HasPrefix(inside("curl", "-sS", "http://127.0.0.1:6387/readyz"), "ready")
	})
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65532\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its process lacks %q:\n%s", want, status)
		}
	}
	usher := func(args ...string) string {
		return must(t, "nsenter", append([]string{"--target", pid, "--all", "--setuid", "65532", "--setgid", "65532", "--", "/usr/bin/usher"}, args...)...)
	}
	const kernel = "http://127.0.0.1:6386/boot.ipxe" // any file will do
	usher("node", "add", "m1", "--mac", "52:54:00:00:00:01", "--kernel", kernel, "--ramdisk", kernel, "--param", "here=m1")
	usher("node", "deploy", "m1")
	if got := inside("curl", "-sS", "http://127.0.0.1:6386/v1/boot/52-54-00-00-00-01/boot.ipxe"); !strings.Contains(got, "here=m1") {
		t.Errorf("the machine gets %q\n%s", got, log.String())
	}
	stopped = true
	if err := stop(); err != nil || !strings.Contains(log.String(), "usher is stopping") {
		t.Errorf("stopping: %v\n%s", err, log.String())
	}
	if _, err := os.Stat(filepath.Join(bundle, "rootfs/usr/share/doc/usher/usher.cdx.json")); err != nil {
		t.Error(err)
	}
}

// cage makes of a runtime's configuration what Kubernetes makes of its
// restricted profile, and a root that cannot be written.
func cage(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	config["root"].(map[string]any)["readonly"] = true
	process := config["process"].(map[string]any)
	process["terminal"] = false
	process["capabilities"] = map[string]any{}
	process["noNewPrivileges"] = true
	volumes := false
	for _, m := range config["mounts"].([]any) {
		if mount := m.(map[string]any); mount["destination"] == "/var/lib/usher" { // the image's volume
			mount["type"], mount["source"] = "tmpfs", "tmpfs"
			mount["options"] = []string{"nosuid", "nodev", "noexec", "mode=0755", "uid=65532", "gid=65532"}
			volumes = true
		}
	}
	if !volumes {
		t.Error("the image has no volume /var/lib/usher")
	}
	if content, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
