package usher

// ProvisionAction is what a client asks of a node's conductor with
// PUT /v1/nodes/<node>/states/provision.
type ProvisionAction struct {
	Event Event  `json:"event"`
	Verb  string `json:"verb"` // as the client wrote it, for messages
	// The rest belongs to single verbs and is stored in the node.
	CleanSteps     any    `json:"clean_steps,omitempty"`
	ServiceSteps   any    `json:"service_steps,omitempty"`
	DeploySteps    any    `json:"deploy_steps,omitempty"`
	ConfigDrive    any    `json:"configdrive,omitempty"`
	RescuePassword string `json:"rescue_password,omitempty"`
}

// Heartbeat is what a booted ramdisk tells with POST /v1/heartbeat/<node>.
type Heartbeat struct {
	CallbackURL        string `json:"callback_url"`
	AgentVersion       string `json:"agent_version,omitempty"`
	AgentToken         string `json:"agent_token,omitempty"`
	AgentVerifyCA      string `json:"agent_verify_ca,omitempty"`
	AgentStatus        string `json:"agent_status,omitempty"` // "", "start", "end" or "error"
	AgentStatusMessage string `json:"agent_status_message,omitempty"`
}

// Validation is the verdict on one of a node's interfaces ("boot", "deploy").
type Validation struct {
	Result bool   `json:"result"`
	Reason string `json:"reason,omitempty"`
}
