package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
)

type ringCmd struct {
	Node    string   `arg:"" optional:"" help:"Name, UUID or MAC address of a node: print its owner and the next conductors only."`
	Group   *string  `placeholder:"GROUP" help:"Conductor group; \"\" is the one without a name. Default: all."`
	Driver  string   `placeholder:"TYPE" help:"Hardware type. Default: all."`
	Without []string `placeholder:"HOST" help:"What if this conductor were gone? May be repeated."`
	With    []string `placeholder:"HOST" help:"What if this conductor were active too? May be repeated."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// ringRow is one conductor's part of one ring.
type ringRow struct {
	Group      string   `json:"conductor_group"`
	Driver     string   `json:"driver"`
	Conductor  string   `json:"conductor"`
	Share      float64  `json:"share"`
	Nodes      int      `json:"nodes"`
	ShareAfter *float64 `json:"share_after,omitempty"`
	NodesAfter *int     `json:"nodes_after,omitempty"`
}

// ringMove is a node that would change its owner.
type ringMove struct {
	Node string `json:"node"`
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// ringNode is one node's place.
type ringNode struct {
	Node        string   `json:"node"`
	Name        string   `json:"name"`
	Group       string   `json:"conductor_group"`
	Driver      string   `json:"driver"`
	Owners      []string `json:"owners"` // the owner first, then who would be next
	OwnersAfter []string `json:"owners_after,omitempty"`
}

// Run reads the database itself, so it works while the API is down.
func (c *ringCmd) Run(s *session) (err error) {
	members, err := s.members()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, members.Close()) }()
	now, err := members.Now(s.ctx)
	if err != nil {
		return err
	}
	var after *app.Rings // nil where nothing is supposed
	if len(c.With)+len(c.Without) > 0 {
		group := ""
		if c.Group != nil {
			group = *c.Group
		}
		if after, err = members.Supposed(s.ctx, c.Without, c.With, group, c.Driver); err != nil {
			return err
		}
	}
	if c.Node != "" {
		return c.node(s, members, now, after)
	}
	return c.table(s, members, now, after)
}

func (c *ringCmd) node(s *session, members *app.Members, now, after *app.Rings) error {
	n, err := findNode(s.ctx, members, c.Node)
	if err != nil {
		return err
	}
	row := ringNode{Node: n.UUID, Name: n.Name, Group: n.ConductorGroup, Driver: n.Driver, Owners: now.Owners(n)}
	if after != nil {
		row.OwnersAfter = after.Owners(n)
	}
	switch {
	case len(row.Owners) == 0 && len(row.OwnersAfter) == 0:
		return usher.Errorf(usher.ErrUnavailable, "no active conductor serves hardware type %s of conductor group %q",
			n.Driver, n.ConductorGroup)
	case c.JSON:
		return s.json(row)
	}
	fmt.Fprintf(s.Stdout, "Node %s (%s), hardware type %s, conductor group %q\n", n.UUID, n.Name, n.Driver, n.ConductorGroup)
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	placeLine(t, "now", row.Owners)
	if after != nil {
		placeLine(t, "then", row.OwnersAfter)
	}
	return t.Flush()
}

func placeLine(w io.Writer, when string, owners []string) {
	if len(owners) == 0 {
		fmt.Fprintf(w, "%s\tno conductor\n", when)
		return
	}
	fmt.Fprintf(w, "%s\towner %s\tnext %s\n", when, owners[0], cmp.Or(strings.Join(owners[1:], ", "), "-"))
}

// findNode takes a MAC address, a UUID or a name.
func findNode(ctx context.Context, members *app.Members, ident string) (usher.BootNode, error) {
	if mac, err := usher.ParseMAC(ident); err == nil {
		return members.NodeByMAC(ctx, mac)
	}
	nodes, err := members.Nodes(ctx)
	if err != nil {
		return usher.BootNode{}, err
	}
	for _, n := range nodes {
		if n.UUID == strings.ToLower(ident) || n.Name == ident {
			return n, nil
		}
	}
	return usher.BootNode{}, usher.Errorf(usher.ErrNotFound, "Node %s could not be found.", ident)
}

func (c *ringCmd) table(s *session, members *app.Members, now, after *app.Rings) error {
	nodes, err := members.Nodes(s.ctx)
	if err != nil {
		return err
	}
	type key struct{ group, driver, host string }
	rows := map[key]*ringRow{}
	row := func(group, driver, host string) *ringRow {
		k := key{group, driver, host}
		if rows[k] == nil {
			rows[k] = &ringRow{Group: group, Driver: driver, Conductor: host}
			if after != nil {
				rows[k].ShareAfter, rows[k].NodesAfter = new(float64), new(int)
			}
		}
		return rows[k]
	}
	for _, share := range now.Shares() {
		row(share.Group, share.Driver, share.Host).Share = share.Part
	}
	if after != nil {
		for _, share := range after.Shares() {
			*row(share.Group, share.Driver, share.Host).ShareAfter = share.Part
		}
	}
	moves, nobodys := []ringMove{}, 0
	for _, n := range nodes {
		if !c.wanted(n.ConductorGroup, n.Driver) {
			continue
		}
		from, to := first(now.Owners(n)), ""
		if from != "" {
			row(n.ConductorGroup, n.Driver, from).Nodes++
		} else {
			nobodys++
		}
		if after == nil {
			continue
		}
		if to = first(after.Owners(n)); to != "" {
			*row(n.ConductorGroup, n.Driver, to).NodesAfter++
		}
		if from != to {
			moves = append(moves, ringMove{n.UUID, n.Name, from, to})
		}
	}
	list := slices.DeleteFunc(slices.Collect(maps.Values(rows)), func(r *ringRow) bool { return !c.wanted(r.Group, r.Driver) })
	slices.SortFunc(list, func(a, b *ringRow) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Driver, b.Driver), strings.Compare(a.Conductor, b.Conductor))
	})
	if c.JSON {
		return s.json(struct {
			Conductors []*ringRow `json:"conductors"`
			Moves      []ringMove `json:"moves"`
			Nobodys    int        `json:"nodes_without_conductor"`
		}{list, moves, nobodys})
	}
	return printRing(s.Stdout, list, moves, nobodys, len(nodes), after != nil)
}

func printRing(w io.Writer, list []*ringRow, moves []ringMove, nobodys, all int, supposed bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(t, "GROUP\tHARDWARE TYPE\tCONDUCTOR\tSHARE\tNODES")
	if supposed {
		fmt.Fprint(t, "\tSHARE THEN\tNODES THEN")
	}
	fmt.Fprintln(t)
	for _, r := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f %%\t%d", cmp.Or(r.Group, "-"), r.Driver, r.Conductor, 100*r.Share, r.Nodes)
		if supposed {
			fmt.Fprintf(t, "\t%.1f %%\t%d", 100**r.ShareAfter, *r.NodesAfter)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if nobodys > 0 {
		fmt.Fprintf(w, "\n%d nodes have no active conductor of their group and hardware type.\n", nobodys)
	}
	if !supposed {
		return nil
	}
	fmt.Fprintf(w, "\n%d of %d nodes would move", len(moves), all)
	by := map[ringMove]int{}
	for _, m := range moves {
		by[ringMove{From: m.From, To: m.To}]++
	}
	before := ": "
	for _, way := range slices.SortedFunc(maps.Keys(by), func(a, b ringMove) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	}) {
		fmt.Fprintf(w, "%s%d from %s to %s", before, by[way], cmp.Or(way.From, "nobody"), cmp.Or(way.To, "nobody"))
		before = ", "
	}
	fmt.Fprintln(w, ".")
	return nil
}

// wanted applies --group and --driver.
func (c *ringCmd) wanted(group, driver string) bool {
	return (c.Group == nil || strings.EqualFold(*c.Group, group)) && (c.Driver == "" || c.Driver == driver)
}

func first(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return hosts[0]
}
