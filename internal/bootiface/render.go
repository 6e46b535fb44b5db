package bootiface

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"github.com/usher-boot/usher"
)

//go:embed templates/*.tmpl
var embedded embed.FS

const (
	rootIPXETemplate = "root.ipxe.tmpl"
	rootGRUBTemplate = "root.grub.tmpl"
)

// Renderer writes boot files and root scripts from templates. It may be used
// by many goroutines.
type Renderer struct {
	templates map[string]*template.Template
}

// NewRenderer reads the templates. A file in templateDir (which may be empty)
// replaces the built-in template of the same name. Each is tried on an
// example, so that a bad one is found here and not when a node needs it.
func NewRenderer(templateDir string) (*Renderer, error) {
	if info, err := os.Stat(templateDir); templateDir != "" && (err != nil || !info.IsDir()) {
		return nil, usher.Errorf(usher.ErrInvalid, "%s is not a folder of templates", templateDir)
	}
	r := &Renderer{templates: map[string]*template.Template{}}
	entries, err := fs.ReadDir(embedded, "templates")
	if err != nil {
		return nil, fmt.Errorf("read built-in templates: %w", err)
	}
	for _, e := range entries {
		t, err := load(templateDir, e.Name())
		if err != nil {
			return nil, err
		}
		r.templates[e.Name()] = t
	}
	return r, r.try()
}

func load(dir, name string) (*template.Template, error) {
	file, text := name, []byte(nil)
	err := fs.ErrNotExist
	if dir != "" {
		file = filepath.Join(dir, name)
		text, err = os.ReadFile(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		file = name
		text, err = embedded.ReadFile("templates/" + name)
	}
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	// The template bears its file's name, which its errors show with the line.
	t, err := template.New(file).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, usher.Errorf(usher.ErrInvalid, "bad template: %v", err)
	}
	return t, nil
}

// try renders an example of everything.
func (r *Renderer) try() error {
	const base = "http://192.0.2.1/"
	for _, i := range interfaces {
		for _, kind := range []Kind{Deploy, Rescue, Ramdisk, LocalDisk} {
			s := NodeScript{UUID: "00000000-0000-4000-8000-000000000000", Name: "example", Kind: kind,
				Kernel: base + "kernel", Ramdisk: base + "ramdisk", KernelParameters: "console=ttyS0"}
			if _, err := r.Node(i, s); err != nil {
				return err
			}
		}
	}
	if _, err := r.Root(RootScript{UseBootConfigAPI: true, FallbackScript: base}); err != nil {
		return err
	}
	_, err := r.GRUBRoot(RootScript{APIBase: base})
	return err
}

// Node renders the boot file of a node.
func (r *Renderer) Node(i Interface, s NodeScript) ([]byte, error) {
	if i.template == "" {
		return nil, i.unsupported("boot files")
	}
	v, err := s.view()
	if err != nil {
		return nil, err
	}
	if err := i.adapt(v); err != nil {
		return nil, err
	}
	return r.render(i.template, v, i.complete)
}

// Root renders iPXE's root script. It survives being put through Jinja2, as
// Ironic does with its [pxe]ipxe_boot_script.
func (r *Renderer) Root(s RootScript) ([]byte, error) {
	v, err := s.view()
	if err != nil {
		return nil, err
	}
	return r.render(rootIPXETemplate, v, IsIPXE)
}

// GRUBRoot renders GRUB's root configuration. Without an APIBase it asks the
// server that GRUB itself was loaded from.
func (r *Renderer) GRUBRoot(s RootScript) ([]byte, error) {
	v, err := s.grubView()
	if err != nil {
		return nil, err
	}
	return r.render(rootGRUBTemplate, v, completeGRUB)
}

func (r *Renderer) render(name string, data any, complete func(string) bool) ([]byte, error) {
	t := r.templates[name]
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, usher.Errorf(usher.ErrInvalid, "bad template: %v", err)
	}
	// A machine hangs on a script that does not begin as its firmware wants.
	if !complete(b.String()) {
		return nil, usher.Errorf(usher.ErrInvalid, "bad template: %s:1: what it renders is not a boot file "+
			"(an iPXE script begins with #!ipxe)", t.Name())
	}
	return b.Bytes(), nil
}
