package app

import (
	"syscall"

	"github.com/usher-boot/usher/internal/config"
)

// Most connections of each listener but the machines', and what else takes file
// descriptors: the database, files being served, calls of other processes, log.
const (
	managementConnections = 512
	rpcConnections        = 1024
	adminConnections      = 128
	otherDescriptors      = 128
)

// budget shares out the file descriptors that the process may have.
type budget struct {
	machines, management, rpc, admin int
}

// budgetFor shares out limit descriptors. Machines come first: where there are
// too few for all, the other listeners together get a quarter of what there is,
// and at least eight each.
func budgetFor(limit uint64, machines int) (b budget, enough bool) {
	b = budget{machines, managementConnections, rpcConnections, adminConnections}
	others := managementConnections + rpcConnections + adminConnections
	if limit >= uint64(machines+others+otherDescriptors) {
		return b, true
	}
	have := int(limit)
	share := func(wanted int) int { return max(8, min(wanted, have/4*wanted/others)) }
	b.management, b.rpc, b.admin = share(b.management), share(b.rpc), share(b.admin)
	b.machines = max(16, min(machines, have-min(otherDescriptors, have/8)-b.management-b.rpc-b.admin))
	return b, b.machines == machines
}

// budget shares out this process's descriptors, and warns where they do not do
// for [usher]max_connections. Go has raised the soft limit to the hard one.
func (a *App) budget(cfg *config.Config) budget {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		limit.Cur = 1024
	}
	b, enough := budgetFor(limit.Cur, cfg.Usher.MaxConnections)
	if !enough {
		a.logger.Warn("too few file descriptors for [usher]max_connections: raise LimitNOFILE (systemd) or 'ulimit -n', or lower the option",
			"descriptors", limit.Cur, "max_connections", cfg.Usher.MaxConnections, "connections_of_machines", b.machines)
	}
	return b
}
