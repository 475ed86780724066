/* Inbox: what the list and the thread need beyond htmx; the box to write in is in writing.js. */

import { announce, notify } from "./page.js";
import { restoreDraft } from "./writing.js";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const openId = () => one("[data-conversation]")?.dataset.conversation;

/* The list never re-sorts under the pointer or the keyboard: rows change in place, the rest waits. */

let held = 0; // rows that wait

function isUsed(list) {
  return list.matches(":hover") || (list.contains(document.activeElement) && document.activeElement.matches(":focus-visible"));
}

/** The fresh list with its rows in the order of the shown one; what is new is counted, not shown. */
function inShownOrder(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const rows = one("#rows", template.content);
  const shown = all("#rows > li");
  if (!rows || !shown.length) return html;
  const fresh = new Map(all("li", rows).map((row) => [row.id, row]));
  held = 0;
  for (const [id, row] of fresh) {
    const before = shown.find((other) => other.id === id);
    if (row.dataset.at && (!before || before.dataset.at < row.dataset.at)) held += 1;
  }
  rows.replaceChildren(...shown.map((row) => fresh.get(row.id) ?? row.cloneNode(true)));
  const pill = one("#held", template.content);
  pill.hidden = held === 0;
  pill.textContent = held ? `${held} new` : "";
  return template.innerHTML;
}

/** A refresh brings as many rows as were scrolled to. */
addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "list") detail.parameters.limit = all("#rows > .row").length;
});

let waits = false;

addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "list") return;
  waits = Boolean(detail.requestConfig.triggeringEvent?.type.startsWith("live:")) && isUsed(detail.target);
  if (waits) detail.serverResponse = inShownOrder(detail.serverResponse);
});

function release() {
  if (waits) htmx.trigger("#list", "refresh");
  waits = false;
}

document.addEventListener("mouseleave", ({ target }) => target.id === "list" && release(), true);
addEventListener("focusout", ({ target, relatedTarget }) => {
  const list = target.closest?.("#list");
  if (list && !list.contains(relatedTarget) && !list.matches(":hover")) release();
});
addEventListener("click", ({ target }) => target.closest("[data-held]") && release());

/* What is unread: the title, the badge, and one spoken line for each new text. */

let unread = new Map(all(".row").map((row) => [row.id, Number(row.dataset.unread)]));
let spoken = new Set(all("[data-inbound]").map((item) => item.id));

function showUnread() {
  const list = one("#list");
  if (!list) return;
  const total = Number(list.dataset.unreadTotal);
  document.title = (total ? `(${total}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  for (const badge of all("[data-unread-badge]")) {
    badge.textContent = total;
    badge.hidden = total === 0;
  }
  const now = new Map(all(".row").map((row) => [row.id, Number(row.dataset.unread)]));
  for (const [id, count] of now) {
    const news = count > (unread.get(id) ?? 0) && id !== `row-${openId()}`;
    if (!news || !unread.size) continue;
    const line = `New text from ${one(".row-name", document.getElementById(id)).textContent}`;
    announce(line);
    notify(line, id);
  }
  unread = now;
}

function speakNew() {
  for (const item of all("[data-inbound]:not([data-old])").filter((item) => !spoken.has(item.id))) {
    spoken.add(item.id);
    item.classList.add("fresh");
    announce(`${item.dataset.inbound}: ${one(".body", item).lastChild.textContent}`);
  }
}

/** Opening a thread or its earlier items is not news. */
function rememberSpoken() {
  for (const item of all("[data-inbound]")) spoken.add(item.id);
}

/* The open row, one head per day, and telling the server what was looked at */

function markCurrent() {
  for (const row of all("[data-row]")) {
    const current = row.closest(".row").id === `row-${openId()}`;
    if (current) row.setAttribute("aria-current", "page");
    else row.removeAttribute("aria-current");
  }
}

function oneHeadPerDay() {
  let day = null;
  for (const item of all("#items > .item")) {
    const head = one(".day", item);
    if (head) head.hidden = item.dataset.day === day;
    day = item.dataset.day;
  }
}

const seen = new Set();

function tellSeen() {
  const element = one("[data-seen]");
  if (!element || document.hidden || seen.has(element.dataset.seen)) return;
  htmx.trigger(element, "seen"); // before htmx knows the element nothing happens: the next call does it
}

document.addEventListener("visibilitychange", tellSeen);

/* A refresh brings the last page of a thread. Earlier items stay above it where the two overlap; where
 * more than a page is new, they go, so that no message is missing in between. */

let overlap = false;

addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "thread") return;
  const template = document.createElement("template");
  template.innerHTML = detail.serverResponse;
  overlap = all(".item", template.content).some((item) => document.getElementById(item.id));
});

const callbacks = Idiomorph.defaults.callbacks;
callbacks.beforeNodeRemoved = (node) => !(overlap && node.matches?.("#items > .item"));
// A picture that somebody looks at stays.
callbacks.beforeNodeMorphed = (node) => !(overlap && node.id === "earlier") && !node.matches?.(".picture:has(img)");
callbacks.beforeNodeAdded = (node) => !(overlap && node.id === "earlier");

/* Pictures are fetched when somebody wants to see them. */

addEventListener("click", (event) => {
  const link = event.target.closest("[data-picture]");
  if (!link) return;
  event.preventDefault();
  const picture = new Image();
  picture.alt = link.textContent.replace("Show p", "P");
  picture.onerror = () => picture.replaceWith("This picture cannot be shown.");
  picture.src = link.href;
  link.replaceWith(picture);
});

addEventListener("htmx:beforeRequest", ({ target }) => {
  if (target.dataset.seen) seen.add(target.dataset.seen);
});

/** What somebody did is shown at once, also while nothing is live. */
addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (target.matches("[data-compose]")) one("#thread-scroll").scrollTop = 0;
  if (!target.matches("[data-changes]") || !detail.successful) return;
  for (const name of [`live:conversation-${openId()}`, "live:conversation"]) {
    document.body.dispatchEvent(new CustomEvent(name));
  }
});

/* After every swap */

addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (target.id === "pane" || target.id === "earlier") rememberSpoken();
  else if (target.id === "thread") speakNew();
  if (target.id === "pane") {
    restoreDraft();
    if (one(".back")?.offsetParent) one("#main").focus();
  }
  showUnread();
  markCurrent();
  oneHeadPerDay();
});

// Only now does htmx listen on what is new.
addEventListener("htmx:afterSettle", tellSeen);
addEventListener("DOMContentLoaded", tellSeen);
oneHeadPerDay();
