# What the findings share. A finding does, in this order:
#
#   . "$(dirname "$0")/lib.sh"
#   debian trixie ironic-api=1:29.0.5-0+deb13u3 ...   a Debian root with these packages
#   enter                                             the rest runs in namespaces of its own
#   guess "..."; seen "..."; still "..." or changed "..."
#
# Everything lives in one temporary folder, which goes away in the end. The
# rest of the script runs in a PID namespace, whose end is the end of every
# process in it, and in a network namespace that has nothing but loopback.
# Needs root, mmdebstrap and unshare (util-linux).
set -euo pipefail

findings=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# broken ends the script when the finding could not be tried at all.
broken() {
  echo "NOT TRIED: $*" >&2
  exit 2
}

version() { echo "version:  $*"; }
guess() { echo "guess:    $*"; }
seen() { echo "seen:     $*"; }

# still ends the script when the software still surprises, changed when not.
still() {
  echo "STILL:    $*"
  exit 0
}

changed() {
  echo "CHANGED:  $*"
  exit 1
}

# otherwise ends the script when its Python part did not end with 0: see
# lib/finding.py.
otherwise() {
  [ "$1" != 3 ] || changed "$2"
  broken "the experiment itself failed"
}

outside() { [ -z "${FINDING_WORK:-}" ]; }

if outside; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 2' INT TERM HUP
else
  work=$FINDING_WORK
fi
root=$work/root

# sources prints the machine's own Debian sources for another suite. Unstable
# has neither updates nor security.
sources() {
  local host
  host=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Origin: Debian' 'Identifier: Packages' |
    sort -u | while read -r uri release component; do
      case $1 in
        sid) [ "$release" = "$host" ] || continue ;;
      esac
      echo "deb $uri ${release/$host/$1} $component"
    done
}

# debian SUITE PACKAGE=VERSION... makes a Debian root in $root. With
# USHER_TEST_CACHE set, the root is kept there for the next run. With
# FINDINGS_NEWEST=1 it takes whatever versions the suite has.
debian() {
  local suite=$1 packages kept
  shift
  packages=("$@")
  outside || { print_versions "${packages[@]}"; return 0; }
  [ "$(id -u)" = 0 ] || broken "needs root"
  command -v mmdebstrap > /dev/null || broken "needs the package mmdebstrap"
  [ -z "${FINDINGS_NEWEST:-}" ] || packages=("${packages[@]%%=*}")
  kept=${USHER_TEST_CACHE:+$USHER_TEST_CACHE/finding-$(echo "$suite ${packages[*]}" | sha256sum | cut -c1-16).tar}
  if [ -z "$kept" ] || [ ! -s "$kept" ]; then
    [ -n "$(sources "$suite")" ] || apt-get -q update > /dev/null || broken "no package lists"
    # No Recommends, no byte code, no manuals: half the time.
    sources "$suite" | mmdebstrap --quiet --mode=root --variant=essential --keyring=/usr/share/keyrings \
      --aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' \
      --aptopt='Acquire::Check-Valid-Until "false"' \
      --dpkgopt='path-exclude=/usr/bin/py3compile' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$work/root.tar" - > "$work/mmdebstrap.log" 2>&1 || {
      tail -n 15 "$work/mmdebstrap.log" >&2
      broken "$suite has not these versions (any more), or could not be reached; FINDINGS_NEWEST=1 takes its newest"
    }
    if [ -n "$kept" ]; then
      mkdir -p "$USHER_TEST_CACHE"
      cp "$work/root.tar" "$kept.$$" && mv "$kept.$$" "$kept"
    fi
  fi
  mkdir "$root"
  tar -C "$root" -xf "${kept:-$work/root.tar}"
  rm -f "$work/root.tar"
}

print_versions() {
  local p
  for p in "$@"; do
    version "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package} ${Version}' "${p%%=*}" 2> /dev/null)"
  done
}

# go_program NAME MODULE@VERSION builds a Go program from standard input into
# $work/NAME. Only outside: it needs the module proxy.
go_program() {
  outside || { version "${2/@/ }"; return 0; }
  command -v go > /dev/null || broken "needs go"
  mkdir -p "$work/src/$1"
  cat > "$work/src/$1/main.go"
  (
    cd "$work/src/$1"
    export GOFLAGS=-modcacherw GOMODCACHE=${USHER_TEST_CACHE:-$work}/gomod GOCACHE=${USHER_TEST_CACHE:-$work}/gocache
    go mod init finding && go get "$2" && go build -mod=mod -o "$work/$1" .
  ) > "$work/go.log" 2>&1 || { tail -n 15 "$work/go.log" >&2; broken "could not build with $2"; }
}

# enter runs the rest of the script in namespaces of its own.
enter() {
  if outside; then
    local status=0
    FINDING_WORK=$work unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" || status=$?
    exit "$status"
  fi
  ip link set lo up
  if [ -d "$root" ]; then
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    mkdir -p "$root/finding"
    cp "$findings"/lib/*.py "$root/finding/"
  fi
}

# in_root runs a program of the Debian root.
in_root() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/finding "$@"
}

# eventually COMMAND... repeats a command until it succeeds, for a minute.
eventually() {
  local i
  for i in $(seq 240); do
    "$@" > /dev/null 2>&1 && return 0
    sleep 0.25
  done
  broken "still fails after a minute: $*"
}

# ironic_root makes the root that most findings about Ironic want.
ironic_root() {
  debian trixie ironic-api=1:29.0.5-0+deb13u3 ironic-conductor=1:29.0.5-0+deb13u3
}

# ironic_up [LINES OF [DEFAULT]] starts API and conductor in one process, on
# SQLite, in folders below /finding of the root.
ironic_up() {
  local site=$root/finding
  mkdir -p "$site"/{http,tftp,images,log}
  for image in kernel ramdisk; do echo "the $image" > "$site/images/$image"; done
  cat > "$site/ironic.conf" << CONF
[DEFAULT]
auth_strategy = noauth
rpc_transport = none
host = 127.0.0.1
my_ip = 127.0.0.1
state_path = /finding
log_file = /finding/log/ironic.log
enabled_hardware_types = manual-management,fake-hardware
enabled_boot_interfaces = ipxe,pxe,http,http-ipxe,fake
enabled_deploy_interfaces = direct,ramdisk,fake
enabled_management_interfaces = noop,fake
enabled_power_interfaces = fake
enabled_network_interfaces = noop
default_network_interface = noop
${1:-}
[api]
host_ip = 127.0.0.1
[json_rpc]
host_ip = 127.0.0.1
port = 30089
[database]
connection = sqlite:////finding/ironic.db
[deploy]
http_root = /finding/http
http_url = http://127.0.0.1:8080
[conductor]
automated_clean = false
file_url_allowed_paths = /finding/images
[pxe]
tftp_root = /finding/tftp
tftp_server = 127.0.0.1
tftp_master_path = /finding/master
instance_master_path = /finding/instances
images_path = /finding/images-cache
[dhcp]
dhcp_provider = none
[service_catalog]
auth_type = none
endpoint_override = http://127.0.0.1:6385
[oslo_concurrency]
lock_path = /finding
CONF
  if [ ! -e "$site/ironic.db" ]; then
    in_root ironic-dbsync --config-file /finding/ironic.conf create_schema > "$site/log/schema" 2>&1 ||
      broken "ironic-dbsync: $(tail -n 3 "$site/log/schema")"
  fi
  in_root ironic --config-file /finding/ironic.conf > "$site/log/process" 2>&1 &
  ironic=$!
  eventually ironic_answers
}

# ironic_answers tells whether a conductor has registered.
ironic_answers() {
  in_root python3 -c 'import ironic_client as i, sys; sys.exit(not i.call("GET", "/v1/drivers")[1]["drivers"])'
}

# dhcp_root makes the root of findings that compare DHCP servers.
dhcp_root() {
  debian trixie python3 dnsmasq-base=2.91-1+deb13u2 kea-dhcp4-server=2.6.3-1+deb13u1 isc-dhcp-server=4.4.3-P1-8
}

# dhcp_link makes a network of two ends: lib/dhcp.py asks at client0, the
# server answers at server0.
dhcp_link() {
  ip link add server0 type veth peer name client0
  ip address add 10.9.0.1/24 dev server0
  ip link set server0 up
  ip link set client0 up
}

# machine_root makes the root of findings that boot a virtual machine.
machine_root() {
  debian trixie python3 qemu-system-x86=1:10.0.13+ds-0+deb13u1 ipxe-qemu=1.21.1+git20250501.dad20602+dfsg-1 \
    ovmf=2025.02-8+deb13u1 grub-efi-amd64-signed=1+2.12+9+deb13u4 haproxy=3.0.11-1+deb13u5
}

# http_boot_root makes the root of findings that boot a machine by UEFI HTTP boot.
http_boot_root() {
  debian trixie python3 qemu-system-x86=1:10.0.13+ds-0+deb13u1 ovmf=2025.02-8+deb13u1 dnsmasq-base=2.91-1+deb13u2 \
    grub-common=2.12-9+deb13u4 grub-efi-amd64-bin=2.12-9+deb13u4 grub-efi-amd64-signed=1+2.12+9+deb13u4 \
    shim-signed=1.51~1+deb13u1+16.1-2~deb13u1
}

# http_boot_link makes the network of lib/machine.py's http_boot.
http_boot_link() {
  ip tuntap add tap0 mode tap
  ip address add 10.9.0.1/24 dev tap0
  ip link set tap0 up
}
