// Keeps the page as it is now: what changes comes as server-sent events, as
// HTML that the server has escaped.
"use strict";

(() => {
  const body = document.body;
  const live = document.getElementById("live");
  const rows = document.getElementById("rows");
  const none = document.getElementById("none");
  const pause = document.getElementById("pause");
  const held = document.getElementById("held");
  const shown = 100; // rows of requests

  let last = body.dataset.last;
  let ahead = Number(body.dataset.now) - Date.now(); // the server's clock before ours
  let waitingRows = []; // came while the stream was paused
  let skipped = 0;
  let delay = 500; // before the next try, in milliseconds
  let source;

  function say(state, text) {
    if (live.dataset.text === text) return; // a screen reader says it once
    live.dataset.text = text;
    live.textContent = text;
    live.className = "live " + state;
  }

  // age is the same as the server's.
  function age(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
    return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
  }

  function tick() {
    const now = Date.now() + ahead;
    for (const t of document.querySelectorAll("time[data-since]")) {
      const text = age(now - Number(t.dataset.since));
      if (t.textContent !== text) t.textContent = text;
    }
  }

  // elements are the rows of a piece of a table.
  function elements(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return [...template.content.querySelectorAll("tr")];
  }

  function show(news) {
    for (const row of news) row.classList.add("new");
    rows.prepend(...news);
    while (rows.children.length > shown) rows.lastElementChild.remove();
    if (none) none.hidden = rows.children.length > 0;
  }

  function paused() { return pause.getAttribute("aria-pressed") === "true"; }

  function tell() {
    const n = waitingRows.length + skipped;
    held.textContent = paused() ? (n ? n + " more since" : "") : "";
  }

  function requests(event) {
    if (!rows) return;
    const data = JSON.parse(event.data);
    const news = elements(data.rows);
    if (!paused()) {
      show(news);
      return;
    }
    waitingRows = news.concat(waitingRows);
    skipped += data.skipped + Math.max(0, waitingRows.length - shown);
    waitingRows.length = Math.min(waitingRows.length, shown);
    tell();
  }

  function parts(event) {
    for (const [name, html] of Object.entries(JSON.parse(event.data))) {
      const part = document.getElementById("part-" + name);
      if (!part) continue;
      // What is being read stays where it is: the place in a list, and the focus.
      const scroll = part.querySelector(".scroll");
      const top = scroll ? scroll.scrollTop : 0;
      const left = scroll ? scroll.scrollLeft : 0;
      const focus = part.contains(document.activeElement) ? document.activeElement : null;
      const inScroll = focus !== null && focus === scroll;
      const id = focus ? focus.id : "";
      part.innerHTML = html;
      const again = part.querySelector(".scroll");
      if (again) {
        again.scrollTop = top;
        again.scrollLeft = left;
      }
      if (inScroll && again) again.focus({ preventScroll: true });
      else if (id && document.getElementById(id)) document.getElementById(id).focus({ preventScroll: true });
    }
    tick();
  }

  function connect() {
    const query = new URLSearchParams({ after: last, waiting: body.dataset.waiting });
    source = new EventSource("/events?" + query);
    source.addEventListener("hello", (event) => {
      const hello = JSON.parse(event.data);
      delay = 500;
      ahead = hello.now - Date.now();
      if (hello.build !== body.dataset.build) {
        location.reload(); // another Usher answers now
        return;
      }
      say("on", "Live");
    });
    for (const [name, handle] of [["requests", requests], ["parts", parts]]) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        handle(event);
      });
    }
    source.onerror = () => {
      say("off", "Connection lost, trying again");
      source.close(); // the browser's own tries end at the first answer that is no stream
      setTimeout(connect, delay);
      delay = Math.min(delay * 2, 5000);
    };
  }

  if (pause && rows) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      pause.setAttribute("aria-pressed", String(!paused()));
      if (!paused()) {
        show(waitingRows);
        waitingRows = [];
        skipped = 0;
      }
      tell();
    });
  }
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  setInterval(tick, 1000);
  connect();
})();
