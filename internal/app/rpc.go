package app

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/agent"
	"github.com/usher-boot/usher/internal/auth"
	"github.com/usher-boot/usher/internal/bootrpc"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// rpcMethods are what this process answers to others.
func (a *App) rpcMethods(cfg *config.Config) map[string]jsonrpc.Method {
	methods := map[string]jsonrpc.Method{}
	if a.agent != nil {
		for name, m := range a.agent.Methods() {
			methods[name] = m
		}
		methods[bootrpc.MethodEvidence] = bootrpc.AnswerEvidence(a.agent)
		return methods
	}
	for name, m := range a.local.Methods() {
		methods[name] = m
	}
	methods[bootrpc.MethodEvidence] = bootrpc.AnswerEvidence(a.local)
	methods[agent.MethodStatus] = func(context.Context, json.RawMessage) (any, error) {
		return agent.StatusOf(a.host, settings(cfg, a.version), a.disk), nil
	}
	return methods
}

// rpcServer answers other Usher processes at the RPC door, and asks for
// credentials as [json_rpc]auth_strategy says.
func (a *App) rpcServer(d *door, cfg *config.Config) (*http.Server, error) {
	d.bootFiles = &bootrpc.Server{Conductor: a.readyFiles(),
		Next: jsonrpc.NewServer(jsonrpc.ServerOptions{Methods: a.observed(a.rpcMethods(cfg)), Logger: a.logger})}
	handler := a.traceable(d.bootFiles)
	switch cfg.JSONRPC.AuthStrategy {
	case "noauth":
		if err := a.refuseExposedRPC(cfg); err != nil {
			return nil, err
		}
	case "http_basic":
		users, err := auth.OpenHtpasswd(cfg.JSONRPC.HTTPBasicAuthUserFile)
		if err != nil {
			return nil, named("[json_rpc]http_basic_auth_user_file", err)
		}
		handler = auth.Basic(users, handler, func(w http.ResponseWriter, r *http.Request, message string) {
			jsonrpc.WriteHTTPError(w, auth.DeniedStatus(r), message)
		})
	default:
		return nil, usher.Errorf(usher.ErrInvalid, "[json_rpc]auth_strategy = %s (its default is that of [DEFAULT]): "+
			"Usher's RPC knows noauth and http_basic; name one in a --config-file of Usher's own, after Ironic's", cfg.JSONRPC.AuthStrategy)
	}
	return trustedServer(programsOnly(handler), a.logger), nil
}
