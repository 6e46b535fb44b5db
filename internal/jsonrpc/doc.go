// Package jsonrpc speaks JSON-RPC 2.0 over HTTP in Ironic's dialect, both
// ways, so that Ironic's client can call Usher's conductor and Usher's API can
// call an Ironic conductor. It follows ironic_lib/json_rpc/server.py and
// client.py (ironic/common/json_rpc in later releases):
//
//   - parameters are an object, never a list, and there are no batches;
//   - params carries "context", a dictionary with the request id, and perhaps
//     "rpc.version", which is ignored;
//   - every answer to a POST is HTTP 200, an error too, except that a request
//     without id, or with id null, is a notification: 204, whatever happens;
//   - an error that is an exception of Ironic's names it in error.data.class.
//
// Client.Upgrade opens a connection to a conductor for another protocol; what
// is said there is package bootrpc's.
//
// It knows no method by name, does no authentication as a server (package auth
// does) and does not retry: which conductor to ask next is its caller's.
package jsonrpc
