package conductor

import (
	"fmt"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// ramdiskDeploy is the deploy interface whose instances run from a ramdisk:
// the node goes straight to active and keeps its boot file.
const ramdiskDeploy = "ramdisk"

// image is a kernel, ramdisk or ISO that a boot file names.
type image struct {
	name     string // under which machines ask for it
	field    string // where the node names it, for messages
	URL      string
	Checksum string // empty where none was given
}

// boot is what a node is to boot.
type boot struct {
	kind            bootiface.Kind
	kernel, ramdisk image
	iso             image // instead of kernel and ramdisk
	params          string
}

// images are those that there are.
func (b boot) images() []image {
	var all []image
	for _, img := range []image{b.kernel, b.ramdisk, b.iso} {
		if img.URL != "" {
			all = append(all, img)
		}
	}
	return all
}

// bootOf says what a node in its present state must be able to boot; false
// where there is nothing. It is a function of the node's row
// and the settings only.
func bootOf(n *usher.Node, s *Settings) (boot, bool, error) {
	switch n.ProvisionState {
	case usher.DeployWait, usher.CleanWait, usher.InspectWait, usher.ServiceWait:
		b, err := agentBoot(n, s, bootiface.Deploy, "deploy", s.DeployKernel, s.DeployRamdisk)
		return b, true, err
	case usher.RescueWait:
		b, err := agentBoot(n, s, bootiface.Rescue, "rescue", s.RescueKernel, s.RescueRamdisk)
		return b, true, err
	case usher.Active:
		if n.DeployInterface != ramdiskDeploy {
			return boot{kind: bootiface.LocalDisk}, true, nil
		}
		b, err := instanceBoot(n, s)
		return b, true, err
	}
	return boot{}, false, nil
}

// mayHaveBootFile says whether bootOf can find anything to boot in a state.
func mayHaveBootFile(s usher.State) bool { return s.Waiting() || s == usher.Active }

// agentBoot boots a ramdisk that will call back.
func agentBoot(n *usher.Node, s *Settings, kind bootiface.Kind, prefix, kernel, ramdisk string) (boot, error) {
	b := boot{kind: kind, params: kernelParams(n, s)}
	var err error
	if b.kernel, err = imageOf("driver_info", n.DriverInfo, prefix+"_kernel", kernel); err != nil {
		return b, err
	}
	if b.ramdisk, err = imageOf("driver_info", n.DriverInfo, prefix+"_ramdisk", ramdisk); err != nil {
		return b, err
	}
	if b.kernel.URL == "" || b.ramdisk.URL == "" {
		return b, usher.Errorf(usher.ErrInvalid,
			"Node %s has no %s ramdisk to boot: set driver_info/%[2]s_kernel and driver_info/%[2]s_ramdisk, "+
				"or [conductor]%[2]s_kernel and [conductor]%[2]s_ramdisk.",
			n.UUID, prefix).WithClass("MissingParameterValue")
	}
	if s.AgentAPI != "" {
		b.params = strings.TrimSpace(b.params + " ipa-api-url=" + s.AgentAPI)
	}
	return b, nil
}

// instanceBoot boots the instance itself from a kernel and ramdisk or an ISO.
func instanceBoot(n *usher.Node, s *Settings) (boot, error) {
	b := boot{kind: bootiface.Ramdisk, params: kernelParams(n, s)}
	var err error
	if b.iso, err = imageOf("instance_info", n.InstanceInfo, bootiface.ISOName, ""); err != nil || b.iso.URL != "" {
		return b, err
	}
	if b.kernel, err = imageOf("instance_info", n.InstanceInfo, "kernel", ""); err != nil {
		return b, err
	}
	if b.ramdisk, err = imageOf("instance_info", n.InstanceInfo, "ramdisk", ""); err != nil {
		return b, err
	}
	if b.kernel.URL == "" || b.ramdisk.URL == "" {
		return b, usher.Errorf(usher.ErrInvalid,
			"Node %s has nothing to boot for its ramdisk deployment: set instance_info/kernel and "+
				"instance_info/ramdisk, or instance_info/boot_iso.", n.UUID).WithClass("MissingParameterValue")
	}
	return b, nil
}

// kernelParams takes the first place that has any, as Ironic does;
// %default% in the node's own stands for the configured ones.
func kernelParams(n *usher.Node, s *Settings) string {
	const key = "kernel_append_params"
	for _, info := range []map[string]any{n.InstanceInfo, n.DriverInfo} {
		if own, ok := info[key].(string); ok {
			return strings.ReplaceAll(own, "%default%", s.KernelAppendParams)
		}
	}
	return s.KernelAppendParams
}

// imageOf reads an image's URL from key and its checksum from key_checksum.
func imageOf(column string, info map[string]any, key, fallback string) (image, error) {
	url, err := text(column, info, key, fallback)
	if err != nil {
		return image{}, err
	}
	sum, err := text(column, info, key+"_checksum", "")
	return image{name: key, field: column + "/" + key, URL: url, Checksum: sum}, err
}

func text(column string, info map[string]any, key, fallback string) (string, error) {
	switch v := info[key].(type) {
	case nil:
		return fallback, nil
	case string:
		return v, nil
	default:
		return "", usher.Errorf(usher.ErrInvalid, "%s/%s must be a string, not %s",
			column, key, fmt.Sprintf("%T", v)).WithClass("InvalidParameterValue")
	}
}
