// Package dnsmasq writes a static dnsmasq configuration that leads every
// kind of firmware to Usher: the same for every machine, and never touched
// again when machines come and go. It runs no dnsmasq and knows no machine.
//
// What it says was read off real firmware; docs/firmware.md has the boots that
// prove it.
package dnsmasq

import (
	"bytes"
	_ "embed"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"text/template"

	"github.com/usher-boot/usher"
)

//go:embed dnsmasq.conf.tmpl
var text string

// Loader is what UEFI machines are given first.
type Loader string

// The loaders of UEFI machines. BIOS machines always get iPXE.
const (
	IPXE Loader = "ipxe" // boot interfaces ipxe and http-ipxe
	GRUB Loader = "grub" // boot interfaces pxe and http
)

// Config says what differs between networks.
type Config struct {
	Command   string // how the text was made, for its first lines; may be empty
	Interface string
	// Ranges of addresses to lease: "FIRST,LAST[,NETMASK]" and for IPv6
	// "FIRST,LAST[,PREFIX LENGTH]". At least one.
	Range, Range6 string
	Router        string // address, "none", or empty: dnsmasq's own
	Advertise     string // IPv6 prefix to advertise where there is no Range6; may be empty
	// TFTPRoot is the folder that dnsmasq serves by TFTP. Empty: TFTPServer,
	// an address, does it.
	TFTPRoot, TFTPServer string
	// URL and URL6 are the machines' door, LoaderURL the loaders' folder.
	URL, LoaderURL, URL6 string
	UEFI                 Loader
}

// view is what the template sees.
type view struct {
	Config
	TFTPServer6 string // literal, for a URL
	X64, ARM64  string // loaders
	Boot        string // what follows the loader's name in dhcp-boot
}

// Render checks the values and writes the configuration.
func (c Config) Render() ([]byte, error) {
	v := view{Config: c, X64: "snponly.efi", ARM64: "snponly-arm64.efi"}
	if c.UEFI == GRUB {
		v.X64, v.ARM64 = "bootx64.efi", "bootaa64.efi"
	}
	for _, check := range []func(*view) error{checkInterface, checkRanges, checkRouter, checkTFTP, checkURLs} {
		if err := check(&v); err != nil {
			return nil, err
		}
	}
	t, err := template.New("dnsmasq.conf").Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, v)
	return b.Bytes(), err
}

func invalid(format string, args ...any) error {
	return usher.Errorf(usher.ErrInvalid, format, args...)
}

// oneWord refuses what could end a line of the configuration or begin
// another part of it.
func oneWord(what, value string) error {
	if strings.ContainsAny(value, " \t\r\n,#\"\\") {
		return invalid("%s: %q must be one word", what, value)
	}
	return nil
}

func checkInterface(v *view) error {
	if v.Interface == "" {
		return invalid("the network interface is missing")
	}
	if strings.ContainsAny(v.TFTPRoot, "\r\n\"") {
		return invalid("the folder for TFTP: %q has quotes or line breaks", v.TFTPRoot)
	}
	v.Command = strings.Join(strings.Fields(v.Command), " ")
	return oneWord("network interface", v.Interface)
}

func checkRanges(v *view) error {
	if v.Range == "" && v.Range6 == "" {
		return invalid("a range of addresses is needed: FIRST,LAST")
	}
	for _, r := range []struct {
		value string
		v6    bool
	}{{v.Range, false}, {v.Range6, true}} {
		if r.value == "" {
			continue
		}
		parts := strings.Split(r.value, ",")
		if len(parts) < 2 || len(parts) > 3 {
			return invalid("range %q: want FIRST,LAST", r.value)
		}
		first, err1 := netip.ParseAddr(parts[0])
		last, err2 := netip.ParseAddr(parts[1])
		if err1 != nil || err2 != nil || first.Is4() == r.v6 || last.Is4() == r.v6 || last.Less(first) {
			return invalid("range %q: want two addresses of the same kind, the lower first", r.value)
		}
		if err := oneWord("range", parts[len(parts)-1]); err != nil {
			return err
		}
	}
	if v.Advertise != "" {
		if a, err := netip.ParseAddr(v.Advertise); err != nil || !a.Is6() || v.Range6 != "" {
			return invalid("advertised prefix %q: want an IPv6 address such as fd00::, and no IPv6 range", v.Advertise)
		}
	}
	return nil
}

func checkRouter(v *view) error {
	if v.Router == "" || v.Router == "none" {
		return nil
	}
	if a, err := netip.ParseAddr(v.Router); err != nil || !a.Is4() {
		return invalid("router %q: want an IPv4 address or none", v.Router)
	}
	return nil
}

func checkTFTP(v *view) error {
	if (v.TFTPRoot == "") == (v.TFTPServer == "") {
		return invalid("either a folder to serve by TFTP or the address of another TFTP server")
	}
	if v.TFTPServer == "" {
		return nil
	}
	a, err := netip.ParseAddr(v.TFTPServer)
	if err != nil {
		return invalid("TFTP server %q: want an address", v.TFTPServer)
	}
	if a.Is4() {
		v.Boot = ",," + v.TFTPServer
	}
	return nil
}

func checkURLs(v *view) error {
	if v.Range != "" {
		for _, raw := range []*string{&v.URL, &v.LoaderURL} {
			if _, err := door(raw); err != nil {
				return err
			}
		}
	}
	if v.Range6 == "" {
		return nil
	}
	host, err := door(&v.URL6)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(v.TFTPServer); err == nil && a.Is6() {
		host = v.TFTPServer
	}
	if v.TFTPServer6 = host; strings.Contains(host, ":") {
		v.TFTPServer6 = "[" + host + "]"
	}
	return nil
}

// door checks a URL that machines are given and returns its host.
func door(raw *string) (host string, err error) {
	*raw = strings.TrimRight(*raw, "/")
	u, err := url.Parse(*raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", invalid("URL %q: want http://HOST:PORT of the machines' door", *raw)
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return "", invalid("machines cannot reach %s: give the URL of the machines' door as they see it, "+
			"or set [DEFAULT]my_ip", *raw)
	}
	return u.Hostname(), oneWord("URL", *raw)
}
