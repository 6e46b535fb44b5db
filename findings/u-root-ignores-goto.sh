#!/usr/bin/env bash
# LinuxBoot firmware boots the network with u-root's pxeboot, which reads iPXE
# scripts. An iPXE script for a machine is a program: labels, goto, variables,
# options before a URL, "|| goto retry" after a command. One would guess that the
# parser either understands these or refuses the script.
#
# u-root 0.16.0 takes the words of the kernel and initrd lines, in the order of
# the file, up to the first boot, and skips all else without an error. So a
# script whose goto leads past a first section boots that section; --timeout
# becomes the kernel's URL; "|| goto retry" and ${mac} go to the kernel's command
# line as they are.
#
# For a site: Ironic's file of a node that is deployed as a ramdisk has such a
# goto, and the kernel that u-root finds there is "selinux=0"; with
# [pxe]ipxe_timeout set it is "--timeout" in every file. LinuxBoot machines want
# pxelinux.cfg/01-<MAC> in PXELINUX's syntax, which u-root asks for next and reads
# whole. What Usher has for them is in docs/firmware.md.
. "$(dirname "$0")/lib.sh"
go_program parse github.com/u-root/u-root@v0.16.0 << 'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"

	"github.com/u-root/u-root/pkg/boot/netboot/ipxe"
	"github.com/u-root/u-root/pkg/curl"
	"github.com/u-root/u-root/pkg/ulog"
)

// script boots "right", with iPXE: its first section is skipped.
const script = `#!ipxe
goto ramdisk
:deploy
kernel http://SERVER/wrong quiet || goto deploy
initrd http://SERVER/wrong-ramdisk
boot
:ramdisk
kernel --timeout 20000 http://SERVER/right BOOTIF=${mac} || goto ramdisk
boot
`

func main() {
	text := script
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, text)
	}))
	defer server.Close()
	show("the whole script", server.URL)
	text = "#!ipxe\nkernel --timeout 20000 http://SERVER/right BOOTIF=${mac} || goto ramdisk\nboot\n"
	show("its second section alone", server.URL)
}

// show prints what u-root would boot.
func show(what, server string) {
	u, err := url.Parse(server + "/boot.ipxe")
	if err != nil {
		panic(err)
	}
	image, err := ipxe.ParseConfig(context.Background(), ulog.Null, u, curl.DefaultSchemes)
	if err != nil {
		fmt.Printf("seen:     %s: refused, %v\n", what, err)
		os.Exit(1)
	}
	fmt.Printf("seen:     %s: kernel %v, command line %q\n", what, image.Kernel, image.Cmdline)
}
GO
enter

guess "kernel http://SERVER/right, command line BOOTIF=<the MAC>; or the script is refused"
"$work/parse" > "$work/out" || changed "$(cat "$work/out")"
cat "$work/out"
grep -q 'whole.*wrong.*quiet || goto deploy' "$work/out" && grep -q 'alone.*kernel.*--timeout' "$work/out" ||
  changed "u-root reads the script in another way"
still "u-root boots the section that iPXE skips"
