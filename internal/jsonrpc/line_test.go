package jsonrpc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestLineLife: a line is used for a while; then it ends, or as soon as nobody
// asks on it any more.
func TestLineLife(t *testing.T) {
	for _, inUse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var p lines
			near, far := net.Pipe()
			l := &line{conn: near}
			p.limit("host", l)
			p.put("host", l, true)
			time.Sleep(lineLife - time.Second)
			if p.take("another") != nil || p.take("host") != l {
				t.Fatal("it is not to be had")
			}
			if !inUse {
				p.put("host", l, true)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if inUse {
				p.put("host", l, true)
			}
			if p.take("host") != nil {
				t.Error("its time is over")
			}
			if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("it is open still: %v", err)
			}
		})
	}
}

// FuzzMessage: any bytes are refused or read as what writes them again.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02hi\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		const most = 64
		r := bufio.NewReaderSize(bytes.NewReader(raw), 16)
		var again bytes.Buffer
		for {
			message, err := readMessage(r, nil, most)
			if err == nil {
				if len(message) > most {
					t.Fatalf("%d bytes", len(message))
				}
				again.Write(frame(append(make([]byte, frameHead), message...)))
				continue
			}
			if whole := again.Len() == len(raw); whole != errors.Is(err, io.EOF) {
				t.Errorf("%v after %d of %d bytes", err, again.Len(), len(raw))
			}
			break
		}
		if !bytes.HasPrefix(raw, again.Bytes()) {
			t.Errorf("%q became %q", raw, again.Bytes())
		}
	})
}
