package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"

	"github.com/usher-boot/usher"
)

type nodeDeployCmd struct {
	Node string `arg:"" help:"Name or UUID."`
}

func (c *nodeDeployCmd) Run(s *session, g *grammar) error {
	return g.Node.verb(s, c.Node, nodes.TargetActive)
}

type nodeUndeployCmd struct {
	Node string `arg:"" help:"Name or UUID."`
}

func (c *nodeUndeployCmd) Run(s *session, g *grammar) error {
	return g.Node.verb(s, c.Node, nodes.TargetDeleted)
}

type nodeAbortCmd struct {
	Node string `arg:"" help:"Name or UUID."`
}

func (c *nodeAbortCmd) Run(s *session, g *grammar) error {
	return g.Node.verb(s, c.Node, nodes.TargetAbort)
}

// verb asks for a provision state and waits until the conductor has done its
// part: until the node waits for its ramdisk or is at rest.
func (n *nodeCmd) verb(s *session, ident string, target nodes.TargetProvisionState) error {
	client, err := n.client(s)
	if err != nil {
		return err
	}
	if err := provision(s.ctx, client, ident, target); err != nil {
		return err
	}
	return n.outcome(s, client, ident)
}

// outcome waits for the end of the conductor's work and tells it.
func (n *nodeCmd) outcome(s *session, client *gophercloud.ServiceClient, ident string) error {
	node, err := await(s.ctx, client, ident, s.progress(ident))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Stdout, "Node %s: %s\n", ident, node.ProvisionState)
	return nil
}

func provision(ctx context.Context, client *gophercloud.ServiceClient, ident string, target nodes.TargetProvisionState) error {
	return apiError(nodes.ChangeProvisionState(ctx, client, ident, nodes.ProvisionStateOpts{Target: target}).ExtractErr())
}

// await polls until the node is in no transient state. A "* failed" state is
// an error with the node's last_error.
func await(ctx context.Context, client *gophercloud.ServiceClient, ident string, tick func(state string)) (*nodes.Node, error) {
	for {
		node, err := nodes.Get(ctx, client, ident).Extract()
		if err != nil {
			return nil, apiError(err)
		}
		if tick != nil {
			tick(node.ProvisionState)
		}
		if !usher.State(node.ProvisionState).Transient() {
			if node.LastError != "" {
				return node, fmt.Errorf("node %s is now %q: %s", ident, node.ProvisionState, node.LastError)
			}
			return node, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// progress draws how long the conductor has been at work, where standard
// error is a terminal.
func (s *session) progress(ident string) func(state string) {
	if !terminal(s.Stderr) {
		return nil
	}
	began := time.Now()
	return func(state string) {
		if usher.State(state).Transient() {
			fmt.Fprintf(s.Stderr, "\r\033[K%s: %s, %d s", ident, state, int(time.Since(began).Seconds()))
		} else {
			fmt.Fprint(s.Stderr, "\r\033[K")
		}
	}
}

type nodeDoneCmd struct {
	Node string `arg:"" help:"Name or UUID."`
}

// Run does what a ramdisk does when it has booted, for ramdisks that do not
// call back themselves: it looks the node up, which gives it the agent token,
// and calls. A node whose own ramdisk has taken the token is left to it.
func (c *nodeDoneCmd) Run(s *session, g *grammar) error {
	client, err := g.Node.client(s)
	if err != nil {
		return err
	}
	node, err := nodes.Get(s.ctx, client, c.Node).Extract()
	if err != nil {
		return apiError(err)
	}
	var found struct {
		Config struct {
			AgentToken string `json:"agent_token"`
		} `json:"config"`
	}
	resp, err := client.Get(s.ctx, client.ServiceURL("lookup")+"?node_uuid="+node.UUID, &found, nil)
	if err != nil {
		if errors.Is(apiError(err), usher.ErrNotFound) {
			return usher.Errorf(usher.ErrInvalid, "node %s is %q and waits for no ramdisk", c.Node, node.ProvisionState)
		}
		return apiError(err)
	}
	defer resp.Body.Close()
	if token := found.Config.AgentToken; token == "" || strings.Trim(token, "*") == "" {
		return usher.Errorf(usher.ErrConflict, "the ramdisk of node %s has called already and will end the wait itself; "+
			"to end it with a failure: %s node abort %[1]s", c.Node, s.call())
	}
	resp, err = client.Post(s.ctx, client.ServiceURL("heartbeat", node.UUID), map[string]string{
		"callback_url": "http://127.0.0.1/", "agent_version": "operator", "agent_token": found.Config.AgentToken,
	}, nil, &gophercloud.RequestOpts{OkCodes: []int{http.StatusAccepted}})
	if err != nil {
		return apiError(err)
	}
	defer resp.Body.Close()
	return g.Node.outcome(s, client, c.Node)
}
