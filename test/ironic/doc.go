// Package ironic proves Usher beside the real thing: ironic-api and three
// ironic-conductors on a private MariaDB, each conductor with a disk and a
// loopback address of its own, and Usher's agents and APIs reading them
// through an account that may only SELECT.
//
// Every test runs with each of several releases of Ironic at the same time:
// that of this machine, and that of a later Debian in a root folder that
// fetch-ironic makes and in-root runs programs in.
package ironic
