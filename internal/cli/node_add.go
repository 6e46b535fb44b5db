package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/ports"

	"github.com/usher-boot/usher"
)

type nodeAddCmd struct {
	Name            string   `arg:"" help:"Name of the node."`
	MAC             []string `name:"mac" required:"" placeholder:"MAC" help:"MAC address of a port; may be repeated."`
	Kernel          string   `required:"" placeholder:"URL" help:"Kernel to boot: http(s):// or, below [conductor]file_url_allowed_paths, file://."`
	Ramdisk         string   `required:"" placeholder:"URL" help:"Its ramdisk."`
	Param           []string `sep:"none" placeholder:"P" help:"Kernel parameter, after the configured ones; may be repeated."`
	BootInterface   string   `name:"boot-interface" placeholder:"NAME" help:"Boot interface. Default: the conductor's."`
	DeployInterface string   `name:"deploy-interface" placeholder:"NAME" default:"custom-agent" enum:"direct,custom-agent,ramdisk" help:"${enum}. With ramdisk the kernel is the instance itself and the node goes straight to active. Default: ${default}."`
	Driver          string   `default:"manual-management" help:"Hardware type. Default: ${default}."`
	ConductorGroup  string   `name:"conductor-group" placeholder:"GROUP" help:"Conductor group."`
}

// Run creates the node whole or not at all.
func (c *nodeAddCmd) Run(s *session, g *grammar) error {
	macs := make([]usher.MAC, len(c.MAC))
	for i, text := range c.MAC {
		var err error
		if macs[i], err = usher.ParseMAC(text); err != nil {
			return err
		}
	}
	client, err := g.Node.client(s)
	if err != nil {
		return err
	}
	node, err := nodes.Create(s.ctx, client, c.options()).Extract()
	if err != nil {
		return apiError(err)
	}
	if err := c.complete(s.ctx, client, node.UUID, macs); err != nil {
		// Not under the context that may have ended: nothing half is left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
		defer cancel()
		if undo := nodes.Delete(ctx, client, node.UUID).ExtractErr(); undo != nil {
			err = errors.Join(err, fmt.Errorf("node %s was created and could not be deleted again: %w", node.UUID, apiError(undo)))
		}
		return err
	}
	fmt.Fprintf(s.Stdout, "Node %s (%s) is available. Next: %s node deploy %[1]s\n", c.Name, node.UUID, s.call())
	return nil
}

func (c *nodeAddCmd) options() nodes.CreateOpts {
	opts := nodes.CreateOpts{Name: c.Name, Driver: c.Driver, BootInterface: c.BootInterface,
		DeployInterface: c.DeployInterface, ConductorGroup: c.ConductorGroup, DriverInfo: map[string]any{}}
	if c.DeployInterface != "ramdisk" {
		opts.DriverInfo["deploy_kernel"] = c.Kernel
		opts.DriverInfo["deploy_ramdisk"] = c.Ramdisk
	}
	if len(c.Param) > 0 {
		opts.DriverInfo["kernel_append_params"] = "%default% " + strings.Join(c.Param, " ")
	}
	return opts
}

// complete adds what belongs to the node and makes it available.
func (c *nodeAddCmd) complete(ctx context.Context, client *gophercloud.ServiceClient, uuid string, macs []usher.MAC) error {
	if c.DeployInterface == "ramdisk" { // the API takes instance_info by PATCH only, as Ironic's
		_, err := nodes.Update(ctx, client, uuid, nodes.UpdateOpts{
			nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/instance_info", Value: map[string]any{
				"kernel": c.Kernel, "ramdisk": c.Ramdisk}},
		}).Extract()
		if err != nil {
			return apiError(err)
		}
	}
	for _, mac := range macs {
		if _, err := ports.Create(ctx, client, ports.CreateOpts{NodeUUID: uuid, Address: mac.String()}).Extract(); err != nil {
			return apiError(err)
		}
	}
	for _, step := range []struct {
		verb nodes.TargetProvisionState
		end  string
	}{{nodes.TargetManage, "manageable"}, {nodes.TargetProvide, "available"}} {
		if err := provision(ctx, client, uuid, step.verb); err != nil {
			return err
		}
		if _, err := await(ctx, client, uuid, nil); err != nil {
			return err
		}
	}
	return nil
}
