package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Door is the machines' door as machines are told of it.
type Door struct {
	URL string // without a slash at its end
	// Scripts are the root scripts that it must serve, by path.
	Scripts map[string][]byte
}

// Check fetches the root scripts as a machine would.
func (d Door) Check(ctx context.Context) []Check {
	var checks []Check
	for _, path := range []string{"/boot.ipxe", "/boot.grub"} {
		if _, ok := d.Scripts[path]; ok {
			checks = append(checks, d.fetch(ctx, path))
		}
	}
	return checks
}

func (d Door) fetch(ctx context.Context, path string) Check {
	url := d.URL + path
	const fix = "run 'usher api' or 'usher serve' there; correct [usher]boot_listen, [DEFAULT]my_ip or [pxe]ipxe_config_api_root_url; " +
		"open the port in the firewall"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Check{url, Failed, err.Error(), fix}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Check{url, Failed, err.Error(), fix}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return Check{url, Failed, err.Error(), fix}
	case resp.StatusCode != http.StatusOK:
		return Check{url, Failed, "HTTP status " + resp.Status, fix}
	case !bytes.Equal(bytes.TrimSpace(body), bytes.TrimSpace(d.Scripts[path])):
		return Check{url, Warning, "it answers, with another root script than this configuration makes",
			"use the same [usher] and [pxe] options on every host, and restart the API there after an upgrade"}
	}
	return Check{Name: url, State: OK, Detail: "answers with the root script"}
}

// ScriptFile checks a root script that somebody else serves from a file.
// option says what names the file.
func ScriptFile(option, path string, want []byte) Check {
	name := "root script " + path
	fix := "usher root-script > " + path + "   (" + option + "), then restart Ironic's conductor, which copies it"
	content, err := os.ReadFile(path)
	switch {
	case err != nil:
		return Check{name, Failed, err.Error(), fix}
	case bytes.Contains(content, []byte("{{")) || bytes.Contains(content, []byte("{%")):
		return Check{name, Failed, "it holds marks of a template, so it is not Usher's", fix}
	case !bytes.Equal(bytes.TrimSpace(content), bytes.TrimSpace(want)):
		return Check{name, Warning, "it is not what this configuration makes", fix}
	}
	return Check{Name: name, State: OK, Detail: "current"}
}

// Dnsmasq checks that a dnsmasq configuration sends machines to a root script
// of the door, or to a file of the name that Ironic's web server has it under.
func Dnsmasq(path, doorURL, otherURL string) Check {
	name := "dnsmasq configuration " + path
	fix := fmt.Sprintf("dhcp-boot=tag:ipxe,%s/boot.ipxe   ('usher dnsmasq' writes a whole configuration)", doorURL)
	content, err := os.ReadFile(path)
	if err != nil {
		return Check{name, Failed, err.Error(), "name the file that dnsmasq reads"}
	}
	var boots []string
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "dhcp-boot", "dhcp-option", "dhcp-option-force", "pxe-service":
		default:
			continue
		}
		if !strings.Contains(value, "://") {
			continue
		}
		for _, base := range []string{doorURL, otherURL} {
			if base != "" && strings.Contains(value, base+"/boot.") {
				return Check{Name: name, State: OK, Detail: line}
			}
		}
		boots = append(boots, line)
	}
	if len(boots) == 0 {
		return Check{name, Failed, "no line of it sends iPXE to a URL", fix}
	}
	return Check{name, Failed, "it sends machines elsewhere: " + strings.Join(boots, "; "), fix}
}
