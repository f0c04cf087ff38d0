// Live regions: every 2 s the server renders them again, and only what differs is changed in place. Focus, open
// details and what somebody is typing stay. While the tab is hidden nothing is asked; when an answer fails, the page
// says since when it is stale. Without this script every page still works; it just has to be reloaded.
(() => {
  "use strict";

  const dirty = (field) =>
    field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT"
        ? [...field.options].some((option) => option.selected !== option.defaultSelected)
        : field.type !== "hidden" && field.value !== field.defaultValue;
  const inUse = (element) =>
    element.contains(document.activeElement) || [...element.querySelectorAll("input, select, textarea")].some(dirty);

  const patchAttributes = (old, fresh) => {
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && !(name === "class" && old.matches("[data-live]"))) {
        old.removeAttribute(name);
      }
    }
  };

  const patch = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(fresh);
      if (fresh.nodeType === Node.ELEMENT_NODE) htmx.process(fresh);
    } else if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
    } else if (old.hasAttribute("data-keep-content")) {
      return;
    } else if (!(old.hasAttribute("data-keep") && (old.dataset.keep === "always" || inUse(old)))) {
      if (old.tagName === "DETAILS" && old.open) fresh.setAttribute("open", "");
      patchAttributes(old, fresh);
      patchChildren(old, fresh);
    }
  };

  // Children with an id are found again wherever they have moved to; the others are matched by their place.
  const patchChildren = (old, fresh) => {
    const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = child.id && named.get(child.id);
      if (known) {
        named.delete(child.id);
        if (known === place) place = place.nextSibling;
        else old.insertBefore(known, place);
        patch(known, child);
      } else if (place && !place.id && !child.id) {
        const next = place.nextSibling;
        patch(place, child);
        place = next;
      } else {
        const added = old.insertBefore(child, place);
        if (added.nodeType === Node.ELEMENT_NODE) htmx.process(added);
      }
    }
    while (place) {
      const next = place.nextSibling;
      if (!(place.id && !named.has(place.id))) place.remove();
      place = next;
    }
  };

  // After logging in again beside this page, forms that were kept would still carry the old session's token.
  const renewTokens = (fragment) => {
    const fresh = fragment.querySelector("[name=csrfmiddlewaretoken]");
    if (!fresh) return;
    document.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => (field.value = fresh.value));
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": fresh.value }));
  };

  htmx.defineExtension("patch", {
    isInlineSwap: (style) => style === "patch",
    handleSwap: (style, target, fragment) => {
      if (style !== "patch") return false;
      const focused = document.activeElement;
      renewTokens(fragment);
      const fresh = fragment.querySelector(`#${CSS.escape(target.id)}`);
      if (fresh) patch(target, fresh);
      if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
      return [];
    },
  });

  // Stale marks ------------------------------------------------------------------------------------------------------

  const isLive = (event) => event.detail.elt && event.detail.elt.matches("[data-live]");
  let heard = Date.now();
  let failing = null;

  const mark = () => {
    const note = document.getElementById("stale");
    if (!note || !failing) return;
    const at = new Date(heard);
    const age = Math.round((Date.now() - heard) / 1000);
    note.hidden = false;
    note.textContent = `Stale since ${at.toLocaleTimeString()} (${age} s): ${failing}`;
    if (failing === LOGGED_OUT) {
      const link = document.createElement("a");
      link.href = `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
      link.target = "_blank"; // beside this page, which goes on with what was typed
      link.rel = "noopener";
      link.textContent = "Log in again.";
      note.append(" ", link);
    }
    document.body.classList.add("is-stale");
  };
  const fail = (why) => {
    failing = why;
    mark();
  };
  const fine = () => {
    heard = Date.now();
    failing = null;
    const note = document.getElementById("stale");
    if (note) note.hidden = true;
    document.body.classList.remove("is-stale");
  };
  const LOGGED_OUT = "your session has ended; what you typed is kept here.";
  const UNSENT = "no answer to what you just did. Look at the audit before you repeat it.";
  const UNREACHABLE = "Switchgear does not answer this page. It tries again every 2 s.";
  setInterval(mark, 1000);

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isLive(event) && document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.querySelectorAll("[data-live]").forEach((region) => htmx.trigger(region, "live"));
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => fail(isLive(event) ? UNREACHABLE : UNSENT));
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    // A live region must never be sent to another page: a form beside it may be half filled in.
    const xhr = event.detail.xhr;
    if (isLive(event) && (xhr.status === 401 || xhr.getResponseHeader("HX-Redirect"))) {
      event.preventDefault();
      fail(LOGGED_OUT);
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (isLive(event)) {
      const good = xhr.status === 200 && xhr.responseText.includes(`id="${target.id}"`);
      event.detail.shouldSwap = good;
      if (good) fine();
      else fail(xhr.status === 200 || xhr.status === 401 ? LOGGED_OUT : `the server answered ${xhr.status}.`);
    } else if ([400, 403, 404, 409].includes(xhr.status) && xhr.getResponseHeader("Content-Type").includes("html")) {
      // A refused form comes back filled in, with what is wrong.
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // Filters live in the address, so that a view can be shared and survives a reload.
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !form.matches("[data-filter]")) return;
    const words = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(history.state, "", words.size ? `?${words}` : location.pathname);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    // Over plain HTTP from another machine browsers offer no clipboard: then the text is marked, for Ctrl+C.
    const mark = () => {
      getSelection().selectAllChildren(source);
      button.textContent = "Marked: copy it";
    };
    if (!navigator.clipboard) return mark();
    navigator.clipboard.writeText(source.textContent).then(() => (button.textContent = "Copied"), mark);
  });
})();
