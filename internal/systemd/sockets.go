package systemd

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Sockets returns the listening sockets that the service manager has handed to
// this process ($LISTEN_FDS), by the names that their units give them
// (FileDescriptorName=); none where there are none. They can be had once.
func Sockets() (map[string]net.Listener, error) {
	sockets := map[string]net.Listener{}
	var errs []error
	for _, file := range activation.Files(true) {
		name := file.Name()
		listener, err := net.FileListener(file) // a copy
		switch err = errors.Join(err, file.Close()); {
		case err != nil:
			errs = append(errs, fmt.Errorf("the service manager's socket %q: %w", name, err))
		case sockets[name] != nil:
			errs = append(errs, fmt.Errorf("the service manager has several sockets named %q; give each unit a single ListenStream= "+
				"and a FileDescriptorName= of its own", name), listener.Close())
		default:
			sockets[name] = listener
		}
	}
	return sockets, errors.Join(errs...)
}
