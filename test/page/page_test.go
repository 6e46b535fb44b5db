package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/chromedp/chromedp/kb"
	"github.com/usher-boot/usher"
)

// hostile is a name that no page may take at its word, and shown how it is to
// be read. It would run if it were not escaped, in text and in attributes.
const (
	hostile = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp&amp;"
	shown   = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>\\u202egnp&amp;"
)

// marker is set on a page and gone if it was loaded again.
const marker = "window.sameVisit"

// TestPage is one visit after another to one site.
func TestPage(t *testing.T) {
	chromium := browser(t)
	s := newSite(t)
	s.node("rack1-n1", "52:54:00:00:00:01", usher.DeployWait, time.Now().Add(-20*time.Minute))
	s.node("rack1-n2", "52:54:00:00:00:02", usher.DeployWait, time.Now())
	for n := range 12 {
		s.node(fmt.Sprintf("rack2-n%d", n), fmt.Sprintf("52:54:00:00:02:%02x", n), usher.DeployWait, time.Now().Add(-time.Duration(n)*time.Minute))
	}
	for name, mac := range map[string]string{"rack1-late": "52:54:00:00:00:03", hostile: "52:54:00:00:00:66"} {
		s.node(name, mac, usher.Active, time.Now())
	}
	s.start()
	s.ask("52-54-00-00-00-01", "boot.ipxe")

	t.Run("loads and lives", func(t *testing.T) { lives(t, open(t, chromium, s), s) })
	t.Run("laptop", func(t *testing.T) { shows(t, open(t, chromium, s)) })
	t.Run("hostile names", func(t *testing.T) { escapes(t, open(t, chromium, s), s) })
	t.Run("phone", func(t *testing.T) {
		fits(t, open(t, chromium, s, chromedp.EmulateViewport(360, 780, chromedp.EmulateMobile)))
	})
	t.Run("light and dark", func(t *testing.T) { shades(t, open(t, chromium, s)) })
	t.Run("keyboard", func(t *testing.T) { keys(t, open(t, chromium, s), s) })
	t.Run("structure", func(t *testing.T) { structure(t, open(t, chromium, s)) })
	t.Run("without script", func(t *testing.T) {
		plain(open(t, chromium, s, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})))
	})
	t.Run("restart", func(t *testing.T) { survives(t, open(t, chromium, s), s) })
}

// lives: what machines do shows without a reload.
func lives(t *testing.T, p *tab, s *site) {
	p.live()
	value[bool](p, marker+" = true")
	p.has("#conductors", "conductor-1")
	p.has("#conductors", "100.0\u00a0%")
	p.has("#waiting", "rack1-n1")
	p.has("#requests", "52:54:00:00:00:01")

	s.ask("52-54-00-00-00-02", "boot.ipxe")
	p.has("#rows tr:first-child", "52:54:00:00:00:02")
	p.has("#rows tr:first-child", "rack1-n2")
	p.has("#rows tr:first-child .badge", "served")
	p.await(`[...document.querySelectorAll("#waiting tbody tr")].some(r => r.innerText.includes("rack1-n2") && r.innerText.includes("served") && r.innerText.includes("conductor-1"))`)

	s.ask("52-54-00-99-00-01", "grub.cfg")
	p.has("#rows tr:first-child", "no port has this MAC address")
	p.has("#unknown", "usher node add node-52-54-00-99-00-01 --mac 52:54:00:99:00:01 --boot-interface pxe --kernel URL --ramdisk URL")
	p.await(`document.querySelector("#hour svg .no").getAttribute("d").startsWith("M")`)

	// A node that comes to wait is seen at the next look at the database.
	s.rebuild("rack1-late")
	p.await(`[...document.querySelectorAll("#waiting tbody tr")].some(r => r.innerText.includes("rack1-late") && r.innerText.includes("never asked"))`)
	p.await(marker)
}

// escapes: hostile names are text, in the first view and in what comes later.
func escapes(t *testing.T, p *tab, s *site) {
	p.live()
	s.rebuild(hostile)
	p.has("#waiting", shown) // now a request finds it waiting
	s.ask("52-54-00-00-00-66", "boot.ipxe")
	s.ask("<img src=x onerror=alert(3)>\"'", "<b onclick=alert(4)>")
	check := func() {
		p.has("#waiting", shown)
		p.has("#rows", shown)
		p.has("#rows", `<img src=x onerror=alert(3)>"'`)
		p.has("#rows", `<b onclick=alert(4)>`)
		if n := value[int](p, `document.querySelectorAll("script:not([src]), img, #rows b, [onerror], [onclick]").length`); n != 0 {
			t.Errorf("%d elements that somebody else wrote", n)
		}
	}
	check()
	p.do(chromedp.Reload())
	p.live()
	check()
}

// fits: nothing makes a phone scroll sideways.
func fits(t *testing.T, p *tab) {
	p.live()
	p.has("#requests", "52:54:00:00:00:01")
	p.has("#unknown", "usher node add")
	for _, width := range []int64{360, 320} {
		p.do(chromedp.EmulateViewport(width, 780, chromedp.EmulateMobile))
		p.await(fmt.Sprintf("window.innerWidth === %d", width))
		wide := value[[]string](p, `[...document.querySelectorAll("body *")].filter(e => {
			const box = e.getBoundingClientRect();
			return box.width > 0 && box.right > document.documentElement.clientWidth + 1 && !e.closest(".skip, svg, thead");
		}).map(e => e.tagName + "." + e.className + " " + e.innerText).slice(0, 5)`)
		if over := value[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 || len(wide) > 0 {
			t.Errorf("%d px wide: %d px too much: %q", width, over, wide)
		}
	}
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	p.picture("phone")
}

// shows: no column is out of sight beside its table, at the width where the
// page gets two columns and at that of a laptop.
func shows(t *testing.T, p *tab) {
	p.live()
	p.has("#unknown", "usher node add")
	for _, width := range []int64{1200, 1280} {
		p.do(chromedp.EmulateViewport(width, 800))
		p.await(fmt.Sprintf("window.innerWidth === %d", width))
		if over := value[[]string](p, `[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth)
			.map(e => e.closest("section").id + " " + (e.scrollWidth - e.clientWidth) + " px")`); len(over) > 0 {
			t.Errorf("%d px wide: tables wider than what they are in: %q", width, over)
		}
	}
	p.picture("laptop")
}

// contrasts is a script: the texts whose contrast with what is behind them is
// less than 4.5, the least of WCAG 2's level AA.
const contrasts = `(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const low = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.getClientRects().length || e.closest("script, noscript, svg")) continue;
		const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) low.push(texts.currentNode.data.trim().slice(0, 40) + " " + contrast.toFixed(2));
	}
	return low;
})()`

// shades: the page follows the reader's choice, and can be read in both.
func shades(t *testing.T, p *tab) {
	p.do(chromedp.EmulateViewport(1440, 900))
	p.live()
	p.has("#unknown", "usher node add")
	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		p.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}))
		p.await(fmt.Sprintf(`matchMedia("(prefers-color-scheme: %s)").matches && matchMedia("(prefers-reduced-motion: reduce)").matches`, scheme))
		grounds[scheme] = value[string](p, "getComputedStyle(document.body).backgroundColor")
		if low := value[[]string](p, contrasts); len(low) > 0 {
			t.Errorf("%s: hard to read: %q", scheme, low)
		}
		p.picture(scheme)
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("the ground is %s in both", grounds["light"])
	}
}

// keys: everything can be done with the keyboard alone, and one sees where.
func keys(t *testing.T, p *tab, s *site) {
	p.live()
	press := func(key string) { p.do(chromedp.KeyEvent(key)) }
	at := func() string {
		return value[string](p, `(() => { const e = document.activeElement; return e.id || e.className || e.getAttribute("href") || e.tagName; })()`)
	}
	press(kb.Tab)
	if got := at(); got != "skip" {
		t.Errorf("the first stop is %s", got)
	}
	if visible := value[bool](p, "document.activeElement.getBoundingClientRect().left >= 0"); !visible {
		t.Error("the skip link is not seen")
	}
	press(kb.Enter)
	p.await(`document.activeElement.id === "main"`)

	var stops []string
	for range 12 {
		press(kb.Tab)
		stop := at()
		stops = append(stops, stop)
		if seen := value[bool](p, `getComputedStyle(document.activeElement).outlineStyle !== "none"`); !seen {
			t.Errorf("one does not see that one is at %s", stop)
		}
		if stop != "pause" {
			continue
		}
		press(" ")
		p.await(`document.getElementById("pause").getAttribute("aria-pressed") === "true"`)
		s.ask("52-54-00-99-00-77", "boot.ipxe")
		p.has("#held", "1 more")
		if strings.Contains(value[string](p, `document.getElementById("rows").innerText`), "52:54:00:99:00:77") {
			t.Error("the stream does not pause")
		}
		press(" ")
		p.has("#rows tr:first-child", "52:54:00:99:00:77")
		break
	}
	if got := strings.Join(stops, " "); !strings.HasSuffix(got, "scroll pause") {
		t.Errorf("the stops are %s", got)
	}
	// An update of a part leaves the focus where it is.
	press(kb.Tab)
	value[bool](p, `document.querySelector("#unknown .scroll").focus() || true`)
	s.ask("52-54-00-99-00-78", "boot.ipxe")
	p.has("#unknown", "52:54:00:99:00:78")
	p.await(`document.activeElement === document.querySelector("#unknown .scroll")`)
}

// structure: what a screen reader goes by.
func structure(t *testing.T, p *tab) {
	p.live()
	p.has("#unknown", "usher node add")
	for what, expression := range map[string]string{
		"a language":                `document.documentElement.lang === "en"`,
		"one main, header and nav":  `["main", "header", "nav"].every(e => document.querySelectorAll(e).length === 1)`,
		"one h1":                    `document.querySelectorAll("h1").length === 1`,
		"a heading for each region": `[...document.querySelectorAll("section")].every(s => document.getElementById(s.getAttribute("aria-labelledby")).tagName === "H2")`,
		"named tables":              `[...document.querySelectorAll("table")].length === 4 && [...document.querySelectorAll("table")].every(e => e.caption)`,
		"headers with a scope":      `[...document.querySelectorAll("th")].every(e => e.scope === "col" || e.scope === "row")`,
		"a cell for each column":    `[...document.querySelectorAll("tbody tr")].every(r => r.cells.length === r.closest("table").querySelectorAll("thead th").length)`,
		"pictures in words":         `[...document.querySelectorAll("svg")].every(e => e.getAttribute("role") === "img" && e.getAttribute("aria-label"))`,
		"one quiet live region":     `document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]").length === 1`,
		"no two of an id":           `new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`,
		"where links lead":          `[...document.querySelectorAll("a[href^='#']")].every(a => document.querySelector(a.getAttribute("href")))`,
	} {
		if !value[bool](p, expression) {
			t.Errorf("the page lacks %s", what)
		}
	}
}

// plain: what the server sends is a page by itself.
func plain(p *tab) {
	for _, text := range []string{"rack1-n1", "conductor-1", "52:54:00:00:00:01", "usher node add", "Reload for later"} {
		ctx, cancel := p.within()
		html, err := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
		cancel()
		if err != nil {
			p.tb.Fatal(err)
		}
		if !strings.Contains(html, text) {
			p.tb.Errorf("%s is not on it", text)
		}
	}
}

// survives: the page outlives the API, and shows what comes after it.
func survives(t *testing.T, p *tab, s *site) {
	p.live()
	value[bool](p, marker+" = true")
	p.has("#rows", "52:54:00:00:00:01")
	p.expect("net::ERR_") // while nobody is there
	s.stop()
	p.has("#live", "Connection lost, trying again")
	s.start()
	s.ask("52-54-00-99-00-02", "boot.ipxe")
	p.has("#rows tr:first-child", "52:54:00:99:00:02")
	p.has("#live", "Live")
	p.has("#rows", "52:54:00:00:00:01") // what was seen before is still there
	p.await(marker)
}
