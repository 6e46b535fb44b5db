// Package ironic proves Usher beside the real thing: Debian's ironic-api and
// three ironic-conductors on a private MariaDB, each conductor with a disk and
// a loopback address of its own, and Usher's agents and APIs reading them
// through an account that may only SELECT.
package ironic
