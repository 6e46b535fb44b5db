package loaders

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/usher-boot/usher"
)

// grubModules are what a network boot needs: to fetch a configuration, to
// boot a kernel, or to go on to a local disk.
func grubModules() []string {
	return []string{"normal", "configfile", "efinet", "net", "tftp", "http", "linux", "chain", "boot", "echo", "sleep",
		"test", "true", "regexp", "minicmd", "search", "search_fs_file", "search_label", "part_gpt", "part_msdos", "fat",
		"ext2", "reboot", "halt", "serial", "terminal", "all_video", "gfxterm"}
}

// mkimageTime is far more than grub-mkimage needs.
const mkimageTime = time.Minute

// mkimage makes a GRUB that has HTTP inside, since the distribution's may have
// none and, once it was loaded by HTTP, can load nothing more without. It reads
// /grub/grub.cfg on the machines' door. It is not signed: Secure Boot needs a
// signed one in [pxe]loader_file_paths.
func (o Options) mkimage(ctx context.Context, platform string) (content []byte, from string, err error) {
	program, err := exec.LookPath("grub-mkimage")
	if err != nil {
		return nil, "", fs.ErrNotExist
	}
	if _, err := fs.Stat(o.System, "usr/lib/grub/"+platform+"/http.mod"); err != nil {
		return nil, "", err
	}
	door, err := url.Parse(o.Door)
	if err != nil || door.Scheme != "http" || door.Host == "" {
		return nil, "", usher.Errorf(usher.ErrInvalid, "GRUB needs the machines' door as http://HOST:PORT, not %q", o.Door)
	}
	dir, err := os.MkdirTemp("", "usher-grub-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, mkimageTime)
	defer cancel()
	image := filepath.Join(dir, "grub.efi")
	args := append([]string{"--format=" + platform, "--output=" + image, "--prefix=(http," + door.Host + ")/grub"}, grubModules()...)
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("make GRUB: %s: %w\n%s", program, err, out)
	}
	content, err = os.ReadFile(image)
	return content, "made by " + program, err
}
