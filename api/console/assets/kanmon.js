// The only script of the console. Two things renew themselves: the live list, by an event stream, and parts
// marked data-renew, by asking for the page again. A part marked data-tap waits for a card at a desk's reader.
// Everything else works without it. All words come from the page.
"use strict";

(() => {
  const live = document.querySelector("[data-stream]");
  const renew = document.querySelector("[data-renew]");

  function liveList() {
    const rows = live.querySelector("tbody");
    const early = document.getElementById("early");
    const state = document.getElementById("state");
    const word = document.getElementById("state-word");
    const say = document.getElementById("say");
    const hold = document.getElementById("hold");
    const waiting = document.getElementById("waiting");
    const tally = document.getElementById("tally");
    const keep = Number(live.dataset.keep);
    let last = live.dataset.after;
    let held = [];
    let heldEarly = early.querySelector("tbody").innerHTML.trim();
    let paused = false;
    let source, watchdog, retry;

    function show(name) {
      if (state.dataset.state === name) return;
      state.dataset.state = name;
      word.textContent = state.dataset[name];
    }

    function put(html) {
      const parsed = document.createElement("template");
      parsed.innerHTML = html;
      const row = parsed.content.firstElementChild;
      if (!row || document.getElementById(row.id)) return;
      row.classList.add("fresh");
      const none = document.getElementById("none");
      if (none) none.remove();
      live.hidden = false;
      rows.prepend(row);
      say.textContent = row.dataset.say;
      while (rows.children.length > keep) rows.lastElementChild.remove();
    }

    // Rows before their turn come all together, each time anew.
    function putEarly(html) {
      early.querySelector("tbody").innerHTML = html;
      early.hidden = html === "";
    }

    function takeEarly(html) {
      heldEarly = html;
      if (!paused) putEarly(html);
    }

    function waitingCount() {
      waiting.hidden = held.length === 0;
      waiting.textContent = waiting.dataset.text.replace("{n}", held.length);
    }

    function pause(on) {
      paused = on;
      hold.setAttribute("aria-pressed", String(on));
      hold.querySelector("span").textContent = on ? hold.dataset.go : hold.dataset.stop;
      if (!on) { held.splice(0).forEach(put); putEarly(heldEarly); }
      waitingCount();
    }

    function alive() {
      clearTimeout(watchdog);
      watchdog = setTimeout(again, 40000); // two heartbeats were missed: the line is dead though nobody said so
    }

    function again() {
      show("wait");
      source.close();
      clearTimeout(retry);
      retry = setTimeout(connect, 2000 + Math.random() * 1000);
    }

    // The browser gives up by itself on an answer that is no stream. If that is the log-in page, show it.
    async function refused() {
      again();
      try {
        const answer = await fetch(location.href, { redirect: "manual", method: "HEAD" });
        if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) location.reload();
      } catch {
        // still no line: the retry goes on
      }
    }

    function connect() {
      const url = new URL(live.dataset.stream, location.href);
      url.searchParams.set("after", last);
      source = new EventSource(url);
      source.onopen = () => { show("up"); alive(); takeEarly(""); };
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) refused(); else show("wait"); };
      source.addEventListener("row", (e) => {
        last = e.lastEventId;
        alive();
        if (!paused) { put(e.data); return; }
        held.push(e.data);
        if (held.length > keep) held.shift();
        waitingCount();
      });
      source.addEventListener("early", (e) => { alive(); takeEarly(e.data); });
      source.addEventListener("beat", (e) => { if (e.lastEventId) last = e.lastEventId; show("up"); alive(); });
      source.addEventListener("tally", (e) => {
        const n = JSON.parse(e.data);
        tally.querySelector("b").textContent = n.text;
        tally.toggleAttribute("data-some", n.alarms > 0);
      });
      source.addEventListener("reload", () => { source.close(); show("wait"); setTimeout(() => location.reload(), 3000); });
      source.addEventListener("end", () => { source.close(); clearTimeout(watchdog); show("end"); say.textContent = state.dataset.end; });
      alive();
    }

    hold.hidden = false;
    hold.addEventListener("click", () => pause(!paused));
    waiting.addEventListener("click", () => pause(false));
    connect();
  }

  // A part says itself in how many seconds it wants to be asked for again; 0: no more.
  function renewParts() {
    async function once() {
      try {
        const answer = await fetch(location.href, { redirect: "manual" });
        if (answer.type === "opaqueredirect") { location.reload(); return; }
        if (!answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-renew]");
        const part = document.querySelector("[data-renew]");
        if (fresh && !part.contains(document.activeElement)) part.replaceWith(document.importNode(fresh, true));
        for (const id of ["badge-alarms", "badge-notices"]) {
          const now = page.getElementById(id);
          const was = document.getElementById(id);
          if (now && was) was.replaceWith(document.importNode(now, true));
        }
      } catch {
        // no line: the page says when it was made
      } finally {
        again();
      }
    }
    function again() {
      const seconds = Number(document.querySelector("[data-renew]").dataset.renew);
      if (seconds > 0) setTimeout(once, seconds * 1000);
    }
    again();
  }

  // One press is one question: it ends with a card, with a word why not, or when the line is lost.
  function waitForCard(part) {
    const button = part.querySelector("button");
    const desk = part.querySelector("select");
    const word = part.querySelector(".tap-said");
    const hidden = part.querySelector("input[name=tap]");
    const typed = part.dataset.fills && document.getElementById(part.dataset.fills);
    let source;

    function say(text, state) {
      word.textContent = text;
      part.dataset.state = state;
    }

    function stop() { source.close(); button.disabled = false; }

    function take(card) {
      if (part.dataset.go) { location.assign(part.dataset.go + encodeURIComponent(card.id)); return; }
      hidden.value = card.id;
      filled();
    }

    function filled() { // what was read stands for what would be typed
      if (!typed || !hidden.value) return;
      typed.value = "";
      typed.disabled = true;
    }

    button.addEventListener("click", () => {
      const url = new URL(part.dataset.tap, location.href);
      url.searchParams.set("desk", desk.value);
      localStorage.setItem("kanmon-desk", desk.value);
      button.disabled = true;
      say("", "");
      source = new EventSource(url);
      source.onerror = () => { stop(); say(part.dataset.lost, "bad"); };
      source.addEventListener("wait", () => say(part.dataset.waiting, "wait"));
      source.addEventListener("refused", (e) => say(JSON.parse(e.data).text, "bad"));
      source.addEventListener("over", (e) => { stop(); say(JSON.parse(e.data).text, "bad"); });
      source.addEventListener("tap", (e) => {
        const card = JSON.parse(e.data);
        stop();
        say(card.text, "good");
        take(card);
      });
    });
    const before = localStorage.getItem("kanmon-desk");
    if (before && [...desk.options].some((o) => o.value === before)) desk.value = before;
    if (hidden && hidden.value) { filled(); part.dataset.state = "good"; }
  }

  for (const part of document.querySelectorAll("[data-tap]")) if (part.querySelector("button")) waitForCard(part);
  if (live && live.dataset.stream) liveList();
  if (renew) renewParts();
})();
