package management

import (
	"net/http"

	"github.com/usher-boot/usher"
)

// showStates answers GET /v1/nodes/{node}/states.
func (a *API) showStates(w http.ResponseWriter, r *request) error {
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	names := []string{"console_enabled", "last_error", "power_state", "provision_state", "target_power_state",
		"target_provision_state", "provision_updated_at", "raid_config", "target_raid_config", "boot_mode", "secure_boot"}
	states := object{}
	for _, name := range names {
		if f, _ := nodeFieldNamed(name); r.minor >= f.since {
			states[name] = f.value(n)
		}
	}
	states["provision_state"] = r.oldState(n.ProvisionState)
	return answerJSON(w, http.StatusOK, states)
}

// power answers PUT /v1/nodes/{node}/states/power: Usher has no power to give.
func (a *API) power(w http.ResponseWriter, r *request) error {
	args, err := readArguments(r, "target", "timeout")
	if err != nil {
		return err
	}
	target, err := args.required("target")
	if err != nil {
		return err
	}
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	switch target {
	case "power on", "power off", "rebooting", "soft rebooting", "soft power off":
		return usher.Errorf(usher.ErrUnsupported, "Driver %s does not support power (disabled or not implemented): "+
			"Usher drives no BMC; switch the machine itself.", n.Driver).WithClass("UnsupportedDriverExtension")
	}
	return stateRefused(target, r.PathValue("node"), n.PowerState)
}

func stateRefused(action, node, state string) error {
	if state == "" {
		state = "None"
	}
	return usher.Errorf(usher.ErrInvalid, "The requested action \"%.255s\" can not be performed on node \"%s\" while it "+
		"is in state \"%s\".", action, node, state).WithClass("InvalidStateRequested")
}

// setMaintenance answers PUT /v1/nodes/{node}/maintenance.
func (a *API) setMaintenance(w http.ResponseWriter, r *request) error {
	args, err := readArguments(r, "reason")
	if err != nil {
		return err
	}
	reason, err := args.string("reason")
	if err != nil {
		return err
	}
	if err := checkText("maintenance", "reason", reason, 65535); err != nil {
		return err
	}
	return a.maintain(w, r, true, reason)
}

// unsetMaintenance answers DELETE /v1/nodes/{node}/maintenance.
func (a *API) unsetMaintenance(w http.ResponseWriter, r *request) error {
	return a.maintain(w, r, false, "")
}

func (a *API) maintain(w http.ResponseWriter, r *request, on bool, reason string) error {
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	_, err = a.Store.UpdateNode(r.Context(), n.UUID, "", func(n *usher.Node) error {
		n.Maintenance, n.MaintenanceReason = on, reason
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
