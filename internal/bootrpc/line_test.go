package bootrpc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// echoes is a conductor that answers each question with itself.
type echoes struct {
	RPC
	far []net.Conn // its ends of all lines so far
}

func (e *echoes) Upgrade(context.Context, string, string, string) (io.ReadWriteCloser, error) {
	near, far := net.Pipe()
	e.far = append(e.far, far)
	go func() { _, _ = io.Copy(far, far) }()
	return near, nil
}

// TestLineLife: a line is used for a while. Then it is closed by the next
// question, or by itself where there is none.
func TestLineLife(t *testing.T) {
	for _, asked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			conductor := &echoes{}
			l := newLines("host", Options{Caller: conductor})
			defer l.close()
			ask := func(wantLines int) {
				t.Helper()
				got, err := l.ask(t.Context(), []byte("1234hi"))
				if string(got) != "hi" || err != nil || len(conductor.far) != wantLines {
					t.Fatalf("%q, %v, %d lines, want %d", got, err, len(conductor.far), wantLines)
				}
			}
			ask(1)
			time.Sleep(lineLife - time.Second)
			ask(1)
			time.Sleep(2 * time.Second)
			if asked {
				ask(2)
			} else {
				time.Sleep(lineGrace)
			}
			synctest.Wait()
			if _, err := conductor.far[0].Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
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
