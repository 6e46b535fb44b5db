package storm

import (
	"syscall"

	"github.com/usher-boot/usher"
)

// RaiseFiles lets this process have n files open, or says how to allow it.
func RaiseFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= uint64(n) {
		return err
	}
	hard := limit.Max
	limit.Cur, limit.Max = uint64(n), max(hard, uint64(n)) // beyond the hard limit only with the right to
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return usher.Errorf(usher.ErrInvalid, "these machines need up to %d open files, and this process may have %d: "+
			"raise that with 'ulimit -n %[1]d' (as root), or power on fewer machines a second with --within or --rate", n, hard)
	}
	return nil
}
