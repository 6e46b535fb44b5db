package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/ports"
)

type nodeCmd struct {
	endpoint
	Add      nodeAddCmd      `cmd:"" help:"Create a node with its ports and make it available, in one step."`
	List     nodeListCmd     `cmd:"" help:"List nodes."`
	Show     nodeShowCmd     `cmd:"" help:"Show one node."`
	Deploy   nodeDeployCmd   `cmd:"" help:"Deploy a node: from now on it gets its boot file."`
	Undeploy nodeUndeployCmd `cmd:"" help:"Tear a node's deployment down."`
	Abort    nodeAbortCmd    `cmd:"" help:"End the wait for a node's ramdisk with a failure."`
	Done     nodeDoneCmd     `cmd:"" help:"End the wait for a node's ramdisk as its heartbeat would."`
	Delete   nodeDeleteCmd   `cmd:"" help:"Delete a node."`
}

type nodeListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// nodeRow is a node as the list prints it.
type nodeRow struct {
	Name          string   `json:"name"`
	UUID          string   `json:"uuid"`
	State         string   `json:"provision_state"`
	BootInterface string   `json:"boot_interface"`
	MACs          []string `json:"macs"`
	LastError     string   `json:"last_error"`
}

func (c *nodeListCmd) Run(s *session, g *grammar) error {
	client, err := g.Node.client(s)
	if err != nil {
		return err
	}
	rows, err := nodeRows(s.ctx, client)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(rows)
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tUUID\tPROVISION STATE\tBOOT INTERFACE\tMACS")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.UUID, r.State, r.BootInterface, strings.Join(r.MACs, " "))
	}
	return t.Flush()
}

func nodeRows(ctx context.Context, client *gophercloud.ServiceClient) ([]nodeRow, error) {
	macs, err := macsByNode(ctx, client, "")
	if err != nil {
		return nil, err
	}
	pages, err := nodes.ListDetail(client, nodes.ListOpts{}).AllPages(ctx)
	if err != nil {
		return nil, apiError(err)
	}
	list, err := nodes.ExtractNodes(pages)
	if err != nil {
		return nil, apiError(err)
	}
	rows := make([]nodeRow, len(list))
	for i, n := range list {
		rows[i] = row(&n, macs[n.UUID])
	}
	return rows, nil
}

func row(n *nodes.Node, macs []string) nodeRow {
	return nodeRow{n.Name, n.UUID, n.ProvisionState, n.BootInterface, slices.Clip(append([]string{}, macs...)), n.LastError}
}

// macsByNode lists the ports' addresses of one node or, with "", of all.
func macsByNode(ctx context.Context, client *gophercloud.ServiceClient, nodeUUID string) (map[string][]string, error) {
	pages, err := ports.ListDetail(client, ports.ListOpts{NodeUUID: nodeUUID}).AllPages(ctx)
	if err != nil {
		return nil, apiError(err)
	}
	list, err := ports.ExtractPorts(pages)
	if err != nil {
		return nil, apiError(err)
	}
	macs := map[string][]string{}
	for _, p := range list {
		macs[p.NodeUUID] = append(macs[p.NodeUUID], p.Address)
	}
	return macs, nil
}

type nodeShowCmd struct {
	Node string `arg:"" help:"Name or UUID."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *nodeShowCmd) Run(s *session, g *grammar) error {
	client, err := g.Node.client(s)
	if err != nil {
		return err
	}
	n, err := nodes.Get(s.ctx, client, c.Node).Extract()
	if err != nil {
		return apiError(err)
	}
	macs, err := macsByNode(s.ctx, client, n.UUID)
	if err != nil {
		return err
	}
	r := row(n, macs[n.UUID])
	if c.JSON {
		return s.json(r)
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	for _, line := range [][2]string{
		{"name", r.Name}, {"uuid", r.UUID}, {"provision state", r.State}, {"target", n.TargetProvisionState},
		{"last error", r.LastError}, {"macs", strings.Join(r.MACs, " ")}, {"driver", n.Driver},
		{"boot interface", r.BootInterface}, {"deploy interface", n.DeployInterface},
		{"conductor", n.Conductor}, {"maintenance", fmt.Sprint(n.Maintenance)},
	} {
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	return t.Flush()
}

type nodeDeleteCmd struct {
	Node string `arg:"" help:"Name or UUID."`
}

func (c *nodeDeleteCmd) Run(s *session, g *grammar) error {
	client, err := g.Node.client(s)
	if err != nil {
		return err
	}
	if err := nodes.Delete(s.ctx, client, c.Node).ExtractErr(); err != nil {
		return apiError(err)
	}
	fmt.Fprintf(s.Stdout, "Node %s is deleted.\n", c.Node)
	return nil
}
