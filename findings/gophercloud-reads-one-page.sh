#!/usr/bin/env bash
# Ironic gives long lists in pages, 1000 items at most; each page names the next
# one in "next". gophercloud's nodes.List(...).AllPages promises all of them.
#
# gophercloud 2.15.0 looks for "nodes_links" instead ("ports_links",
# "conductor_links", and so on), which Ironic 29.0.5 (Debian 13) does not send.
# So AllPages returns the first page, without an error: on a site of 1500 nodes
# 500 are not there. Metal3 and other operators are written with it.
#
# For a site: page by hand, with ListOpts.Marker, until a page is empty. Usher's
# lists are paged as Ironic's are.
. "$(dirname "$0")/lib.sh"
ironic_root
go_program pages github.com/gophercloud/gophercloud/v2@v2.15.0 << 'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/noauth"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
)

func main() {
	client, err := noauth.NewBareMetalNoAuth(noauth.EndpointOpts{IronicEndpoint: "http://127.0.0.1:6385/v1"})
	check(err)
	client.Microversion = "1.50"
	pages, err := nodes.List(client, nodes.ListOpts{Limit: 2}).AllPages(context.Background())
	check(err)
	list, err := nodes.ExtractNodes(pages)
	check(err)
	fmt.Println(len(list))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
enter
ironic_up

guess "five nodes in pages of two: AllPages returns 5"
in_root python3 - << 'PY'
import ironic_client as ironic

for number in range(5):
    ironic.create_node(f'node-{number}')
page = ironic.call('GET', '/v1/nodes?limit=2')[1]
print('seen:     Ironic\'s first page has', len(page['nodes']), 'nodes and the keys', sorted(page))
PY
got=$("$work/pages")
seen "AllPages returned $got nodes, without an error"
[ "$got" = 2 ] || changed "gophercloud follows Ironic's pages"
still "gophercloud stops after the first page"
