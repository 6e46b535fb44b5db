package management

import "github.com/usher-boot/usher"

// What a lookup shows of a node, key by key. A lookup needs no credentials, and
// operators keep secrets in these columns under names of their own: signed
// URLs, root passwords, API keys. So a ramdisk gets what ironic-python-agent
// reads of the node that it looked up, and the usual inventory of its own
// hardware; it finds all else in the commands of its conductor. The token is
// masked: that it is there says that it was given out.
var (
	ramdiskProperties = []string{"root_device", "capabilities", "skip_block_devices",
		"cpu_arch", "cpus", "memory_mb", "local_gb", "vendor"}
	ramdiskInstanceInfo = []string{"root_device", "capabilities", "deploy_boot_mode"}
	ramdiskInternalInfo = []string{agentTokenKey, "deploy_boot_mode", "disk_erasure_concurrency", "wipe_special_filesystems",
		"agent_continue_if_ata_erase_failed", "agent_continue_if_secure_erase_failed", "agent_enable_ata_secure_erase",
		"agent_enable_nvme_secure_erase", "agent_erase_devices_iterations", "agent_erase_devices_zeroize",
		"agent_erase_skip_read_only"}
)

// ramdiskView is the node as its ramdisk sees it.
func (r *request) ramdiskView(n *usher.Node) object {
	return object{
		"uuid":                 n.UUID,
		"properties":           maskSecrets(pick(n.Properties, ramdiskProperties)),
		"instance_info":        maskSecrets(pick(n.InstanceInfo, ramdiskInstanceInfo)),
		"driver_internal_info": maskSecrets(pick(n.DriverInternalInfo, ramdiskInternalInfo)),
		"links":                r.links("nodes/" + n.UUID),
	}
}

// pick copies the named keys.
func pick(from map[string]any, keys []string) map[string]any {
	picked := map[string]any{}
	for _, key := range keys {
		if v, ok := from[key]; ok {
			picked[key] = v
		}
	}
	return picked
}
