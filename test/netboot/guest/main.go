// Command guest is the only program of the test kit's ramdisk. As process 1
// of a machine that was booted over the network it prints what it was booted
// with on the first serial line, and switches the machine off.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: only for a machine's ramdisk; it switches the machine off")
		os.Exit(2)
	}
	report()
	// As process 1 it must not return: the kernel would panic.
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

// report prints the marker line. There is nobody to tell of an error but the
// serial line itself.
func report() {
	for dir, kind := range map[string]string{"/dev": "devtmpfs", "/proc": "proc"} {
		_ = os.Mkdir(dir, 0o755)
		_ = syscall.Mount("none", dir, kind, 0, "")
	}
	// The kernel would write its own lines into ours.
	_ = os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0)
	serial := os.Stdout
	// An arm64 machine's first; its kernel has a ttyS0 too, without a line.
	for _, name := range []string{"/dev/ttyAMA0", "/dev/ttyS0"} {
		if f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NOCTTY, 0); err == nil {
			serial = f
			break
		}
	}
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		cmdline = []byte(err.Error())
	}
	fmt.Fprintf(serial, "\r\nUSHER-BOOTED %s\r\n", strings.TrimSpace(string(cmdline)))
	// Wait until the line has left the machine (tcdrain).
	const tcsbrk = 0x5409
	_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, serial.Fd(), tcsbrk, 1)
}
