package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// uid is who the image runs as: not root, and no account of any host.
const uid = 65532

// image is the image of all architectures, in the making.
type image struct {
	src   source
	index v1.ImageIndex
}

func newImage(src source) *image {
	return &image{src: src, index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
}

// add adds the image of one architecture: a program, the authorities that it
// trusts, and a folder for what it keeps. No shell, no libraries.
func (i *image) add(arch string, p program) error {
	base, err := i.layer(func(t *tarWriter) {
		t.dir("etc", 0)
		t.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\nusher:x:65532:65532:Usher:/var/lib/usher:/sbin/nologin\n"))
		t.file("etc/group", 0o644, []byte("root:x:0:\nusher:x:65532:\n"))
		t.dir("etc/ssl", 0)
		t.dir("etc/ssl/certs", 0)
		t.file("etc/ssl/certs/ca-certificates.crt", 0o644, authorities())
		t.dir("etc/usher", 0)
		t.dir("var", 0)
		t.dir("var/lib", 0)
		t.dir("var/lib/usher", uid)
	})
	if err != nil {
		return err
	}
	top, err := i.layer(func(t *tarWriter) {
		t.dir("usr", 0)
		t.dir("usr/bin", 0)
		t.file("usr/bin/usher", 0o755, p.bytes)
		t.dir("usr/share", 0)
		t.dir("usr/share/doc", 0)
		t.dir("usr/share/doc/usher", 0)
		t.file("usr/share/doc/usher/copyright", 0o644, p.copyright)
		t.file("usr/share/doc/usher/usher.cdx.json", 0o644, p.bom)
	})
	if err != nil {
		return err
	}
	created := v1.Time{Time: i.src.time}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img,
		mutate.Addendum{Layer: base, History: v1.History{Created: created, CreatedBy: "packaging: accounts, authorities, folders"}},
		mutate.Addendum{Layer: top, History: v1.History{Created: created, CreatedBy: "packaging: usher"}})
	if err != nil {
		return err
	}
	platform := v1.Platform{OS: "linux", Architecture: arch}
	img, err = mutate.ConfigFile(img, mustConfig(img, func(c *v1.ConfigFile) {
		c.OS, c.Architecture, c.Created = platform.OS, platform.Architecture, created
		c.Config = v1.Config{
			User:       fmt.Sprintf("%d:%d", uid, uid),
			Entrypoint: []string{"/usr/bin/usher"},
			Cmd:        []string{"serve"},
			WorkingDir: "/var/lib/usher",
			Env: []string{"PATH=/usr/bin", "STATE_DIRECTORY=/var/lib/usher", "HOME=/var/lib/usher",
				"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
			Volumes:      map[string]struct{}{"/var/lib/usher": {}},
			ExposedPorts: map[string]struct{}{"6385/tcp": {}, "6386/tcp": {}, "6387/tcp": {}, "6389/tcp": {}},
			StopSignal:   "SIGTERM",
			Labels:       i.labels(),
		}
	}))
	if err != nil {
		return err
	}
	annotated, ok := mutate.Annotations(img, i.labels()).(v1.Image)
	if !ok {
		return fmt.Errorf("annotate the image for %s", arch)
	}
	i.index = mutate.AppendManifests(i.index, mutate.IndexAddendum{Add: annotated, Descriptor: v1.Descriptor{Platform: &platform}})
	return nil
}

// mustConfig is the image's configuration, changed. That of an image which was
// just made can be read.
func mustConfig(img v1.Image, change func(*v1.ConfigFile)) *v1.ConfigFile {
	c, err := img.ConfigFile()
	if err != nil {
		panic(err)
	}
	c = c.DeepCopy()
	change(c)
	return c
}

func (i *image) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "usher",
		"org.opencontainers.image.description": "Shows every network-booting machine to the conductor that holds its boot configuration.",
		"org.opencontainers.image.version":     i.src.version,
		"org.opencontainers.image.created":     i.src.time.Format(time.RFC3339),
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
	if i.src.revision != "" {
		labels["org.opencontainers.image.revision"] = i.src.revision
	}
	return labels
}

// authorities are Mozilla's, as Go packs them, so that no machine's own list
// gets into the image. One that is trusted with limits only is left out: a
// file of certificates cannot say them.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes all
		}
	}
	return b.Bytes()
}

// tarWriter writes a layer's files; the first failure is kept.
type tarWriter struct {
	*tar.Writer
	time time.Time
	err  error
}

func (t *tarWriter) dir(name string, owner int) {
	t.put(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Uid: owner, Gid: owner}, nil)
}

func (t *tarWriter) file(name string, mode int64, content []byte) {
	t.put(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content)
}

func (t *tarWriter) put(h *tar.Header, content []byte) {
	if t.err != nil {
		return
	}
	h.ModTime = t.time
	if t.err = t.WriteHeader(h); t.err == nil {
		_, t.err = t.Write(content)
	}
}

func (i *image) layer(fill func(*tarWriter)) (v1.Layer, error) {
	var b bytes.Buffer
	t := &tarWriter{Writer: tar.NewWriter(&b), time: i.src.time}
	fill(t)
	if t.err == nil {
		t.err = t.Close()
	}
	if t.err != nil {
		return nil, t.err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

// write makes the OCI layout, as one file that skopeo, podman, docker and
// containerd load.
func (i *image) write(path string) error {
	dir, err := os.MkdirTemp("", "usher-oci-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	index, ok := mutate.Annotations(i.index, i.labels()).(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("annotate the index")
	}
	tag := map[string]string{"org.opencontainers.image.ref.name": i.src.imageTag()}
	if err := l.AppendIndex(index, layout.WithAnnotations(tag)); err != nil {
		return err
	}
	var b bytes.Buffer
	t := &tarWriter{Writer: tar.NewWriter(&b), time: i.src.time}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error { // in the order of names
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			t.dir(filepath.ToSlash(name), 0)
			return nil
		}
		content, err := os.ReadFile(path)
		t.file(filepath.ToSlash(name), 0o644, content)
		return err
	})
	if err == nil {
		err = t.err
	}
	if err == nil {
		err = t.Close()
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
