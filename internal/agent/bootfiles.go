package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// BootFiles are the boot files of nodes that may boot, of one boot interface
// and below one root.
type BootFiles struct {
	Interface string   `json:"boot_interface"`
	Root      string   `json:"root"` // its option, as in Root
	Number    int      `json:"number"`
	Images    int      `json:"load_images"`        // how many of them load images from the agent
	Unusable  []string `json:"unusable,omitempty"` // what is wrong with those that machines cannot have
}

const (
	// mostLooked bounds for how many nodes a status looks: each costs a query.
	mostLooked = 1000
	// mostUnusable bounds how many of them it tells of.
	mostUnusable = 3
)

// bootFiles counts the boot files on this host. What cannot be read is left
// out: the roots' own problems are told beside it, and nodes that are gone or
// may not boot have nothing that counts.
func (a *Agent) bootFiles(ctx context.Context) []BootFiles {
	uuids, _ := a.o.Disk.Nodes()
	counts := map[[2]string]*BootFiles{}
	for _, uuid := range uuids[:min(len(uuids), mostLooked)] {
		node, err := a.o.Nodes.BootNode(ctx, uuid)
		if err != nil || !usher.MayBoot(node.ProvisionState, a.o.Restrict()) {
			continue
		}
		iface, _ := bootiface.Lookup(node.BootInterface)
		for _, name := range iface.Files() {
			a.count(counts, iface, uuid, name)
		}
	}
	var all []BootFiles
	for _, b := range counts {
		all = append(all, *b)
	}
	slices.SortFunc(all, func(x, y BootFiles) int {
		return cmp.Or(strings.Compare(x.Interface, y.Interface), strings.Compare(x.Root, y.Root))
	})
	return all
}

func (a *Agent) count(counts map[[2]string]*BootFiles, i bootiface.Interface, uuid, name string) {
	file, err := a.o.Disk.Read(i, uuid, name)
	if err != nil {
		return
	}
	key := [2]string{i.Name(), option(file.Root)}
	if counts[key] == nil {
		counts[key] = &BootFiles{Interface: key[0], Root: key[1]}
	}
	b := counts[key]
	b.Number++
	if len(file.Images) > 0 {
		b.Images++
	}
	if file.Problem != nil && isCalm(&file) && len(b.Unusable) < mostUnusable {
		b.Unusable = append(b.Unusable, a.refuse(uuid, &file).Error())
	}
}
