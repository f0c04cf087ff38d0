// What codemirror.min.js is made of. To build it again, in an empty folder:
//
//   npm install @codemirror/state@6.7.6 @codemirror/view@6.43.15 @codemirror/commands@6.11.1 \
//     @codemirror/language@6.13.1 @codemirror/lang-json@6.0.2 @codemirror/lint@6.9.8 @codemirror/search@6.7.2 \
//     @lezer/highlight@1.2.5 esbuild@0.28.2
//   cp PROJECT/static/vendor/codemirror.entry.mjs .
//   npx esbuild codemirror.entry.mjs --bundle --minify --format=iife --global-name=CodeMirror --target=es2020 \
//     --legal-comments=none --outfile=PROJECT/static/vendor/codemirror.min.js
export { EditorState } from "@codemirror/state";
export {
  EditorView, drawSelection, dropCursor, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap,
  lineNumbers, rectangularSelection,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
export {
  HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
export { json } from "@codemirror/lang-json";
export { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
export { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
export { tags } from "@lezer/highlight";
