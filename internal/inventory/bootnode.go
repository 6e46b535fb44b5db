package inventory

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/batch"
)

// byMACJoin meets two unique indexes: ports.address and nodes.id.
const byMACJoin = " FROM ports p JOIN nodes n ON n.id = p.node_id WHERE p.address "

// byMACColumns are those of a node that is found by a port: the node's, and
// whether the port is one to boot from. byMACDests is where they go.
func (r *Reader) byMACColumns() string { return selectList("n", r.fields) + ", p.pxe_enabled" }

func (r *Reader) byMACDests(n *usher.BootNode) []any {
	return append(dests(n, r.fields), disabled{&n.PXEDisabled})
}

// mostMACs is how many addresses one query asks for at most.
const mostMACs = 64

// together prepares look-ups of several addresses by one query.
func (r *Reader) together(connections int) {
	for n := 2; n <= mostMACs; n *= 2 {
		query := "SELECT p.address, " + r.byMACColumns() + byMACJoin + "IN (?" + strings.Repeat(", ?", n-1) + ")"
		r.byMACs = append(r.byMACs, statement{query: r.d.bind(query)})
	}
	r.macs = batch.New(batch.Options[usher.MAC, usher.BootNode]{
		Ask: r.bootNodesByMAC, Most: mostMACs, Width: connections, Timeout: func() time.Duration { return patience },
	})
}

// BootNodeByMAC finds the node that has a port with this address: the one
// query behind every boot request. On a server, requests that come at the same
// time share one; each is answered from what the database held after it came.
func (r *Reader) BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	if r.macs == nil {
		return r.bootNodeByMAC(ctx, mac)
	}
	n, err := r.macs.Do(ctx, mac) // its queries have patience as their bound
	if err != nil && ctx.Err() != nil {
		return usher.BootNode{}, r.d.wrap(ctx, "find node by MAC", ctx.Err())
	}
	return n, err
}

func (r *Reader) bootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	return r.bootNode(ctx, &r.byMAC, mac.String(), "find node by MAC", r.byMACDests, portNotFound)
}

// BootNode finds a node by its UUID.
func (r *Reader) BootNode(ctx context.Context, uuid string) (usher.BootNode, error) {
	to := func(n *usher.BootNode) []any { return dests(n, r.fields) }
	return r.bootNode(ctx, &r.byUUID, uuid, "find node by UUID", to, nodeNotFound)
}

func (r *Reader) bootNode(ctx context.Context, s *statement, key, op string,
	to func(*usher.BootNode) []any, none func(string) error,
) (usher.BootNode, error) {
	var n usher.BootNode
	err := r.read(ctx, op, func(ctx context.Context) error {
		prepared, err := s.on(ctx, r.db)
		if err != nil {
			return err
		}
		err = prepared.QueryRowContext(ctx, key).Scan(to(&n)...)
		if errors.Is(err, sql.ErrNoRows) {
			return none(key)
		}
		return err
	})
	if err != nil {
		return usher.BootNode{}, err
	}
	return n, nil
}

// bootNodesByMAC answers a batch.
func (r *Reader) bootNodesByMAC(ctx context.Context, macs []usher.MAC) ([]batch.Answer[usher.BootNode], error) {
	answers := make([]batch.Answer[usher.BootNode], len(macs))
	if len(macs) == 1 {
		answers[0].Value, answers[0].Err = r.bootNodeByMAC(ctx, macs[0])
		return answers, nil
	}
	found, err := r.findByMACs(ctx, macs)
	for i, mac := range macs {
		n, ok := found[mac]
		if !ok {
			answers[i].Err = portNotFound(mac.String())
		}
		answers[i].Value = n
	}
	return answers, err
}

// findByMACs asks by the smallest statement that takes all addresses; the
// last one fills it up.
func (r *Reader) findByMACs(ctx context.Context, macs []usher.MAC) (found map[usher.MAC]usher.BootNode, err error) {
	size, s := 2, 0
	for size < len(macs) {
		size, s = size*2, s+1
	}
	args := make([]any, size)
	for i := range args {
		args[i] = macs[min(i, len(macs)-1)].String()
	}
	err = r.read(ctx, "find nodes by MAC", func(ctx context.Context) error {
		found = make(map[usher.MAC]usher.BootNode, len(macs))
		prepared, err := r.byMACs[s].on(ctx, r.db)
		if err != nil {
			return err
		}
		rows, err := prepared.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		return each(rows, func(scan func(...any) error) error {
			var mac usher.MAC
			var n usher.BootNode
			if err := scan(append([]any{hardware{&mac}}, r.byMACDests(&n)...)...); err != nil {
				return err
			}
			found[mac] = n
			return nil
		})
	})
	return found, err
}
