// Package loaders puts the programs that firmware loads first (iPXE, shim,
// GRUB) into the folders that they are served from: from where the
// configuration names them, or from where the distribution has them.
//
// It downloads nothing and decides nothing about who gets which; that is the
// DHCP server's configuration (package dnsmasq). It follows what Ironic does
// with [pxe]loader_file_paths, and knows Debian's places.
package loaders

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Roots is where loaders go.
type Roots interface {
	InstallRoot(r bootiface.Root, name string, content []byte) error
}

// Options say what to install and where.
type Options struct {
	Roots Roots
	// Paths are files to take instead of the distribution's, by their name
	// in the root; or further ones, which go into both roots.
	Paths map[string]string
	// Architectures to install for, Debian's names; amd64 when empty.
	Architectures []string
	// Door is the URL of the machines' door, which a GRUB that is loaded by
	// HTTP finds its configuration below.
	Door string
	// GRUBRoot is GRUB's root configuration for who loads it by TFTP.
	GRUBRoot []byte
	// System is the root folder of the distribution's files, "/" when nil.
	System fs.FS
}

// Result is what became of one loader.
type Result struct {
	Root    bootiface.Root
	Name    string
	From    string // where it was taken from, or how it was made
	Missing string // the package to install, where there was nothing to take
}

// loader is a file that one root or both should have.
type loader struct {
	name    string
	roots   []bootiface.Root
	places  []string // of which the first that exists is taken
	pack    string
	mkimage string // instead of places: the platform to make GRUB for
}

var both = []bootiface.Root{bootiface.TFTPRoot, bootiface.HTTPRoot}

// table lists the loaders of an architecture.
func table(architecture string) ([]loader, error) {
	tftp, http := both[:1], both[1:]
	switch architecture {
	case "amd64":
		return []loader{
			{name: "undionly.kpxe", roots: tftp, pack: "ipxe", places: []string{"usr/lib/ipxe/undionly.kpxe"}},
			{name: "snponly.efi", roots: both, pack: "ipxe", places: []string{"usr/lib/ipxe/snponly.efi"}},
			{name: "ipxe.efi", roots: both, pack: "ipxe", places: []string{"usr/lib/ipxe/ipxe.efi"}},
			{name: "bootx64.efi", roots: both, pack: "shim-signed", places: []string{"usr/lib/shim/shimx64.efi.signed"}},
			{name: "grubx64.efi", roots: tftp, pack: "grub-efi-amd64-signed", places: []string{
				"usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi"}},
			{name: "grub/x86_64-efi/http.mod", roots: tftp, pack: "grub-efi-amd64-bin", places: []string{"usr/lib/grub/x86_64-efi/http.mod"}},
			{name: "grubx64.efi", roots: http, pack: "grub-efi-amd64-bin", mkimage: "x86_64-efi"},
		}, nil
	case "arm64":
		return []loader{
			{name: "snponly-arm64.efi", roots: both, pack: "ipxe", places: []string{
				"usr/lib/ipxe/snponly-arm64.efi", "usr/lib/ipxe/arm64-efi/snponly.efi"}},
			{name: "bootaa64.efi", roots: both, pack: "shim-signed", places: []string{"usr/lib/shim/shimaa64.efi.signed"}},
			{name: "grubaa64.efi", roots: tftp, pack: "grub-efi-arm64-signed", places: []string{
				"usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed", "usr/lib/grub/arm64-efi/monolithic/grubnetaa64.efi"}},
			{name: "grub/arm64-efi/http.mod", roots: tftp, pack: "grub-efi-arm64-bin", places: []string{"usr/lib/grub/arm64-efi/http.mod"}},
			{name: "grubaa64.efi", roots: http, pack: "grub-efi-arm64-bin", mkimage: "arm64-efi"},
		}, nil
	}
	return nil, usher.Errorf(usher.ErrInvalid, "architecture %q: want amd64 or arm64", architecture)
}

// Install puts every loader in place that it finds. A loader that is missing
// is a Result, not an error.
func Install(ctx context.Context, o Options) ([]Result, error) {
	if o.System == nil {
		o.System = os.DirFS("/")
	}
	if len(o.Architectures) == 0 {
		o.Architectures = []string{"amd64"}
	}
	var results []Result
	named := map[string]bool{}
	for _, architecture := range o.Architectures {
		list, err := table(architecture)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			named[l.name] = true
			done, err := o.install(ctx, l)
			results = append(results, done...)
			if err != nil {
				return results, err
			}
		}
	}
	for name, path := range o.Paths {
		if named[name] {
			continue
		}
		done, err := o.install(ctx, loader{name: name, roots: both})
		results = append(results, done...)
		if err != nil {
			return results, usher.Errorf(usher.ErrInvalid, "[pxe]loader_file_paths: %s:%s: %v", name, path, err)
		}
	}
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Root, a.Root), cmp.Compare(a.Name, b.Name))
	})
	return results, o.Roots.InstallRoot(bootiface.TFTPRoot, "grub/grub.cfg", o.GRUBRoot)
}

// install puts one loader into its roots.
func (o Options) install(ctx context.Context, l loader) ([]Result, error) {
	content, from, err := o.read(ctx, l)
	if errors.Is(err, fs.ErrNotExist) {
		from, content, err = "", nil, nil
	}
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, root := range l.roots {
		r := Result{Root: root, Name: l.name, From: from}
		if content == nil {
			r.Missing = l.pack
		} else if err := o.Roots.InstallRoot(root, l.name, content); err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// read finds a loader. What the configuration names must be there.
func (o Options) read(ctx context.Context, l loader) (content []byte, from string, err error) {
	if path := o.Paths[l.name]; path != "" {
		content, err = os.ReadFile(path)
		if err != nil {
			err = usher.Errorf(usher.ErrInvalid, "[pxe]loader_file_paths: %s: %v", l.name, err)
		}
		return content, path, err
	}
	if l.mkimage != "" {
		return o.mkimage(ctx, l.mkimage)
	}
	err = fs.ErrNotExist
	for _, place := range l.places {
		if content, err = fs.ReadFile(o.System, place); !errors.Is(err, fs.ErrNotExist) {
			return content, "/" + place, err
		}
	}
	return nil, "", err
}
