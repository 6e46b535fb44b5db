package usher

// State is a provision state, in the words that Ironic stores.
type State string

// Ironic's provision states (ironic/common/states.py).
const (
	Enroll         State = "enroll"
	Verifying      State = "verifying"
	Manageable     State = "manageable"
	Available      State = "available"
	Deploying      State = "deploying"
	DeployWait     State = "wait call-back"
	DeployFailed   State = "deploy failed"
	Active         State = "active"
	Deleting       State = "deleting"
	ErrorState     State = "error"
	Cleaning       State = "cleaning"
	CleanWait      State = "clean wait"
	CleanFailed    State = "clean failed"
	Inspecting     State = "inspecting"
	InspectWait    State = "inspect wait"
	InspectFailed  State = "inspect failed"
	Adopting       State = "adopting"
	AdoptFailed    State = "adopt failed"
	Rescuing       State = "rescuing"
	RescueWait     State = "rescue wait"
	RescueFailed   State = "rescue failed"
	Rescue         State = "rescue"
	Unrescuing     State = "unrescuing"
	UnrescueFailed State = "unrescue failed"
	Servicing      State = "servicing"
	ServiceWait    State = "service wait"
	ServiceFailed  State = "service failed"
)

// Waiting says that a ramdisk is expected to boot and call back: one of the
// "* WAIT" states, the only ones in which the boot configuration API answers
// unless [api]restrict_boot_config is off.
func (s State) Waiting() bool {
	switch s {
	case DeployWait, CleanWait, InspectWait, RescueWait, ServiceWait:
		return true
	}
	return false
}

// WaitStates lists the states of which Waiting is true.
func WaitStates() []State {
	return []State{DeployWait, CleanWait, InspectWait, RescueWait, ServiceWait}
}

// MayBoot is the gate of the boot configuration API. restrict is
// [api]restrict_boot_config.
func MayBoot(s State, restrict bool) bool { return !restrict || s.Waiting() }

// PortMayBoot is the gate's other half: the boot configuration API answers
// ports with pxe_enabled = false only where [neutron]add_all_ports is on
// (allPorts). That is when Ironic links boot files for such ports, too.
func (n BootNode) PortMayBoot(allPorts bool) bool { return allPorts || !n.PXEDisabled }

// Transient says that a conductor is at work on the node in this state. If
// the conductor dies, the node will not leave it by itself.
func (s State) Transient() bool {
	_, ok := s.Next(EventFail)
	return ok && !s.Waiting()
}

// Event moves a node from one provision state to another. Some are verbs that
// a person asks for; the others come from the conductor's work.
type Event string

// Events, named as in Ironic's state machine.
const (
	EventManage   Event = "manage"
	EventProvide  Event = "provide"
	EventDeploy   Event = "deploy"
	EventRebuild  Event = "rebuild"
	EventDelete   Event = "delete"
	EventInspect  Event = "inspect"
	EventClean    Event = "clean"
	EventRescue   Event = "rescue"
	EventUnrescue Event = "unrescue"
	EventService  Event = "service"
	EventAbort    Event = "abort"
	EventAdopt    Event = "adopt"

	EventDone   Event = "done"   // the work of a transient state is finished
	EventFail   Event = "fail"   // it failed
	EventWait   Event = "wait"   // it now waits for the ramdisk
	EventResume Event = "resume" // the ramdisk called back
)

// verbs maps what a client may ask for ("target" of PUT .../states/provision)
// to the event it causes.
var verbs = map[string]Event{
	"manage": EventManage, "provide": EventProvide,
	"active": EventDeploy, "deploy": EventDeploy, "rebuild": EventRebuild,
	"deleted": EventDelete, "undeploy": EventDelete,
	"inspect": EventInspect, "clean": EventClean,
	"rescue": EventRescue, "unrescue": EventUnrescue,
	"service": EventService, "abort": EventAbort, "adopt": EventAdopt,
}

// VerbEvent returns the event that a verb of the REST API causes.
func VerbEvent(verb string) (Event, bool) {
	e, ok := verbs[verb]
	return e, ok
}

// transitions is Ironic's state machine: state, event, next state.
// TestTransitions holds it against Ironic's own.
var transitions = map[State]map[Event]State{
	Enroll:    {EventManage: Verifying},
	Verifying: {EventDone: Manageable, EventFail: Enroll},
	Manageable: {EventProvide: Cleaning, EventClean: Cleaning, EventInspect: Inspecting,
		EventAdopt: Adopting},
	Available: {EventDeploy: Deploying, EventManage: Manageable},

	Deploying:    {EventWait: DeployWait, EventDone: Active, EventFail: DeployFailed},
	DeployWait:   {EventResume: Deploying, EventFail: DeployFailed, EventDelete: Deleting},
	DeployFailed: {EventDeploy: Deploying, EventRebuild: Deploying, EventDelete: Deleting},
	Active: {EventRebuild: Deploying, EventDelete: Deleting, EventRescue: Rescuing,
		EventService: Servicing},
	Deleting:   {EventClean: Cleaning, EventFail: ErrorState},
	ErrorState: {EventRebuild: Deploying, EventDelete: Deleting},

	Cleaning: {EventWait: CleanWait, EventDone: Available, EventManage: Manageable,
		EventFail: CleanFailed},
	CleanWait:   {EventResume: Cleaning, EventFail: CleanFailed, EventAbort: CleanFailed},
	CleanFailed: {EventManage: Manageable},

	Inspecting:    {EventWait: InspectWait, EventDone: Manageable, EventFail: InspectFailed},
	InspectWait:   {EventDone: Manageable, EventFail: InspectFailed, EventAbort: InspectFailed},
	InspectFailed: {EventInspect: Inspecting, EventManage: Manageable},

	Adopting:    {EventDone: Active, EventFail: AdoptFailed},
	AdoptFailed: {EventAdopt: Adopting, EventManage: Manageable},

	Rescuing: {EventWait: RescueWait, EventDone: Rescue, EventFail: RescueFailed},
	RescueWait: {EventResume: Rescuing, EventFail: RescueFailed, EventAbort: RescueFailed,
		EventDelete: Deleting},
	RescueFailed: {EventRescue: Rescuing, EventUnrescue: Unrescuing, EventDelete: Deleting},
	Rescue:       {EventRescue: Rescuing, EventUnrescue: Unrescuing, EventDelete: Deleting},

	Unrescuing:     {EventDone: Active, EventFail: UnrescueFailed},
	UnrescueFailed: {EventRescue: Rescuing, EventUnrescue: Unrescuing, EventDelete: Deleting},

	Servicing: {EventWait: ServiceWait, EventDone: Active, EventFail: ServiceFailed},
	ServiceWait: {EventResume: Servicing, EventFail: ServiceFailed, EventAbort: ServiceFailed,
		EventDelete: Deleting},
	ServiceFailed: {EventService: Servicing, EventRescue: Rescuing, EventAbort: Active,
		EventDelete: Deleting},
}

// Next returns the state that an event leads to, or false where the event is
// not allowed in s.
func (s State) Next(e Event) (State, bool) {
	next, ok := transitions[s][e]
	return next, ok
}

// Known says whether s is a provision state at all.
func (s State) Known() bool {
	_, ok := transitions[s]
	return ok
}
