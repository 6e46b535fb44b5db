package ironic

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// disk makes the folders of a host, with the web server that Ironic's sites
// have for http_root.
func (s *site) disk(i int) {
	s.tb.Helper()
	for _, sub := range []string{"http", "state/tftp/master_images", "images/master"} {
		if err := os.MkdirAll(filepath.Join(s.folder(i), sub), 0o755); err != nil {
			s.tb.Fatal(err)
		}
	}
	s.write(fmt.Sprintf("host%d/http/ipa-cacert-bundle", i+1), "ipa-cacert-bundle")
	var listen net.ListenConfig
	listener, err := listen.Listen(s.tb.Context(), "tcp", s.hosts[i]+":8080")
	if err != nil {
		s.tb.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(filepath.Join(s.folder(i), "http")))}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	s.tb.Cleanup(func() {
		_ = server.Close()
		<-served
	})
}

// folder is where a host has its disk.
func (s *site) folder(i int) string { return filepath.Join(s.dir, fmt.Sprintf("host%d", i+1)) }

// config is the boot file that a conductor wrote for a node.
func (s *site) config(name string, n *node) string {
	s.tb.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder(s.index(name)), n.root(), n.uuid, "config"))
	if err != nil {
		s.tb.Errorf("%s is to have a file for %s: %v", name, n.name, err)
	}
	return string(content)
}

// is says whether a machine was told the boot file that a conductor wrote: the
// same to the byte, but for names that are relative to Ironic's own servers.
func (s *site) is(body, name string, n *node) bool {
	s.tb.Helper()
	want := s.config(name, n)
	return want != "" && s.relative(body, s.hosts[s.index(name)]) == want
}

var overHTTP = regexp.MustCompile(`\(http,([^)]*)\)/(\S+)`)

// relative undoes what Usher does for machines that got a script from it: in
// GRUB's, images are below http_root or tftp_root of its host, and in iPXE's one
// is beside Ironic's boot.ipxe.
func (s *site) relative(body, host string) string {
	if s.layout.secure {
		body = strings.Replace(body, "\ninitrd http://"+host+":8080/ipa-cacert-bundle ", "\ninitrd "+certificates+" ", 1)
	}
	return overHTTP.ReplaceAllStringFunc(body, func(name string) string {
		found := overHTTP.FindStringSubmatch(name)
		if found[1] == host+":8080" {
			return "../../http/" + found[2]
		}
		if _, below, ok := strings.Cut(found[2], "/tftp_root/"); ok && strings.HasPrefix(found[1], host+":") {
			return below
		}
		return name
	})
}

var loads = regexp.MustCompile(`(?m)^\s*(?:kernel|initrd|linux|linuxefi|initrdefi) +(?:--timeout \d+ +)?(?:http://([^/\s]+)|\(http,([^)]+)\))(/\S+)`)

// loaded fetches all that a boot file has a machine load, and wants the images
// that the node's owner gave to Ironic.
func (s *site) loaded(when string, n *node, body string) {
	s.tb.Helper()
	images := loads.FindAllStringSubmatch(body, -1)
	if len(images) < 2 {
		s.tb.Errorf("%s: %s has no images:\n%s", when, n.name, body)
	}
	for _, image := range images {
		_, want, _ := strings.Cut("_"+path.Base(image[3]), "_") // deploy_kernel is a kernel
		if i := strings.LastIndex(want, "_"); i >= 0 {
			want = want[i+1:]
		}
		url := "http://" + image[1] + image[2] + image[3]
		if status, content, err := fetch(url); err != nil || status != http.StatusOK || content != want {
			s.tb.Errorf("%s: %s of %s: %d %q, %v", when, url, n.name, status, content, err)
		}
	}
}

func fetch(url string) (status int, body string, err error) {
	response, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}
