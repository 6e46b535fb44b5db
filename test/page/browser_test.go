package page

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/usher-boot/usher/internal/testenv"
)

// browser is one Chromium, ended with the test.
func browser(tb testing.TB) context.Context {
	tb.Helper()
	path := testenv.NeedProgram(tb, "chromium")[0]
	ctx, cancel := chromedp.NewExecAllocator(tb.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(tb.TempDir()),
		chromedp.NoSandbox, // it does not run as root otherwise
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(patience),
	)...)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // events newer than the library
	tb.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("chromium does not start: %v", err)
	}
	return ctx
}

// command is one of the DevTools protocol, for its effect.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// tab is one page that is looked at. What the browser complains of on it
// fails the test.
type tab struct {
	tb  testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   []string // parts of complaints that belong to the test
	foreign    []string // requests that went elsewhere
}

// step is something that a person does, or that is arranged before it.
type step = chromedp.Action[chromedp.Void]

func open(tb testing.TB, browser context.Context, s *site, steps ...step) *tab {
	tb.Helper()
	t := &tab{tb: tb}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.complain("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			t.complain(fmt.Sprintf("console.%s: %v", e.Type, e.Args))
		case *log.EventEntryAdded:
			t.complain(fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		case *page.EventJavascriptDialogOpening:
			t.complain("dialog: " + e.Message)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, s.page+"/") {
				t.mu.Lock()
				t.foreign = append(t.foreign, e.Request.URL)
				t.mu.Unlock()
			}
		}
	}))
	tb.Cleanup(cancel)
	t.ctx = ctx
	tb.Cleanup(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, c := range t.complaints {
			tb.Errorf("the browser says %s", c)
		}
		for _, u := range t.foreign {
			tb.Errorf("the page asked for %s", u)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // its context is the tab's life
		tb.Fatal(err)
	}
	t.do(command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}))
	t.do(steps...)
	t.do(chromedp.Navigate(s.page + "/"))
	return t
}

func (t *tab) complain(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.expected {
		if strings.Contains(text, e) {
			return
		}
	}
	t.complaints = append(t.complaints, text)
}

// expect lets a complaint pass from now on.
func (t *tab) expect(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected = append(t.expected, part)
}

// within bounds what the browser is asked to do.
func (t *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, patience)
}

func (t *tab) do(steps ...step) {
	t.tb.Helper()
	ctx, cancel := t.within()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.tb.Fatal(err)
	}
}

// await waits until an expression is true on the page.
func (t *tab) await(expression string) {
	t.tb.Helper()
	ctx, cancel := t.within()
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		ctx, cancel := t.within()
		defer cancel()
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.tb.Fatalf("it is never so that %s: %v\n%s", expression, err, text)
	}
}

// value evaluates an expression on the page.
func value[T any](t *tab, expression string) T {
	t.tb.Helper()
	ctx, cancel := t.within()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.tb.Fatalf("%s: %v", expression, err)
	}
	return v
}

// live waits until the page is kept up to date.
func (t *tab) live() {
	t.tb.Helper()
	t.await(`document.getElementById("live").classList.contains("on")`)
}

// has waits until a part of the page holds a text.
func (t *tab) has(selector, text string) {
	t.tb.Helper()
	t.await(fmt.Sprintf("document.querySelector(%q).innerText.includes(%q)", selector, text))
}

// picture keeps a screenshot in $USHER_TEST_LOGS, where that is set, for
// people to look at.
func (t *tab) picture(name string) {
	t.tb.Helper()
	dir := os.Getenv("USHER_TEST_LOGS")
	if dir == "" {
		return
	}
	ctx, cancel := t.within()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "page-"+name+".png"), png, 0o644)
	}
	if err != nil {
		t.tb.Error(err)
	}
}
