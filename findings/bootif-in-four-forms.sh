#!/usr/bin/env bash
# The kernel parameter BOOTIF tells a ramdisk which NIC it was booted over. Its
# inventor, PXELINUX, writes 01-<MAC with hyphens>; Ironic's iPXE scripts write
# BOOTIF=${mac}, the MAC with colons; iPXE has ${mac:hexhyp}, hyphens without 01-.
# One would guess that a ramdisk takes each of them, in either case.
#
# Debian 13's initramfs-tools 0.148.4 and live-boot 20250815 cut off all up to the
# first hyphen and compare the rest as text. So 01-<MAC> and colons work;
# hyphens without 01- lose the first octet, and capitals never fit. initramfs-tools
# then waits three minutes for a NIC that does not exist, live-boot takes any.
# dracut 106 takes all of them.
#
# For a site: BOOTIF=${mac}, or 01-${mac:hexhyp}. Usher's scripts say ${mac}, and
# GRUB's $net_default_mac, which are lower case with colons.
. "$(dirname "$0")/lib.sh"
debian trixie initramfs-tools-core=0.148.4 live-boot=1:20250815~deb13u1 dracut-network=106-6
enter
mount -t sysfs sysfs "$root/sys"
ip link add nic0 address 52:54:00:ab:cd:0e type veth peer name other0

# Each lets the ramdisk's own code look for the NIC of a BOOTIF, and prints its name.
initramfs-tools() {
  # Its function goes on to DHCP and waits for a NIC that is not there: here it
  # waits no time and configures no address.
  in_root BOOTIF="$1" IP=none quiet=y sh -c '
    . /usr/share/initramfs-tools/scripts/functions
    time_elapsed() { echo 999; }
    wait_for_udev() { :; }
    configure_networking > /dev/null 2>&1
    echo "${DEVICE-}"'
}
live-boot() {
  in_root BOOTIF="$1" sh -c '. /usr/lib/live/boot/9990-networking.sh; Device_from_bootif; echo "${DEVICE-}"'
}
dracut() {
  in_root BOOTIF="$1" bash -c '
    . /usr/lib/dracut/modules.d/45net-lib/net-lib.sh > /dev/null 2>&1
    mac=$(fix_bootif "$BOOTIF")
    grep -lx "$mac" /sys/class/net/*/address | cut -d/ -f5'
}

guess "all three find nic0 by each form"
missed=0
for ramdisk in initramfs-tools live-boot dracut; do
  for form in 01-52-54-00-ab-cd-0e 52:54:00:ab:cd:0e 52-54-00-ab-cd-0e 01-52-54-00-AB-CD-0E; do
    nic=$("$ramdisk" "$form")
    seen "$ramdisk: BOOTIF=$form is ${nic:-no NIC}"
    [ -n "$nic" ] || missed=$((missed + 1))
    case $ramdisk,$form,$nic in
      *,01-52-54-00-ab-cd-0e,) broken "$ramdisk does not even find PXELINUX's form" ;;
    esac
  done
done
[ "$missed" -gt 0 ] || changed "all forms are found"
still "$missed of 12 are not found"
