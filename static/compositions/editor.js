// A textarea with data-editor becomes an editor with colours and the problems beside their lines. What is typed goes
// back into the textarea, so that forms work as without this script. With data-check the server judges the text as one
// types, and its answer replaces the element that data-checked names.
//
// The editor lives in a shadow root: there its styles are adopted sheets, which a strict policy of styles allows.
(() => {
  "use strict";

  const {
    EditorState, EditorView, HighlightStyle, bracketMatching, defaultKeymap, drawSelection, dropCursor, foldGutter,
    foldKeymap, highlightActiveLine, highlightActiveLineGutter, highlightSelectionMatches, highlightSpecialChars, history,
    historyKeymap, indentOnInput, indentUnit, json, keymap, lineNumbers, lintGutter, lintKeymap, rectangularSelection,
    searchKeymap, setDiagnostics, syntaxHighlighting, tags,
  } = CodeMirror;

  const PAUSE_MS = 350;

  const colours = HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--sg-name)" },
    { tag: tags.string, color: "var(--sg-string)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--sg-value)" },
    { tag: tags.invalid, color: "var(--sg-bad)" },
  ]);
  const theme = EditorView.theme({
    "&": { color: "var(--pico-color)", backgroundColor: "var(--pico-form-element-background-color)", fontSize: "0.875rem" },
    "&.cm-focused": { outline: "3px solid var(--pico-primary)", outlineOffset: "1px" },
    ".cm-scroller": { fontFamily: "var(--pico-font-family-monospace)", lineHeight: "1.5", maxHeight: "70vh", minHeight: "14rem" },
    ".cm-content": { caretColor: "var(--pico-color)" },
    ".cm-cursor": { borderLeftColor: "var(--pico-color)" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--sg-calm)", borderRight: "1px solid var(--sg-line)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--sg-active-line)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--sg-selection)" },
    ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--sg-selection)", outline: "none" },
    ".cm-tooltip, .cm-panels": { backgroundColor: "var(--pico-card-background-color)", color: "var(--pico-color)", border: "1px solid var(--sg-line)" },
    ".cm-foldPlaceholder": { background: "transparent", border: "1px solid var(--sg-line)", color: "var(--sg-calm)" },
    ".cm-panel input, .cm-panel button": { fontSize: "0.875rem" },
  });

  // What the server's list of problems says, as marks of the editor.
  const diagnostics = (state, list) =>
    [...list.querySelectorAll("[data-line]")].map((item) => {
      const line = state.doc.line(Math.min(Math.max(1, Number(item.dataset.line)), state.doc.lines));
      const from = Math.min(line.from + Math.max(0, Number(item.dataset.column || 1) - 1), line.to);
      const word = state.sliceDoc(from, line.to).match(/^(?:"(?:[^"\\]|\\.)*"?|[^\s,\]}]+)/);
      return {
        from,
        to: Math.min(from + (word ? word[0].length : 1), state.doc.length),
        severity: item.dataset.severity === "warning" ? "warning" : "error",
        message: item.querySelector(".message").textContent,
      };
    });

  const enhance = (area) => {
    const host = document.createElement("div");
    host.className = "editor";
    area.after(host);
    const root = host.attachShadow({ mode: "open" });
    const label = document.querySelector(`label[for="${CSS.escape(area.id)}"]`);
    const checked = area.dataset.checked ? document.getElementById(area.dataset.checked) : null;
    let waiting = null;
    let asking = null;
    let isUnsaved = false;

    const view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: area.value,
        extensions: [
          lineNumbers(), highlightActiveLineGutter(), highlightSpecialChars(), history(), foldGutter(), drawSelection(),
          dropCursor(), EditorState.allowMultipleSelections.of(true), indentOnInput(), indentUnit.of("  "),
          syntaxHighlighting(colours), bracketMatching(), rectangularSelection(), highlightActiveLine(),
          highlightSelectionMatches(), json(), lintGutter(), theme, EditorView.lineWrapping,
          // Tab leaves the editor, as it leaves every other field.
          keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
          EditorState.readOnly.of(area.readOnly),
          EditorView.contentAttributes.of({
            "aria-label": area.getAttribute("aria-label") || (label ? label.textContent.trim() : "Definition"),
            spellcheck: "false",
          }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged) return;
            area.value = update.state.doc.toString();
            area.dispatchEvent(new Event("input", { bubbles: true }));
            if (!area.dataset.check) return;
            isUnsaved = true;
            clearTimeout(waiting);
            waiting = setTimeout(check, PAUSE_MS);
          }),
        ],
      }),
    });
    area.hidden = true;
    area.required = false; // a hidden field cannot be pointed at; the server says so as well
    if (label) label.addEventListener("click", () => view.focus());

    const mark = () => checked && view.dispatch(setDiagnostics(view.state, diagnostics(view.state, checked)));
    const say = (words) => {
      const note = checked && checked.querySelector("[data-note]");
      if (note) note.textContent = words;
    };

    const check = async () => {
      if (asking) asking.abort();
      const mine = (asking = new AbortController());
      const body = new FormData(area.form);
      try {
        const answer = await fetch(area.dataset.check, { method: "POST", body, signal: mine.signal, redirect: "manual" });
        if (answer.ok) {
          const text = await answer.text();
          if (mine.signal.aborted) return;
          // Parsed apart from this page: only its elements are taken over, and scripts in them do not run.
          checked.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
          document.dispatchEvent(new Event("diagram"));
          mark();
        } else {
          say(answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403
            ? "Not checked: your session has ended. Log in beside this page; what you typed is kept."
            : `Not checked: the server answered ${answer.status}.`);
        }
      } catch (error) {
        if (error.name !== "AbortError") say("Not checked: Switchgear does not answer. It is tried again as you type.");
      }
    };

    if (checked) {
      // A problem's place leads into the text.
      checked.addEventListener("click", (event) => {
        const place = event.target.closest("a[data-goto]");
        if (!place) return;
        event.preventDefault();
        const found = diagnostics(view.state, checked)[[...checked.querySelectorAll("[data-line]")].indexOf(place.closest("[data-line]"))];
        if (!found) return;
        view.dispatch({ selection: { anchor: found.from, head: found.to }, effects: EditorView.scrollIntoView(found.from, { y: "center" }) });
        view.focus();
      });
      mark();
      // What is judged depends on other fields of the form too.
      area.form.addEventListener("change", (event) => {
        if (event.target !== area && event.target.dataset.judged !== undefined) check();
      });
    }

    // Whoever leaves with a text that was sent nowhere is asked.
    area.form.addEventListener("submit", () => (isUnsaved = false));
    window.addEventListener("beforeunload", (event) => isUnsaved && event.preventDefault());

    // A file that is chosen fills the editor; nothing is sent before somebody saves.
    const file = area.dataset.file ? document.getElementById(area.dataset.file) : null;
    if (file) {
      file.addEventListener("change", async () => {
        if (!file.files.length) return;
        const text = await file.files[0].text();
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        file.value = "";
      });
    }
  };

  document.querySelectorAll("textarea[data-editor]").forEach(enhance);
})();
