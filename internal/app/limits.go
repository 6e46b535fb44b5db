package app

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
)

// limitedDoor puts what [usher] says of sources in front of the machines' door.
func (a *App) limitedDoor(cfg *config.Config, next http.Handler) (http.Handler, error) {
	networks, err := bootapi.ParseNetworks(cfg.Usher.BootAllowedNetworks)
	if err != nil {
		return nil, named("[usher]boot_allowed_networks", err)
	}
	return bootapi.Gate(bootapi.GateOptions{
		Networks:    networks,
		Rate:        cfg.Usher.BootRateLimit,
		Burst:       cfg.Usher.BootRateBurst,
		Static:      a.staticNames(cfg),
		Connections: cfg.Usher.BootConnectionsPerSource > 0,
		RetryAfter:  cfg.Usher.RetryAfter,
		Observe:     a.observe,
		Count:       func(_ context.Context, d *dispatch.Decision) { a.metrics.Observe(d) },
	}, next), nil
}

// SourceLimits are what the machines' door holds a source address to.
type SourceLimits struct {
	Source netip.Addr `json:"source"` // what is counted: an address of IPv4, a /64 of IPv6
	// Allowed is whether it is let in at all; Networks are those that are,
	// none meaning all.
	Allowed  bool     `json:"allowed"`
	Networks []string `json:"allowed_networks"`
	// 0 is no limit.
	Rate        int `json:"requests_per_second"`
	Burst       int `json:"burst"`
	Connections int `json:"connections"`
}

// LimitsOf tells the limits of a source address.
func LimitsOf(cfg *config.Config, address netip.Addr) (SourceLimits, error) {
	networks, err := bootapi.ParseNetworks(cfg.Usher.BootAllowedNetworks)
	if err != nil {
		return SourceLimits{}, named("[usher]boot_allowed_networks", err)
	}
	return SourceLimits{
		Source: usher.Source(address), Allowed: networks.Allow(address), Networks: cfg.Usher.BootAllowedNetworks,
		Rate: cfg.Usher.BootRateLimit, Burst: cfg.Usher.BootRateBurst, Connections: cfg.Usher.BootConnectionsPerSource,
	}, nil
}
