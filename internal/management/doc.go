// Package management is Ironic's REST API over Usher's own inventory: nodes,
// ports, conductors, drivers, and the lookup and heartbeat of the ramdisk,
// with Ironic's paths, fields, status codes, error bodies and microversions,
// so that openstackclient, python-ironicclient and gophercloud work unchanged.
//
// It is deliberately not a general Ironic: what Usher does not have (BMCs,
// portgroups, volumes, chassis, allocations, traits, BIOS, RAID, virtual
// media) answers 404 as an unknown path does, and a field that Usher cannot
// honour is refused with its name, never silently dropped. It does not
// authenticate (internal/auth wraps it, see [API.Public]), does not serve
// /v1/boot, and does no work on a node itself: verbs go to [Conductor].
//
// It follows ironic/api/controllers (v1/node.py, port.py, conductor.py,
// driver.py, ramdisk.py, versions.py) of Ironic 21.4, whose own answers are
// in testdata/ironic. Where it departs from them on purpose, deviations_test.go
// lists the case and the reason.
package management
