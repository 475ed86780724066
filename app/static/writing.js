/* Writing: the box to write in, in a thread and in the dialog for a new text.
 *
 * The server keeps what is typed in a thread. The tab keeps what the server does not have yet, for its
 * viewer, until they sign out or the tab is closed: so it outlives a lost line and a lost session. */

import { announce } from "./page.js";

const one = (selector, root = document) => root.querySelector(selector);
const box = () => one("[data-compose] textarea");
const SENDING = "sending";

function draftKey({ form }) {
  const person = form.elements.person_id?.value ?? "";
  return `draft ${document.body.dataset.viewer} ${form.getAttribute("action")} ${person}`;
}

/** What was typed before; where something stands in the box already, it was typed before we listened. */
export function restoreDraft() {
  if (!box() || box().hasAttribute("aria-invalid")) return;
  const untouched = box().value === box().defaultValue;
  if (untouched) box().value = sessionStorage.getItem(draftKey(box())) ?? box().value;
  if (box().value) box().dispatchEvent(new Event("input", { bubbles: true }));
}

addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (!target.matches("[data-draft]") || !detail.successful || !box()) return;
  const key = draftKey(box());
  const saved = detail.requestConfig.formData.get("body");
  if (sessionStorage.getItem(key) === saved) sessionStorage.removeItem(key);
});

/** What a plain form has sent is no draft any more: its thread, or the word that it went, is what it led to. */
function forgetSent() {
  if (one("[data-conversation], [data-sent]")) sessionStorage.removeItem(sessionStorage.getItem(SENDING));
  sessionStorage.removeItem(SENDING);
}

addEventListener("submit", ({ target }) => {
  if (target.matches("[data-compose]:not([hx-post])")) sessionStorage.setItem(SENDING, draftKey(box()));
});

addEventListener("input", ({ target }) => {
  if (target.closest("[data-compose]")) target.removeAttribute("aria-invalid");
  if (target !== box()) return;
  sessionStorage.setItem(draftKey(target), target.value);
  one("#body-error")?.remove();
});

addEventListener("click", ({ target }) => {
  const button = target.closest("[data-replace]");
  if (!button) return;
  box().value = box().value.replaceAll(button.dataset.replace, button.dataset.with);
  box().dispatchEvent(new Event("input", { bubbles: true }));
  box().focus();
});

addEventListener("htmx:beforeRequest", ({ target }) => {
  if (target.matches("[data-compose]")) box().readOnly = true;
});

/* After sending: what was typed is gone, what is wrong or comes next has the focus. */

addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (!target.matches("[data-compose]") || !box()) return;
  box().readOnly = false;
  const sent = detail.successful && detail.xhr.status < 300;
  if (sent) sessionStorage.removeItem(draftKey(box()));
  const next = sent ? one("[data-compose] [data-first]") : one("[data-compose] [aria-invalid]");
  if (detail.xhr.status !== 204) (next ?? box()).focus();
  if (sent) document.body.dispatchEvent(new CustomEvent("live:message")); // shown at once, also while nothing is live
  if (sent && one("#sent")) announce(one("#sent").dataset.sent);
});

// A dialog brings its form; only now does htmx hear its input.
addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target.id === "dialog-body" && detail.requestConfig.verb === "get") restoreDraft();
});

addEventListener("DOMContentLoaded", restoreDraft); // htmx hears its input by then
forgetSent();
