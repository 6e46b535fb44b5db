package dispatch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// A cause that is not in Causes would have no series before it first occurs.
func TestCausesAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Cause") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if _, ok := Causes()[Cause(value)]; !ok {
			t.Errorf("%s = %q is missing in causes.go", spec.Names[0].Name, value)
		}
		return true
	})
	if found != len(Causes()) {
		t.Errorf("%d constants, %d causes", found, len(Causes()))
	}
}
