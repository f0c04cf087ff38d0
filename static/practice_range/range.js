// Throws switches without leaving the page and keeps the rows up to date. Without it the forms do the same by reloading.
"use strict";
const status = document.querySelector("[data-status]");
const say = (words) => { status.textContent = words; };

function show(overview) {
  document.querySelector("[data-traffic]").textContent = overview.traffic;
  for (const service of overview.services) {
    const row = document.getElementById(service.service);
    if (!row) continue;
    row.dataset.behaviour = service.behaviour;
    row.querySelector("[data-current]").value = service.behaviour;
    row.querySelector("[data-field=in_plain_words]").textContent = service.in_plain_words;
    row.querySelector("[data-answered]").textContent = Object.values(service.answered).reduce((sum, n) => sum + n, 0);
    for (const button of row.querySelectorAll(".buttons button")) {
      const pressed = button.value === service.behaviour;
      button.setAttribute("aria-pressed", pressed);
      if (pressed) row.querySelector("[data-label]").textContent = button.textContent;
    }
    for (const name of ["delay_ms", "share"]) {
      const input = row.querySelector(`[name=${name}]`);
      // What somebody is typing, or has typed and not yet sent, is theirs.
      if (input !== document.activeElement && input.value === input.defaultValue) input.value = input.defaultValue = service[name];
    }
  }
}

async function refresh() {
  try {
    const answer = await fetch("/services");
    show(await answer.json());
    document.body.classList.remove("away");
    if (status.dataset.away) { say(""); delete status.dataset.away; }
  } catch {
    status.dataset.away = "1";
    say("The practice range does not answer. What you see is the last known state.");
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.matches("[data-reset]")) {
    event.preventDefault();
    await send("/reset", "POST", undefined, "Everything is healthy.");
  } else if (form.closest("[data-service]")) {
    event.preventDefault();
    const title = form.closest("[data-service]").querySelector("h2").textContent;
    const setting = { behaviour: event.submitter.value, delay_ms: Number(form.delay_ms.value), share: Number(form.share.value) };
    form.delay_ms.defaultValue = form.delay_ms.value;
    form.share.defaultValue = form.share.value;
    await send(form.getAttribute("action"), "PUT", setting, `${title}: switched.`);
  }
});

async function send(path, method, document_, done) {
  try {
    const body = document_ && JSON.stringify(document_);
    const answer = await fetch(path, { method, body, headers: { "Content-Type": "application/json", Accept: "application/json" } });
    say(answer.ok ? done : (await answer.json()).detail);
  } catch {
    say("The practice range does not answer, so nothing was switched.");
  }
  await refresh();
}

setInterval(() => { if (!document.hidden) refresh(); }, 2000);
