package management_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/noauth"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/conductors"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/drivers"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/ports"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/management"
)

// TestGophercloud is what Metal3 and Terraform do: gophercloud, unchanged.
func TestGophercloud(t *testing.T) {
	w := newWorkshop(t)
	client, err := noauth.NewBareMetalNoAuth(noauth.EndpointOpts{IronicEndpoint: w.url + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	client.Microversion = "1.87"
	ctx := t.Context()

	n := must(nodes.Create(ctx, client, nodes.CreateOpts{
		Name: "alpha", Driver: "manual-management", BootInterface: "ipxe", DeployInterface: "ramdisk",
		DriverInfo: map[string]any{"deploy_kernel": "file:///k", "redfish_password": "sesame"},
		Properties: map[string]any{"cpu_arch": "x86_64"}, Owner: "me",
	}).Extract())(t)
	if n.ProvisionState != string(nodes.Enroll) || n.DeployInterface != "ramdisk" || n.DriverInfo["redfish_password"] != "******" ||
		n.CreatedAt.IsZero() {
		t.Errorf("created %+v", n)
	}
	for range 4 {
		must(nodes.Create(ctx, client, nodes.CreateOpts{Driver: "manual-management"}).Extract())(t)
	}
	// Pages of two, by the links.
	var names []string
	err = nodes.List(client, nodes.ListOpts{Limit: 2}).EachPage(ctx, func(_ context.Context, page gophercloudPage) (bool, error) {
		list, err := nodes.ExtractNodes(page)
		for _, n := range list {
			names = append(names, n.UUID)
		}
		return len(list) > 0, err
	})
	if err != nil || len(names) == 0 {
		t.Errorf("list: %v, %v", names, err)
	}
	page := must(nodes.ListDetail(client, nodes.ListOpts{ProvisionState: nodes.Enroll, Owner: "me"}).AllPages(ctx))(t)
	if list := must(nodes.ExtractNodes(page))(t); len(list) != 1 || list[0].Name != "alpha" {
		t.Errorf("filtered list: %+v", list)
	}

	n = must(nodes.Update(ctx, client, "alpha", nodes.UpdateOpts{
		nodes.UpdateOperation{Op: nodes.AddOp, Path: "/instance_info/image_source", Value: "http://images/i"},
		nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/properties/cpu_arch", Value: "aarch64"},
		nodes.UpdateOperation{Op: nodes.RemoveOp, Path: "/owner"},
	}).Extract())(t)
	if n.Owner != "" || n.Properties["cpu_arch"] != "aarch64" {
		t.Errorf("updated %+v", n)
	}

	p := must(ports.Create(ctx, client, ports.CreateOpts{NodeUUID: n.UUID, Address: "52:54:00:AA:00:01"}).Extract())(t)
	if p.Address != "52:54:00:aa:00:01" || !p.PXEEnabled {
		t.Errorf("port %+v", p)
	}
	_, err = ports.Create(ctx, client, ports.CreateOpts{NodeUUID: n.UUID, Address: "52:54:00:aa:00:01"}).Extract()
	if !gophercloud.ResponseCodeIs(err, 409) {
		t.Errorf("second port: %v", err)
	}
	portPage := must(ports.ListDetail(client, ports.ListOpts{Address: "52:54:00:aa:00:01"}).AllPages(ctx))(t)
	if list := must(ports.ExtractPorts(portPage))(t); len(list) != 1 || list[0].UUID != p.UUID {
		t.Errorf("ports: %+v", list)
	}
	must(ports.Update(ctx, client, p.UUID, ports.UpdateOpts{
		ports.UpdateOperation{Op: ports.AddOp, Path: "/extra/a", Value: "b"}}).Extract())(t)

	change := func(opts nodes.ProvisionStateOpts) {
		t.Helper()
		if err := nodes.ChangeProvisionState(ctx, client, "alpha", opts).ExtractErr(); err != nil {
			t.Errorf("%s: %v", opts.Target, err)
		}
	}
	change(nodes.ProvisionStateOpts{Target: nodes.TargetManage})
	change(nodes.ProvisionStateOpts{Target: nodes.TargetProvide})
	deploySteps := []nodes.DeployStep{{Interface: nodes.InterfaceDeploy, Step: "x", Args: map[string]any{"a": 1}, Priority: 50}}
	change(nodes.ProvisionStateOpts{Target: nodes.TargetActive, DeploySteps: deploySteps,
		ConfigDrive: nodes.ConfigDrive{UserData: "#cloud-config"}})
	change(nodes.ProvisionStateOpts{Target: nodes.TargetService,
		ServiceSteps: []nodes.ServiceStep{{Interface: nodes.InterfaceDeploy, Step: "y"}}})
	change(nodes.ProvisionStateOpts{Target: nodes.TargetDeleted})
	err = nodes.ChangeProvisionState(ctx, client, "alpha", nodes.ProvisionStateOpts{Target: nodes.TargetRescue, RescuePassword: "x"}).ExtractErr()
	if !gophercloud.ResponseCodeIs(err, 400) {
		t.Errorf("rescue while available: %v", err)
	}
	var events []usher.Event
	for _, a := range w.conductor.actions {
		events = append(events, a.Event)
	}
	if diff := cmp.Diff([]usher.Event{"manage", "provide", "deploy", "service", "delete"}, events); diff != "" {
		t.Error(diff)
	}
	if got := w.conductor.actions[2]; got.ConfigDrive == nil || got.DeploySteps == nil {
		t.Errorf("deploy was asked as %+v", got)
	}

	must(0, nodes.SetMaintenance(ctx, client, "alpha", nodes.MaintenanceOpts{Reason: "fan"}).ExtractErr())(t)
	must(0, nodes.UnsetMaintenance(ctx, client, "alpha").ExtractErr())(t)
	if v := must(nodes.Validate(ctx, client, "alpha").Extract())(t); !v.Boot.Result || v.Deploy.Result {
		t.Errorf("validate: %+v", v)
	}
	if c := must(conductors.Get(ctx, client, host).Extract())(t); !c.Alive {
		t.Errorf("conductor %+v", c)
	}
	if d := must(drivers.GetDriverDetails(ctx, client, "manual-management").Extract())(t); d.DefaultBootInterface != "ipxe" {
		t.Errorf("driver %+v", d)
	}
	must(0, ports.Delete(ctx, client, p.UUID).ExtractErr())(t)
	must(0, nodes.Delete(ctx, client, "alpha").ExtractErr())(t)
	_, err = nodes.Get(ctx, client, "alpha").Extract()
	if !gophercloud.ResponseCodeIs(err, 404) {
		t.Errorf("deleted node: %v", err)
	}
}

// TestPages walks a list by its next links, filters included.
func TestPages(t *testing.T) {
	w := newWorkshop(t, func(o *management.Options) { o.MaxLimit = 2 })
	for i := range 7 {
		n := usher.Node{UUID: nodeUUID(i), Driver: "manual-management", ProvisionState: usher.Enroll,
			BootInterface: "ipxe", Description: []string{"even", "odd"}[i%2]}
		if err := w.store.CreateNode(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]int{"": 7, "?description_contains=eve": 4, "?conductor=" + host: 7, "?conductor=x": 0,
		"?driver=manual-management&limit=3": 7, "?limit=1&sort_key=uuid&sort_dir=desc": 7, "?fields=uuid,name": 7} {
		seen := map[string]bool{}
		for url, pages := "/v1/nodes"+query, 0; url != ""; pages++ {
			a := ask(t, w.url, step{Method: "GET", Path: url, Version: "1.82"})
			body, _ := a.Body.(map[string]any)
			list, _ := body["nodes"].([]any)
			if a.Status != 200 || len(list) > 2 || pages > 10 {
				t.Fatalf("%s: %d, %d nodes, page %d: %v", url, a.Status, len(list), pages, a.Body)
			}
			for _, n := range list {
				o := n.(map[string]any)
				if id, ok := o["uuid"].(string); ok {
					seen[id] = true
				}
			}
			next, _ := body["next"].(string)
			url = ""
			if next != "" {
				url = next[len("http://ironic"):]
			}
		}
		if len(seen) != want {
			t.Errorf("%q: %d nodes, want %d", query, len(seen), want)
		}
	}
}
