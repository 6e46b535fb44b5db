package management

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/usher-boot/usher"
)

// verbSince is when a verb came; the others were always there.
var verbSince = map[string]int{
	"manage": 4, "provide": 4, "inspect": 6, "abort": 13, "clean": 15, "adopt": 17, "rescue": 38, "unrescue": 38,
	"deploy": 73, "undeploy": 73, "service": 87,
}

// notInMaintenance is the work that a node in maintenance is spared, in
// Ironic's words. Taking it down, or managing it, stays possible.
var notInMaintenance = map[usher.Event]string{
	usher.EventDeploy: "provisioning", usher.EventRebuild: "provisioning", usher.EventClean: "cleaning",
	usher.EventRescue: "rescuing", usher.EventUnrescue: "unrescuing", usher.EventService: "servicing",
}

// provision answers PUT /v1/nodes/{node}/states/provision.
func (a *API) provision(w http.ResponseWriter, r *request) error {
	args, err := readArguments(r, "target", "configdrive", "clean_steps", "deploy_steps", "service_steps",
		"rescue_password", "disable_ramdisk")
	if err != nil {
		return err
	}
	verb, err := args.required("target")
	if err != nil {
		return err
	}
	action, err := readAction(args)
	if err != nil {
		return err
	}
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	if r.minor < verbSince[verb] {
		return notAcceptable(0)
	}
	event, known := usher.VerbEvent(verb)
	if work := notInMaintenance[event]; work != "" && n.Maintenance {
		return usher.Errorf(usher.ErrInvalid, "The %s operation can't be performed on node %s because it's in "+
			"maintenance mode.", work, n.UUID).WithClass("NodeInMaintenance")
	}
	if _, ok := n.ProvisionState.Next(event); !known || !ok {
		// A node that is being worked on is a conflict, to be tried again.
		if err := isLocked(n); err != nil {
			return err
		}
		return stateRefused(verb, n.UUID, string(n.ProvisionState))
	}
	action.Event, action.Verb = event, verb
	if err := r.checkAction(args, action, n); err != nil {
		return err
	}
	if err := a.Conductor.ProvisionAction(r.Context(), n.UUID, action); err != nil {
		return err
	}
	w.Header().Set("Location", r.base+"/v1/nodes/"+r.PathValue("node")+"/states")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// readAction checks the types of a verb's arguments.
func readAction(args arguments) (usher.ProvisionAction, error) {
	var p usher.ProvisionAction
	for _, f := range []struct {
		name string
		to   *any
	}{{"clean_steps", &p.CleanSteps}, {"deploy_steps", &p.DeploySteps}, {"service_steps", &p.ServiceSteps}} {
		steps, ok := args[f.name].([]any)
		if args.has(f.name) && !ok {
			return p, invalid("Expected types <class 'NoneType'>, <class 'list'> for %s: %s", f.name, brief(args[f.name]))
		}
		if len(steps) > 0 {
			*f.to = steps
		}
	}
	switch drive := args["configdrive"].(type) {
	case nil:
	case string:
		if drive != "" {
			p.ConfigDrive = drive
		}
	case map[string]any:
		if len(drive) > 0 {
			p.ConfigDrive = drive
		}
	default:
		return p, invalid("Expected types <class 'NoneType'>, <class 'dict'>, <class 'str'> for configdrive: %s", brief(drive))
	}
	var err error
	if p.RescuePassword, err = args.string("rescue_password"); err != nil {
		return p, err
	}
	_, err = args.boolean("disable_ramdisk")
	return p, err
}

// checkAction checks which arguments a verb takes and needs.
func (r *request) checkAction(args arguments, p usher.ProvisionAction, n *usher.Node) error {
	onlyFor := func(argument, verb string) error {
		return invalid("\"%s\" is only valid when setting target provision state to %s", argument, verb)
	}
	if p.ConfigDrive != nil {
		if err := r.checkConfigDrive(p.Verb, p.ConfigDrive); err != nil {
			return err
		}
	}
	if disable, _ := args.boolean("disable_ramdisk"); disable != nil {
		switch {
		case r.minor < 70:
			return usher.Errorf(usher.ErrInvalid, "disable_ramdisk is not acceptable in this API version").
				WithClass("NotAcceptable")
		case p.Verb != "clean" && p.Verb != "service":
			return invalid("disable_ramdisk is supported only with manual cleaning")
		case *disable:
			return invalid("disable_ramdisk can not be true: Usher drives no BMC, so all its steps run in the ramdisk.")
		}
	}
	if p.CleanSteps != nil && p.Verb != "clean" {
		return onlyFor("clean_steps", "clean")
	}
	if p.DeploySteps != nil {
		if r.minor < 69 {
			return notAcceptable(69)
		}
		if p.Event != usher.EventDeploy && p.Event != usher.EventRebuild {
			return onlyFor("deploy_steps", "active or rebuild")
		}
	}
	if p.ServiceSteps != nil && p.Verb != "service" {
		return onlyFor("service_steps", "service")
	}
	if args.has("rescue_password") && p.Verb != "rescue" {
		return onlyFor("rescue_password", "rescue")
	}
	if p.Event == usher.EventAbort && n.ProvisionState == usher.InspectWait && r.minor < 41 {
		return notAcceptable(0)
	}
	return complete(p)
}

// complete checks that a verb has what it cannot do without.
func complete(p usher.ProvisionAction) error {
	switch p.Event {
	case usher.EventRescue:
		if strings.TrimSpace(p.RescuePassword) == "" {
			return invalid("A non-empty \"rescue_password\" is required when setting target provision state to rescue")
		}
	case usher.EventClean:
		if p.CleanSteps == nil {
			return invalid("\"clean_steps\" is required when setting target provision state to clean")
		}
		return checkSteps("clean", p.CleanSteps, false)
	case usher.EventService:
		if p.ServiceSteps == nil {
			return invalid("\"service_steps\" is required when setting target provision state to service")
		}
		return checkSteps("service", p.ServiceSteps, false)
	case usher.EventDeploy, usher.EventRebuild:
		if p.DeploySteps != nil {
			return checkSteps("deploy", p.DeploySteps, true)
		}
	}
	return nil
}

// checkSteps checks the form of steps. Those of a deployment also need args
// and a priority.
func checkSteps(kind string, steps any, deploy bool) error {
	refuse := func(format string, args ...any) error {
		e := invalid(format, args...)
		e.Message = "Invalid " + kind + "_steps: " + e.Message
		return e
	}
	list, _ := steps.([]any)
	for _, item := range list {
		step, ok := item.(object)
		if !ok {
			return refuse("%s is not of type 'object'", brief(item))
		}
		for name, v := range step {
			switch name {
			case "interface":
				switch str(v) {
				case "power", "management", "deploy", "bios", "raid", "firmware":
				default:
					return refuse("%s is not one of ['power', 'management', 'deploy', 'bios', 'raid', 'firmware']", brief(v))
				}
			case "step":
				if str(v) == "" {
					return refuse("step: %s is not a name", brief(v))
				}
			case "args":
				if !isObject(v) {
					return refuse("args: %s is not of type 'object'", brief(v))
				}
			case "priority":
				if deploy && isPriority(v) {
					continue
				}
				return refuse("priority: %s is not allowed here", brief(v))
			default:
				return refuse("Additional properties are not allowed (%s was unexpected)", brief(name))
			}
		}
		needed := []string{"interface", "step"}
		if deploy {
			needed = append(needed, "args", "priority")
		}
		for _, name := range needed {
			if _, ok := step[name]; !ok {
				return refuse("'%s' is a required property", name)
			}
		}
	}
	return nil
}

// isPriority takes whole numbers, and digits in a string as Ironic does.
func isPriority(v any) bool {
	digits := str(v)
	if n, ok := v.(json.Number); ok {
		digits = n.String()
	}
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}
