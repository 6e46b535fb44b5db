package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

//go:embed files
var static embed.FS

// maintainer answers for the package, not for the distribution's.
const maintainer = "Usher's authors <noreply@usher-boot.invalid>"

const description = `boot configurations for machines that boot from the network
 Usher shows every machine that boots from the network to the conductor that
 holds its boot configuration: any server answers for any machine, by one URL
 with the machine's MAC address in it. It is the Boot Configuration API of
 OpenStack Ironic, on an inventory of its own or beside an unmodified Ironic.`

// units are the services, one for each role, each with its socket.
var units = []struct{ Name, About, Command, Page, Conflicts string }{
	{"usher", "Usher, boot configurations for machines that boot from the network", "serve", "usher-serve", "usher-api.service usher-api.socket usher-conductor.service usher-conductor.socket"},
	{"usher-api", "Usher's API alone, which answers machines and operators", "api", "usher-api", "usher.service usher.socket"},
	{"usher-conductor", "Usher's conductor alone, or its agent beside Ironic's", "conductor", "usher-conductor", "usher.service usher.socket"},
}

// staged is the package's content, laid out in a folder for nfpm.
type staged struct {
	dir      string
	time     time.Time
	contents files.Contents
	err      error
}

// put adds a file; the first failure is kept.
func (s *staged) put(path string, mode os.FileMode, kind string, content []byte) {
	if s.err != nil {
		return
	}
	from := filepath.Join(s.dir, fmt.Sprint(len(s.contents)))
	s.err = os.WriteFile(from, content, 0o644)
	s.contents = append(s.contents, &files.Content{Source: from, Destination: path, Type: kind,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: s.time}})
}

// take adds one of our own files, embedded.
func (s *staged) take(path string, mode os.FileMode, kind, name string) {
	content, err := static.ReadFile("files/" + name)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.put(path, mode, kind, content)
}

// writeDeb makes the Debian package of a program.
func (s source) writeDeb(path, arch string, p program, said speech) (err error) {
	dir, err := os.MkdirTemp("", "usher-deb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stage := &staged{dir: dir, time: s.time}
	stage.put("/usr/bin/usher", 0o755, files.TypeFile, p.bytes)
	stage.take("/etc/usher/usher.conf", 0o640, files.TypeConfigNoReplace, "usher.conf")
	stage.take("/etc/default/usher", 0o644, files.TypeConfigNoReplace, "usher.default")
	stage.take("/usr/lib/sysusers.d/usher.conf", 0o644, files.TypeFile, "usher.sysusers")
	if err := s.putUnits(stage); err != nil {
		return err
	}
	for name, page := range said.manual {
		section := name[strings.LastIndexByte(name, '.')+1:]
		stage.put("/usr/share/man/man"+section+"/"+name+".gz", 0o644, files.TypeFile, zip(page))
	}
	stage.put("/usr/share/bash-completion/completions/usher", 0o644, files.TypeFile, said.completions["bash"])
	stage.put("/usr/share/zsh/vendor-completions/_usher", 0o644, files.TypeFile, said.completions["zsh"])
	stage.put("/usr/share/fish/vendor_completions.d/usher.fish", 0o644, files.TypeFile, said.completions["fish"])
	stage.put("/usr/share/doc/usher/copyright", 0o644, files.TypeFile, p.copyright)
	stage.put("/usr/share/doc/usher/usher.cdx.json", 0o644, files.TypeFile, p.bom)
	if err := s.putDocs(stage); err != nil {
		return err
	}
	scripts := map[string]string{}
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		content, err := static.ReadFile("files/" + name)
		if err != nil {
			return err
		}
		scripts[name] = filepath.Join(dir, name)
		if err := os.WriteFile(scripts[name], content, 0o755); err != nil {
			return err
		}
	}
	if stage.err != nil {
		return stage.err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "usher", Arch: arch, Platform: "linux", Version: s.debianVersion(), VersionSchema: "none",
		Section: "net", Priority: "optional", Maintainer: maintainer, Description: description,
		DisableGlobbing: true, MTime: s.time,
		Overridables: nfpm.Overridables{
			// sysusers makes the account; postinst asks init-system-helpers, which is essential, for the rest.
			Depends:    []string{"systemd | systemd-standalone-sysusers | systemd-sysusers"},
			Recommends: []string{"ca-certificates"},
			Suggests:   []string{"dnsmasq-base", "ipxe", "shim-signed", "grub-efi-amd64-signed"},
			Contents:   stage.contents,
			Scripts:    nfpm.Scripts{PostInstall: scripts["postinst"], PreRemove: scripts["prerm"], PostRemove: scripts["postrm"]},
			Deb:        nfpm.Deb{Compression: "zstd"},
		},
	})
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := deb.Default.Package(info, &out); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func (s source) putUnits(stage *staged) error {
	for _, kind := range []string{"service", "socket"} {
		text, err := static.ReadFile("files/" + kind + ".tmpl")
		if err != nil {
			return err
		}
		unit, err := template.New(kind).Parse(string(text))
		if err != nil {
			return err
		}
		for _, u := range units {
			var b bytes.Buffer
			if err := unit.Execute(&b, u); err != nil {
				return err
			}
			stage.put("/usr/lib/systemd/system/"+u.Name+"."+kind, 0o644, files.TypeFile, b.Bytes())
		}
	}
	return nil
}

// putDocs adds the pages for users, and the changes in both forms that Debian
// knows: the project's own, and its packages'.
func (s source) putDocs(stage *staged) error {
	changes, err := os.ReadFile(s.file("CHANGELOG.md"))
	if err != nil {
		return err
	}
	stage.put("/usr/share/doc/usher/changelog.gz", 0o644, files.TypeFile, zip(changes))
	entry := fmt.Sprintf("usher (%s) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n",
		s.debianVersion(), maintainer, s.time.Format(time.RFC1123Z))
	stage.put("/usr/share/doc/usher/changelog.Debian.gz", 0o644, files.TypeFile, zip([]byte(entry)))
	pages, err := filepath.Glob(s.file("docs/*.md"))
	if err != nil {
		return err
	}
	for _, page := range append(pages, s.file("README.md"), s.file("ARCHITECTURE.md"), s.file("SECURITY.md")) {
		content, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		folder := "/usr/share/doc/usher/"
		if filepath.Base(filepath.Dir(page)) == "docs" {
			folder += "docs/" // so that links between them hold
		}
		stage.put(folder+filepath.Base(page), 0o644, files.TypeFile, content)
	}
	return nil
}

// zip is gzip without name and time.
func zip(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level exists
	_, _ = w.Write(content)                               // a Buffer takes all
	_ = w.Close()
	return b.Bytes()
}
