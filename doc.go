// Package usher holds the nouns and rules of network booting bare metal as
// OpenStack Ironic has them: nodes, ports, conductors, MAC addresses and
// provision states, and the sentinel errors that every layer speaks.
//
// It imports only the standard library and does no input or output; what
// talks to databases, disks and networks lives below internal/.
//
// The boot configuration API that Usher implements is described in Ironic's
// specification "boot-config-api" (Launchpad bug 2044561).
package usher
