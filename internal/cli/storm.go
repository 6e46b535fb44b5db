package cli

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/storm"
)

type stormCmd struct {
	API     string        `name:"api" placeholder:"URL" help:"Machines' door to storm. Default: the one of this configuration."`
	Nodes   *int          `placeholder:"N" help:"Machines to play. Default: 100; with --from-db all nodes that wait."`
	FromDB  bool          `name:"from-db" help:"Play the nodes that wait for a boot.ipxe in this configuration's database, which is only read, and check that each gets its own boot file."`
	NICs    int           `name:"nics" default:"1" placeholder:"K" help:"NICs of each machine; a random one is the registered one. Default: 1."`
	Within  time.Duration `placeholder:"DURATION" help:"Power on at random times within this, such as 60s. Default: all at once."`
	Rate    *float64      `placeholder:"R" help:"Power on so many machines a second instead."`
	MACBase string        `name:"mac-base" default:"06:00:00:00:00:00" placeholder:"MAC" help:"First of the MAC addresses that are made up. Default: 06:00:00:00:00:00."`
	Mine    bool          `name:"yes-this-is-mine" help:"Storm a service that is not on this host's loopback."`
	JSON    bool          `name:"json" help:"Print JSON."`
}

// Run exits with 1 if a machine of --from-db got another's boot file or none.
func (c *stormCmd) Run(s *session) error {
	api, address, err := c.target(s)
	if err != nil {
		return err
	}
	o := storm.Options{API: api, Address: address, Within: c.Within, Rate: given(c.Rate), Rounds: bootiface.DefaultRounds, Timeout: bootiface.ChainTimeout}
	if o.Machines, o.IsNode, err = c.machines(s); err != nil {
		return err
	}
	if err := storm.RaiseFiles(c.filesNeeded(len(o.Machines))); err != nil {
		return err
	}
	o.Progress, o.Every = s.stormProgress(c.JSON)
	report := storm.Run(s.ctx, o)
	if terminal(s.Stderr) {
		fmt.Fprint(s.Stderr, "\x1b[2K") // the bar has had its time
	}
	if c.JSON {
		err = s.json(report)
	} else {
		printStorm(s.Stdout, report)
	}
	if err != nil {
		return err
	}
	return c.verdict(report)
}

func (c *stormCmd) verdict(r *storm.Report) error {
	switch {
	case r.Wrong > 0:
		return fmt.Errorf("%d machines got the boot file of another node", r.Wrong)
	case r.Unnamed > 0:
		return fmt.Errorf("the boot files of %d machines name no node, so whose they are cannot be told", r.Unnamed)
	case r.Interrupted:
		return fmt.Errorf("interrupted: %d of %d machines had a boot file by then", r.Configured, r.Machines)
	case c.FromDB && !r.All():
		return fmt.Errorf("%d of %d machines got no boot file", r.Machines-r.Configured, r.Machines)
	case len(r.Answers) == 0:
		return usher.Errorf(usher.ErrUnavailable, "no machine had any answer from %s", r.API)
	case r.Root.Count == 0:
		return fmt.Errorf("no machine got a root script from %s: is that a machines' door ([usher]boot_listen)?", r.API)
	}
	return nil
}

// target is the door and its address, if it may be stormed.
func (c *stormCmd) target(s *session) (*url.URL, netip.AddrPort, error) {
	api, err := c.url(s)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	address, err := storm.Resolve(s.ctx, api)
	if err == nil && !address.Addr().IsLoopback() && !c.Mine {
		err = usher.Errorf(usher.ErrInvalid, "%s is not on this host's loopback, and machines there may be waiting for an answer: "+
			"add --yes-this-is-mine to storm it", api.Host)
	}
	return api, address, err
}

func (c *stormCmd) url(s *session) (*url.URL, error) {
	base := c.API
	if base == "" {
		cfg, err := s.config()
		if err != nil {
			return nil, err
		}
		base = app.LocalURL(cfg.Usher.BootListen)
	}
	api, err := url.Parse(base)
	if err != nil || api.Scheme != "http" || api.Host == "" || strings.Trim(api.Path, "/") != "" {
		return nil, usher.Errorf(usher.ErrInvalid, "--api %q: want the URL of a machines' door, such as http://127.0.0.1:6386", base)
	}
	return api, nil
}

// machines are those of the database, or made up.
func (c *stormCmd) machines(s *session) ([]storm.Machine, func(string) bool, error) {
	base, err := usher.ParseMAC(c.MACBase)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("--mac-base: %w", err)
	case c.NICs < 1 || c.NICs > 64:
		return nil, nil, usher.Errorf(usher.ErrInvalid, "--nics %d: want 1 to 64", c.NICs)
	case c.Nodes != nil && *c.Nodes < 1:
		return nil, nil, usher.Errorf(usher.ErrInvalid, "--nodes %d: want at least 1", *c.Nodes)
	case c.Within < 0 || c.Rate != nil && (*c.Rate <= 0 || c.Within > 0):
		return nil, nil, usher.Errorf(usher.ErrInvalid, "--rate and --within: want one of them, greater than 0")
	}
	var machines []storm.Machine
	var isNode func(string) bool
	if c.FromDB {
		if machines, isNode, err = waiting(s); err != nil {
			return nil, nil, err
		}
		if len(machines) < max(1, given(c.Nodes)) {
			return nil, nil, usher.Errorf(usher.ErrNotFound, "--nodes: only %d nodes with a port to boot from wait for a boot file of iPXE's", len(machines))
		}
		rand.Shuffle(len(machines), func(i, j int) { machines[i], machines[j] = machines[j], machines[i] })
		if c.Nodes != nil {
			machines = machines[:*c.Nodes]
		}
	} else {
		machines = make([]storm.Machine, cmp.Or(given(c.Nodes), 100))
	}
	next := base
	for i := range machines {
		registered := machines[i].NICs // none of a machine that is made up
		nics := make([]usher.MAC, c.NICs)
		for n := range nics {
			nics[n], next = next, after(next)
		}
		if len(registered) > 0 {
			nics[rand.N(len(nics))] = registered[rand.N(len(registered))]
		}
		machines[i].NICs = nics
	}
	return machines, isNode, nil
}

// waiting are the nodes that wait for a boot file of iPXE's, with their
// registered NICs that are answered.
func waiting(s *session) (machines []storm.Machine, isNode func(string) bool, err error) {
	members, err := s.members()
	if err != nil {
		return nil, nil, err
	}
	defer members.Close()
	nodes, err := members.Nodes(s.ctx)
	if err != nil {
		return nil, nil, err
	}
	addresses, err := members.Addresses(s.ctx)
	if err != nil {
		return nil, nil, err
	}
	known, play := map[string]bool{}, map[string]bool{}
	others := 0
	for _, n := range nodes {
		known[n.UUID] = true
		if !usher.MayBoot(n.ProvisionState, true) {
			continue
		}
		if i, ok := bootiface.Lookup(n.BootInterface); ok && slices.Contains(i.Files(), "boot.ipxe") {
			play[n.UUID] = true
		} else {
			others++
		}
	}
	switch {
	case others == 1:
		fmt.Fprintln(s.Stderr, "1 node that waits has a boot interface without iPXE and is left out.")
	case others > 1:
		fmt.Fprintf(s.Stderr, "%d nodes that wait have a boot interface without iPXE and are left out.\n", others)
	}
	cfg, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	nics := map[string][]usher.MAC{}
	for _, a := range addresses {
		if play[a.NodeUUID] && (a.PXEEnabled || cfg.Neutron.AddAllPorts) {
			nics[a.NodeUUID] = append(nics[a.NodeUUID], a.Address)
		}
	}
	for uuid, macs := range nics {
		machines = append(machines, storm.Machine{Node: uuid, NICs: macs})
	}
	return machines, func(uuid string) bool { return known[uuid] }, nil
}

// given is what a flag was set to, or 0.
func given[T int | float64](flag *T) T {
	if flag == nil {
		return 0
	}
	return *flag
}

// after is the next MAC address.
func after(mac usher.MAC) usher.MAC {
	for i := len(mac) - 1; i >= 0; i-- {
		if mac[i]++; mac[i] != 0 {
			break
		}
	}
	return mac
}

// filesNeeded bounds how many connections are open at a time: each machine
// holds its own for 10 s after its last request, and for up to a minute where
// it has to come again.
func (c *stormCmd) filesNeeded(machines int) int {
	const held, others = 60.0, 64
	perSecond := given(c.Rate)
	if c.Within > 0 {
		perSecond = float64(machines) / c.Within.Seconds()
	}
	if perSecond == 0 {
		return machines + others
	}
	return min(machines, int(perSecond*held)) + others
}

// stormProgress draws a bar on a terminal, and says a line now and then
// elsewhere.
func (s *session) stormProgress(quiet bool) (func(storm.Progress), time.Duration) {
	draw := terminal(s.Stderr)
	switch {
	case draw:
		return func(p storm.Progress) {
			const width = 40
			done := width * (p.Configured + p.Lost) / max(1, p.Machines)
			on := width*p.On/max(1, p.Machines) - done
			fmt.Fprintf(s.Stderr, "\x1b[2K[%s%s%s] %d of %d have theirs, %d on, %d answers, %d retries  %.0f s\r",
				strings.Repeat("#", done), strings.Repeat("-", on), strings.Repeat(" ", width-done-on),
				p.Configured, p.Machines, p.On, p.Answers, p.Retries, p.Elapsed.Seconds())
		}, 200 * time.Millisecond
	case quiet:
		return nil, 0
	}
	return func(p storm.Progress) {
		fmt.Fprintf(s.Stderr, "%4.0f s: %d of %d machines on, %d have theirs, %d gave up, %d answers, %d retries\n",
			p.Elapsed.Seconds(), p.On, p.Machines, p.Configured, p.Lost, p.Answers, p.Retries)
	}, 5 * time.Second
}
