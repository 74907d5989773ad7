// What the dashboard's pages need beyond htmx: running times, local times, the search key, and what the connection is doing.
(() => {
  "use strict";

  // The server's clock minus this machine's, as of the newest part of a page.
  let skew = 0;

  const units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

  // span writes seconds as the server does: in two units, or in one where less will do.
  function span(seconds, coarse) {
    if (seconds < 0) return "0 s";
    if (seconds < 60) return Math.floor(seconds) + " s";
    for (let i = 0; i < units.length - 1; i++) {
      const [size, name] = units[i];
      if (seconds >= size) {
        const [next, nextName] = units[i + 1];
        if (coarse) return Math.floor(seconds / size) + " " + name;
        return Math.floor(seconds / size) + " " + name + " " + Math.floor(seconds % size / next) + " " + nextName;
      }
    }
    return "";
  }

  function tick() {
    const now = Date.now() + skew;
    for (const e of document.querySelectorAll("time[data-since]")) {
      const text = span((now - Date.parse(e.dataset.since)) / 1000, "coarse" in e.dataset);
      if (e.textContent !== text) e.textContent = text;
    }
  }

  // localise shows clock times in the zone of who reads them; the title keeps the server's words.
  function localise(root) {
    for (const e of root.querySelectorAll("time[data-clock]")) {
      const at = new Date(e.dateTime);
      if (isNaN(at) || e.dataset.local) continue;
      e.title = e.title || e.dateTime;
      e.dataset.local = "1";
      e.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    }
  }

  function refresh(root) {
    const newest = document.querySelector("[data-now]");
    if (newest) skew = Date.parse(newest.dataset.now) - Date.now();
    localise(root);
  }

  // The stream: a lost connection is said, never shown instead of the page, and made good by itself.
  const offline = () => document.getElementById("offline");
  let lost;
  document.addEventListener("htmx:sseError", () => {
    if (lost || document.hidden) return;
    lost = setTimeout(() => { offline().hidden = false; }, 1500);
  });
  document.addEventListener("htmx:sseOpen", () => {
    clearTimeout(lost);
    lost = undefined;
    offline().hidden = true;
    // The address says what the page showed when it was loaded; a later connection has to bring whatever there is then.
    const pulse = document.getElementById("pulse");
    if (pulse && pulse.hasAttribute("sse-connect")) {
      pulse.setAttribute("sse-connect", pulse.getAttribute("sse-connect").replace(/[?&]seen=[0-9a-f]*$/, ""));
    }
    document.documentElement.dataset.live = "1";
  });

  // A page that nobody sees gives its connection back: browsers have six of them for a server.
  document.addEventListener("visibilitychange", () => {
    const pulse = document.getElementById("pulse");
    if (!pulse) return;
    const fresh = pulse.cloneNode(true);
    if (document.hidden) {
      if (!pulse.hasAttribute("sse-connect")) return;
      htmx.trigger(pulse, "htmx:beforeCleanupElement");
      fresh.setAttribute("data-connect", pulse.getAttribute("sse-connect"));
      fresh.removeAttribute("sse-connect");
      pulse.replaceWith(fresh);
    } else if (pulse.dataset.connect) {
      fresh.setAttribute("sse-connect", pulse.dataset.connect);
      fresh.removeAttribute("data-connect");
      pulse.replaceWith(fresh);
      htmx.process(fresh);
    }
  });

  // An answer that says it is a part of a page is shown although it is an error; any other error leaves the page alone.
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.xhr && e.detail.xhr.status >= 400 && e.detail.xhr.getResponseHeader("Page-Part") === "1") {
      e.detail.shouldSwap = true;
      e.detail.isError = false;
    }
  });
  const failed = (show) => { document.getElementById("failed").hidden = !show; };
  document.addEventListener("htmx:responseError", () => failed(true));
  document.addEventListener("htmx:sendError", () => failed(true));
  document.addEventListener("htmx:afterOnLoad", (e) => { if (e.detail.successful) failed(false); });

  document.addEventListener("htmx:afterSettle", (e) => refresh(e.detail.elt || document));
  document.addEventListener("htmx:sseMessage", () => refresh(document));

  document.addEventListener("keydown", (e) => {
    const typing = /^(input|select|textarea)$/i.test(e.target.tagName);
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
      const q = document.getElementById("q");
      e.preventDefault();
      if (q) { q.focus(); q.select(); } else { location.href = "/jobs?focus=1"; }
    } else if (e.key === "Escape" && e.target.id === "q") {
      e.target.blur();
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    refresh(document);
    setInterval(tick, 1000);
    const q = document.getElementById("q");
    if (q && new URLSearchParams(location.search).has("focus")) q.focus();
  });
})();
