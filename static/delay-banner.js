/* Shows the processing-delay flag on any page. See docs/delay-flag.md.
   <script src="https://FRONTDOOR/-/delay-banner.js?journey=subscribe&lang=en&position=top" async></script> */
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || !window.fetch) return;
  const from = new URL(script.src);
  const option = (name, otherwise) => script.dataset[name] || from.searchParams.get(name) || otherwise;

  const journey = option("journey", "");
  const lang = option("lang", document.documentElement.lang || "en");
  const bottom = option("position", "top") === "bottom";
  const forgetAfter = Number(option("forgetMinutes", 10)) * 60000;
  const shipped = {
    en: {
      estimate: "Expected to take about {time}.",
      seconds: "{n} s",
      minutes: "{n} min",
      close: "Close",
      received: "We have received your request. You do not need to send it again.",
      succeeded: "Your request is done.",
      partial: "Your request is done in part. We will see to the rest.",
      failed: "Your request could not be carried out. Please look at the message we have sent you.",
      dead: "Your request needs our attention. We are on it; you do not need to send it again.",
    },
    de: {
      estimate: "Voraussichtlich noch {time}.",
      seconds: "{n} s",
      minutes: "{n} Min.",
      close: "Schließen",
      received: "Wir haben Ihre Anfrage erhalten. Sie müssen sie nicht noch einmal senden.",
      succeeded: "Ihre Anfrage ist erledigt.",
      partial: "Ihre Anfrage ist zum Teil erledigt. Um den Rest kümmern wir uns.",
      failed: "Ihre Anfrage konnte nicht ausgeführt werden. Bitte lesen Sie die Nachricht, die wir Ihnen gesandt haben.",
      dead: "Ihre Anfrage braucht unsere Hilfe. Wir kümmern uns darum; Sie müssen sie nicht noch einmal senden.",
    },
  };
  const spoken = shipped[lang.slice(0, 2).toLowerCase()] || shipped.en;
  const texts = Object.fromEntries(Object.entries(spoken).map(([name, words]) => [name, option(name, words)]));
  const here = new URL(".", from);
  const flag = new URL(
    "processing-delay" + (journey ? "/" + encodeURIComponent(journey) : "") + "?lang=" + encodeURIComponent(lang),
    here
  );
  const events = new URL(
    "delay-events?lang=" + encodeURIComponent(lang) + (journey ? "&journey=" + encodeURIComponent(journey) : ""),
    here
  );

  const looks =
    ":host{all:initial}" +
    "[role=status]{display:flex;gap:1em;align-items:center;justify-content:center;box-sizing:border-box;width:100%;" +
    "padding:.75em 1em;font:16px/1.4 system-ui,sans-serif;color:#1c1b00;background:#ffe9a8;border:0 solid #8a6d00;" +
    (bottom ? "border-top-width:2px}" : "border-bottom-width:2px}") +
    "[role=status]:empty{padding:0;border:0}" + /* stays in place: a live region is only heard when it was there before */
    "[data-severity=info]{color:#06243d;background:#d9ecff;border-color:#1f6fb2}" +
    "[data-severity=critical]{color:#fff;background:#8c1d18;border-color:#5c0f0b}" +
    "button{font:inherit;color:inherit;background:none;border:1px solid currentColor;border-radius:4px;" +
    "min-width:2.75em;min-height:2.75em;cursor:pointer}";

  /* A shadow root with a constructed style sheet: the page's Content-Security-Policy needs no 'unsafe-inline', and
     neither page nor banner can spoil the other's looks. */
  const host = document.createElement("switchgear-delay");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(looks);
  root.adoptedStyleSheets = [sheet];
  const box = document.createElement("div");
  box.setAttribute("role", "status");
  box.setAttribute("aria-live", "polite");
  box.lang = lang;
  root.append(box);
  for (const [name, value] of [
    ["display", "block"],
    ["z-index", "2147483647"],
    ["position", bottom ? "fixed" : "sticky"],
    [bottom ? "bottom" : "top", "0"],
    ["left", "0"],
    ["right", "0"],
  ])
    host.style.setProperty(name, value, "important");

  let timer = 0;
  let failures = 0;
  let heardAt = 0;
  let dismissed = "";
  let shown = "";
  let told = null; /* the flag as last heard */
  let intent = option("intent", ""); /* what this customer has sent */
  let fate = intent ? "ACCEPTED" : "";
  const open = () => fate === "ACCEPTED" || fate === "RUNNING";

  const spell = (s) =>
    s < 90
      ? texts.seconds.replace("{n}", Math.max(10, Math.ceil(s / 10) * 10))
      : texts.minutes.replace("{n}", Math.ceil(s / 60));

  const show = (flag) => {
    told = flag;
    const late = flag ? flag.journeys.filter((one) => one.delayed) : [];
    /* Who has sent something is told that it is safe; the journey's own words are for those who are about to send. */
    const own = fate && (open() ? texts.received : texts[fate.toLowerCase()]);
    const words = own || [...new Set(late.map((one) => one.message))].join(" ");
    const known = late.every((one) => one.estimated_s !== null) && late.map((one) => one.estimated_s);
    const soon = known && known.length && (!own || open()) ? Math.max(...known) : 0;
    const text = words && soon ? words + " " + texts.estimate.replace("{time}", spell(soon)) : words;
    if (!text) dismissed = "";
    const news = text && words !== dismissed ? text : "";
    if (news === shown) return; /* an unchanged region is not announced again */
    shown = news;
    const rank = ["info", "warning", "critical"];
    box.dataset.severity = own && !open() ? "info" : rank[Math.max(0, ...late.map((one) => rank.indexOf(one.severity)))];
    if (!news) return box.replaceChildren();
    const line = document.createElement("span");
    line.textContent = news;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "\u00d7";
    close.setAttribute("aria-label", texts.close);
    close.addEventListener("click", () => {
      dismissed = words;
      show(flag);
    });
    box.replaceChildren(line, close);
  };

  const next = (seconds) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(poll, seconds * 1000 * (0.8 + 0.4 * Math.random()));
  };

  const ask = async (url, signal) => {
    /* no-cache: the browser sends If-None-Match by itself, and hands over its copy on a 304 */
    const answer = await fetch(url, { cache: "no-cache", credentials: "omit", signal });
    if (!answer.ok && answer.status !== 404) throw new Error("HTTP " + answer.status);
    return answer.ok ? answer.json() : null;
  };

  const poll = async () => {
    clearTimeout(timer);
    const given = new AbortController();
    const patience = setTimeout(() => given.abort(), 10000);
    try {
      const [document_, mine] = await Promise.all([
        ask(flag, given.signal),
        open() ? ask(new URL("intents/" + encodeURIComponent(intent), here), given.signal) : null,
      ]);
      if (!document_) throw new Error("no such journey");
      if (open()) fate = mine ? mine.status : "";
      failures = 0;
      heardAt = Date.now();
      show(document_);
      next(open() ? Math.min(3, document_.poll_after_s || 15) : document_.poll_after_s || 15);
    } catch (error) {
      failures += 1;
      if (Date.now() - heardAt > forgetAfter) show(null);
      next(Math.min(300, 15 * 2 ** Math.min(failures - 1, 5)));
    } finally {
      clearTimeout(patience);
    }
  };

  /* A page that sends by script says so: dispatchEvent(new CustomEvent("switchgear:intent", { detail: id })) */
  document.addEventListener("switchgear:intent", (event) => {
    intent = String(event.detail || "");
    fate = intent ? "ACCEPTED" : "";
    dismissed = "";
    show(told);
    poll();
  });

  /* Where the page asks for it (live=1) news come by themselves; polling goes on, so a lost stream loses nothing. */
  if (option("live", "") === "1" && window.EventSource) {
    new EventSource(events).addEventListener("delay", (event) => {
      heardAt = Date.now();
      show(JSON.parse(event.data));
    });
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
  const begin = () => {
    document.body[bottom ? "append" : "prepend"](host);
    if (!document.hidden) poll();
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
