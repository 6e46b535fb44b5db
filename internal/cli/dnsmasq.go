package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/dnsmasq"
)

type dnsmasqCmd struct {
	Interface  string `required:"" placeholder:"IF" help:"Network interface that machines boot over."`
	Range      string `placeholder:"A,B[,MASK]" help:"IPv4 addresses to lease."`
	Range6     string `name:"range6" placeholder:"A,B[,LENGTH]" help:"IPv6 addresses to lease."`
	Router     string `placeholder:"ADDR" help:"IPv4 router that machines are told, or none. Default: dnsmasq's own address."`
	Advertise  string `placeholder:"PREFIX" help:"Without --range6: IPv6 prefix to advertise, which spares iPXE before 1.21 a wait of 16 s."`
	UEFI       string `name:"uefi" placeholder:"LOADER" enum:"ipxe,grub" default:"ipxe" help:"What UEFI machines load: ipxe (boot interfaces ipxe, http-ipxe) or grub (pxe, http). Default: ${default}."`
	TFTPRoot   string `name:"tftp-root" placeholder:"DIR" xor:"tftp" help:"Folder to serve by TFTP. Default: [pxe]tftp_root."`
	TFTPServer string `name:"tftp-server" placeholder:"ADDR" xor:"tftp" help:"Another TFTP server, instead of dnsmasq's."`
	URL        string `name:"url" placeholder:"URL" help:"Machines' door. Default: the one of this configuration."`
	URL6       string `name:"url6" placeholder:"URL" help:"Machines' door over IPv6, for --range6."`
}

func (c *dnsmasqCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	url := cmp.Or(c.URL, app.Door(cfg))
	conf := dnsmasq.Config{
		Command:   s.call() + " " + strings.Join(s.args, " "),
		Interface: c.Interface, Range: c.Range, Range6: c.Range6, Router: c.Router, Advertise: c.Advertise,
		TFTPRoot: c.TFTPRoot, TFTPServer: c.TFTPServer,
		URL: url, LoaderURL: cmp.Or(cfg.Deploy.HTTPURL, url), URL6: c.URL6,
		UEFI: dnsmasq.Loader(c.UEFI),
	}
	if conf.TFTPServer == "" && conf.TFTPRoot == "" {
		conf.TFTPRoot = app.TFTPRoot(cfg)
	}
	text, err := conf.Render()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Stdout, "%s", text)
	return err
}
