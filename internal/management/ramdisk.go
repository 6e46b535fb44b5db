package management

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// tokenSince is when a lookup began to mint the agent's token.
const tokenSince = 62

// agentTokenKey is where Ironic keeps the token, in driver_internal_info.
const agentTokenKey = "agent_secret_token"

// lookupStates are those in which a ramdisk may be running on its node.
var lookupStates = []usher.State{usher.Deploying, usher.DeployWait, usher.Cleaning, usher.CleanWait, usher.Inspecting,
	usher.InspectWait, usher.Rescuing, usher.RescueWait, usher.Servicing, usher.ServiceWait}

// lookup answers GET /v1/lookup: which node is this machine? A node that does
// not exist and one in the wrong state get the same answer.
func (a *API) lookup(w http.ResponseWriter, r *request) error {
	q, err := r.query("addresses", "node_uuid")
	if err != nil {
		return err
	}
	words, err := q.list("addresses")
	if err != nil {
		return err
	}
	id, err := q.uuid("node_uuid")
	if err != nil {
		return err
	}
	var addresses []usher.MAC
	for _, word := range words {
		if m, ok := colonMAC(word); ok {
			addresses = append(addresses, m)
		}
	}
	n, err := a.lookUp(r.Context(), id, addresses)
	if err != nil {
		return err
	}
	var token any
	if s := str(n.DriverInternalInfo[agentTokenKey]); s != "" {
		token = masked // spent: a second ramdisk learns nothing
	}
	if r.minor >= tokenSince && token == nil {
		minted := ""
		if n, minted, err = a.mintToken(r.Context(), n.UUID); err != nil {
			return err
		}
		token = minted
	}
	return answerJSON(w, http.StatusOK, object{
		"node":   r.ramdiskView(n),
		"config": a.ramdiskConfig(token),
	})
}

// ramdiskConfig is how the ramdisk is told to behave: Ironic's defaults, and
// how often to call.
func (a *API) ramdiskConfig(token any) object {
	return object{
		"agent_token":          token,
		"agent_token_required": true,
		"heartbeat_timeout":    int(a.RamdiskHeartbeatTimeout.Seconds()),
		"metrics": object{
			"backend": "noop", "prepend_host": false, "prepend_uuid": false, "prepend_host_reverse": true,
			"global_prefix": nil,
		},
		"metrics_statsd":                 object{"statsd_host": "localhost", "statsd_port": 8125},
		"disable_deep_image_inspection":  false,
		"permitted_image_formats":        []string{"raw", "qcow2", "iso"},
		"enable_bios_bootloader_install": true,
	}
}

// lookUp finds the one node with this UUID, or else with any of these
// addresses, if it may be looked up now.
func (a *API) lookUp(ctx context.Context, id string, addresses []usher.MAC) (*usher.Node, error) {
	var n *usher.Node
	switch {
	case id != "":
		found, err := a.Store.Node(ctx, id)
		if errors.Is(err, usher.ErrNotFound) {
			return nil, hidden()
		}
		if err != nil {
			return nil, err
		}
		n = found
	case len(addresses) > 0:
		found, err := a.Store.Nodes(ctx, usher.NodeFilter{Addresses: addresses})
		if err != nil {
			return nil, err
		}
		if len(found) != 1 {
			return nil, hidden()
		}
		n = found[0]
	default:
		return nil, usher.Errorf(usher.ErrInvalid, "At least one of 'addresses' and 'node_uuid' parameters is required").
			WithClass("IncompleteLookup")
	}
	if a.RestrictLookup && !slices.Contains(lookupStates, n.ProvisionState) {
		return nil, hidden()
	}
	return n, nil
}

// errTokenSpent rolls back the minting of a token where there is one.
var errTokenSpent = errors.New("the node has a token")

// mintToken gives a node its token for this boot, once: of two lookups at the
// same time one gets it.
func (a *API) mintToken(ctx context.Context, uuid string) (*usher.Node, string, error) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	token := base64.RawURLEncoding.EncodeToString(random)
	n, err := a.Store.UpdateNode(ctx, uuid, "", func(n *usher.Node) error {
		if str(n.DriverInternalInfo[agentTokenKey]) != "" {
			return errTokenSpent
		}
		if a.RestrictLookup && !slices.Contains(lookupStates, n.ProvisionState) {
			return hidden()
		}
		info := object{}
		for k, v := range n.DriverInternalInfo {
			info[k] = v
		}
		info[agentTokenKey] = token
		delete(info, "agent_secret_token_pregenerated")
		n.DriverInternalInfo = info
		return nil
	})
	if errors.Is(err, errTokenSpent) {
		n, err = a.Store.Node(ctx, uuid)
		return n, masked, err
	}
	return n, token, err
}

// heartbeat answers POST /v1/heartbeat/{node}. A node that does not exist and a
// wrong token get the same answer.
func (a *API) heartbeat(w http.ResponseWriter, r *request) error {
	args, err := readArguments(r, "callback_url", "agent_version", "agent_token", "agent_verify_ca", "agent_status",
		"agent_status_message")
	if err != nil {
		return err
	}
	beat, err := r.readHeartbeat(args)
	if err != nil {
		return err
	}
	if beat.AgentToken == "" {
		return invalid("Agent token is required for heartbeat processing.")
	}
	switch beat.AgentStatus {
	case "", "start", "end", "error":
	default:
		return invalid("Agent status is invalid. Valid states are start,end,error.")
	}
	ident := r.PathValue("node")
	if id, ok := canonicalUUID(ident); ok {
		ident = id
	}
	n, err := a.node(r.Context(), r, ident)
	if err != nil {
		return err
	}
	// Without the token of this boot nobody learns whether the node exists.
	want := str(n.DriverInternalInfo[agentTokenKey])
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(beat.AgentToken)) != 1 {
		return nodeNotFound(ident)
	}
	if url := str(n.DriverInternalInfo["agent_url"]); url != "" && url != beat.CallbackURL {
		return usher.Errorf(usher.ErrInvalid, "Detected change in ramdisk provided \"callback_url\"").WithClass("Invalid")
	}
	if err := a.Conductor.Heartbeat(r.Context(), n.UUID, beat); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (r *request) readHeartbeat(args arguments) (usher.Heartbeat, error) {
	var b usher.Heartbeat
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"callback_url", &b.CallbackURL}, {"agent_version", &b.AgentVersion}, {"agent_token", &b.AgentToken},
		{"agent_verify_ca", &b.AgentVerifyCA}, {"agent_status", &b.AgentStatus},
		{"agent_status_message", &b.AgentStatusMessage},
	} {
		var err error
		if *f.to, err = args.string(f.name); err != nil {
			return b, err
		}
	}
	switch {
	case !args.has("callback_url"):
		return b, invalid("Missing mandatory parameter: callback_url").WithClass("MissingParameterValue")
	case strings.ContainsRune(b.CallbackURL, 0):
		return b, invalid("callback_url must not contain a NUL character")
	case b.AgentVersion != "" && r.minor < 36:
		return b, invalid("Field \"agent_version\" not recognised")
	case (b.AgentStatus != "" || b.AgentStatusMessage != "") && r.minor < 72:
		return b, invalid("Fields \"agent_status\" and \"agent_status_message\" not recognised.")
	case args.has("agent_verify_ca") && r.minor < 68:
		return b, invalid("Field \"agent_verify_ca\" not recognised in this version")
	}
	return b, nil
}
