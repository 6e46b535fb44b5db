package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The codes of JSON-RPC itself, and the messages that Ironic has for them.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeMethodNotFound = -32601
	codeInvalidParams  = -32602

	messageParse          = "Invalid JSON received by RPC server"
	messageInvalidRequest = "Invalid request object received by RPC server"
)

// wireError is the error member of an answer.
type wireError struct {
	Code    int        `json:"code"`
	Message string     `json:"message"`
	Data    *wireClass `json:"data,omitempty"`
}

type wireClass struct {
	Class string `json:"class"`
}

// request is a well-formed request.
type request struct {
	id     json.RawMessage // nil for a notification
	method string
	params object
}

// parse reads a request. Its error is for the client, and then the id is set
// where the request had a usable one.
func parse(body []byte) (request, *wireError) {
	// Go would replace bytes that are not UTF-8, Python refuses them.
	if !utf8.Valid(body) || !json.Valid(body) {
		return request{}, &wireError{Code: codeParse, Message: messageParse}
	}
	invalid := &wireError{Code: codeInvalidRequest, Message: messageInvalidRequest}
	o, err := parseObject(body)
	if err != nil {
		return request{}, invalid
	}
	var r request
	if id := o.values["id"]; id != nil && string(id) != "null" {
		r.id = id
	}
	var version string
	if json.Unmarshal(o.values["jsonrpc"], &version) != nil || version != "2.0" {
		return r, invalid
	}
	// Ironic takes a method of another type than string for an unknown one, or
	// stumbles over it. The specification says invalid, so do we.
	if m := o.values["method"]; json.Unmarshal(m, &r.method) != nil || r.method == "" {
		return r, invalid
	}
	if p, ok := o.values["params"]; ok {
		if r.params, err = parseObject(p); err != nil {
			return r, invalid
		}
	}
	return r, nil
}

// takeContext removes what is not a parameter of the method's own, and
// returns the request id in the context.
func (r *request) takeContext() (requestID string, problem *wireError) {
	r.params.remove("rpc.version")
	raw, ok := r.params.values["context"]
	if !ok {
		return "", r.invalidParams("ConductorManager." + r.method +
			"() missing 1 required positional argument: 'context'")
	}
	var context map[string]json.RawMessage
	if json.Unmarshal(raw, &context) != nil || context == nil {
		return "", &wireError{Code: codeInvalidParams, Message: "Context must be a dictionary, if provided"}
	}
	_ = json.Unmarshal(context["request_id"], &requestID) // null or absent: none
	r.params.remove("context")
	return requestID, nil
}

// invalidParams is Ironic's sentence around the words of Python's TypeError.
func (r *request) invalidParams(reason string) *wireError {
	return &wireError{Code: codeInvalidParams, Message: fmt.Sprintf("Params %s are invalid for %s: %s",
		strings.Join(r.params.names, ", "), r.method, reason)}
}

// object is a JSON object with its member names in order, exact to the letter
// case; of a repeated name the last value counts, as in Python.
type object struct {
	names  []string
	values map[string]json.RawMessage
}

var errNoObject = errors.New("not a JSON object")

func parseObject(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return object{}, errNoObject
	}
	o := object{values: map[string]json.RawMessage{}}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return object{}, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return object{}, err
		}
		key := name.(string) // what else is in an object before a value
		if _, again := o.values[key]; !again {
			o.names = append(o.names, key)
		}
		o.values[key] = value
	}
	return o, nil
}

func (o *object) remove(name string) {
	if _, ok := o.values[name]; ok {
		delete(o.values, name)
		o.names = slices.DeleteFunc(o.names, func(n string) bool { return n == name })
	}
}
