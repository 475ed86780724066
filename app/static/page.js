/* Page: what every page does beyond its HTML: keys, menus, dialogs, toasts, and refreshes that
 * disturb nobody. Everything is found by data attributes; without script the page still works. */

const one = (selector, root = document) => root.querySelector(selector);

/* Refreshes keep what people opened. */

if (window.Idiomorph) {
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.matches("details, dialog"));
}

/* Toasts: 8 seconds, but never while pointed at or focused. */

export function toast(text, see) {
  const element = one("#toast").content.firstElementChild.cloneNode(true);
  element.firstElementChild.textContent = text;
  if (see) one("a", element).href = see;
  else one("a", element).remove();
  one("#toasts").append(element);
  fadeLater(element);
}

function fadeLater(element) {
  setTimeout(() => (element.matches(":hover, :focus-within") ? fadeLater(element) : element.remove()), 8_000);
}

document.querySelectorAll(".toast").forEach(fadeLater);
addEventListener("toast", ({ detail }) => toast(detail.text, detail.see));

/** Say `text` once to people who listen to the page. */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  one("#announcer").append(line);
  setTimeout(() => line.remove(), 5_000);
}

/* Notifications of the desktop, where the viewer switched them on in this browser. */

const NOTIFY = "notify";
const notifies = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(NOTIFY) === "on";

export function notify(text, tag) {
  if (document.hidden && notifies()) new Notification(text, { tag, icon: "/static/favicon.svg" }).onclick = () => focus();
}

async function switchNotify(box) {
  const asked = box.checked && "Notification" in window && (await Notification.requestPermission());
  localStorage.setItem(NOTIFY, asked === "granted" ? "on" : "off");
  if (box.checked && asked !== "granted") toast("This browser does not allow it. Its settings for this site can.");
  box.checked = notifies();
}

if (one("[data-notify]")) one("[data-notify]").checked = notifies();

/* Dialogs and confirmations */

function ask({ confirm: title, confirmText, confirmButton }) {
  const dialog = one("#confirm");
  one("h2", dialog).textContent = title;
  one("p", dialog).textContent = confirmText ?? "";
  one("button[value=yes]", dialog).textContent = confirmButton ?? title;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }),
  );
}

addEventListener("htmx:confirm", async (event) => {
  const { dataset } = event.detail.elt;
  if (!dataset.confirm) return;
  event.preventDefault();
  if (await ask(dataset)) event.detail.issueRequest(true);
});

addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "dialog-body" && !one("#dialog").open) one("#dialog").showModal();
});

addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (detail.successful && detail.xhr.status === 204) target.closest("#dialog[open]")?.close(); // it is done
});

/* Forms: a question first where one is asked, and never twice by a double click. */

addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (form.dataset.busy) return event.preventDefault();
  if (form.dataset.confirm && !form.hasAttribute("hx-post") && !form.dataset.confirmed) {
    event.preventDefault();
    if (!(await ask(form.dataset))) return;
    form.dataset.confirmed = "yes";
    return form.requestSubmit(event.submitter);
  }
  if (form.hasAttribute("data-sign-out")) sessionStorage.clear(); // drafts are nobody else's business
  form.dataset.busy = "yes";
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-busy]")) delete form.dataset.busy;
});

/* Requests that fail, and sessions that end */

addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if ((xhr.status === 409 || xhr.status === 422) && requestConfig.elt.hasAttribute("data-compose")) {
    event.detail.shouldSwap = true; // the box again, with what is wrong
    event.detail.isError = false;
  }
});

addEventListener("htmx:beforeOnLoad", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  location.reload(); // by way of the sign-in back to this page
});

function notDone({ elt, requestConfig }, why, advice) {
  if (requestConfig.verb === "get" || elt.hasAttribute("data-quiet")) return;
  if (elt.hasAttribute("data-compose")) toast(`Not sent: ${why}. The text is still in the box. ${advice}`);
  else toast(`Nothing was changed: ${why}. ${advice}`);
}

addEventListener("htmx:sendError", ({ detail }) => notDone(detail, "there is no connection", "Try again in a moment."));
addEventListener("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  if (status === 403) notDone(detail, "your role does not allow it", "Ask your administrator.");
  else if (status === 400) notDone(detail, "the page is out of date", "Reload the page, then try again.");
  else notDone(detail, `the server answered ${status}`, "Try again in a moment.");
});

/* Copying: where the browser does not allow it, what is to be copied is at least selected. */

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    toast("Copied.");
  } catch {
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    toast("It is selected. Press Ctrl+C to copy it.");
  }
}

/* Texts to insert: at the cursor of the field they are for; at its end where nobody has been in it. */

const visited = new WeakSet();
addEventListener("focusin", ({ target }) => visited.add(target));

function insert(button) {
  const field = one(`#${button.dataset.into}`);
  if (!visited.has(field) && !field.selectionEnd) field.setSelectionRange(field.value.length, field.value.length);
  const menu = button.closest("details.menu");
  if (menu) menu.open = false;
  field.focus();
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A list shows the entries that hold every word. */
function narrow(field) {
  const words = field.value.toLowerCase().split(/\s+/);
  const entries = [...document.querySelectorAll(`#${field.dataset.narrow} > li`)];
  for (const entry of entries) {
    const text = entry.textContent.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
  }
  one(`#${field.dataset.narrow}-none`).hidden = entries.some((entry) => !entry.hidden);
}

addEventListener("input", ({ target }) => target.matches("[data-narrow]") && narrow(target));

// What a menu holds may have changed since it was last open.
document.addEventListener("toggle", ({ target }) => target.open && target.matches("details[hx-get]") && htmx.trigger(target, "opened"), true);

/* Clicks */

addEventListener("click", (event) => {
  const { target } = event;
  for (const menu of document.querySelectorAll("details.menu[open]:not(.phones)")) {
    if (!menu.contains(target) || target.closest("a.menu-item")) menu.open = false;
  }
  target.closest("[data-dismiss]")?.closest(".toast").remove();
  const copier = target.closest("[data-copy]");
  if (copier) copy(one(`#${copier.dataset.copy}`));
  if (target.closest("[data-print]")) print();
  const file = target.closest("a[data-export]");
  if (file && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    import("./export.js").then(({ fetched }) => fetched(file.href));
  }
  const filler = target.closest("[data-fill]");
  if (filler) one(`#${filler.dataset.fill}`).value = filler.dataset.value;
  const inserter = target.closest("[data-insert][data-into]");
  if (inserter) insert(inserter);
  const opener = target.closest("[data-open]");
  if (opener) one(`#${opener.dataset.open}`).showModal();
  if (target.matches("dialog[open]") && target.id !== "confirm") target.close();
  const login = target.closest("[data-email]")?.dataset;
  if (login) {
    one("#email").value = login.email;
    one("#password").value = login.password;
    one("form.sign-in .button").focus();
  }
});

addEventListener("change", ({ target }) => {
  if (target.name === "theme") {
    document.cookie = `theme=${target.value}; path=/; max-age=31536000; samesite=lax`;
    document.documentElement.dataset.theme = target.value;
  }
  if (target.matches("[data-notify]")) switchNotify(target);
  if (target.matches("[data-keys-switch]")) localStorage.setItem("keys", target.checked ? "on" : "off");
});

/* Of tabs that do not fit, the one that is open is in sight. */

one(".page-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "end" });

/* Keys: single ones only outside of fields, and only while the switch in the account menu is on. */

const keysOn = () => localStorage.getItem("keys") !== "off";
if (one("[data-keys-switch]")) one("[data-keys-switch]").checked = keysOn();

function escape(target) {
  one(".tip:hover")?.classList.add("shut");
  const menu = target.closest("details.menu[open]") ?? one("details.menu[open]:not(.phones)");
  if (menu) {
    menu.open = false;
    one("summary", menu).focus();
  } else if (target.matches("input, textarea, select, .tip")) target.blur();
}

addEventListener("pointerout", ({ target }) => target.closest?.(".tip")?.classList.remove("shut"));

addEventListener("keydown", (event) => {
  const { target, key } = event;
  const dialog = one("dialog[open]");
  if (dialog && !dialog.contains(target)) return;
  if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("textarea")) {
    const button = one("[data-send]", target.form) ?? one("button:not([type=button])", target.form);
    if (!button.disabled) target.form.requestSubmit(button);
    return;
  }
  if (key === "Enter" && target.closest(".moment") && target.matches("input")) {
    event.preventDefault(); // or the form would do what its first button says
    return one("button", target.closest(".moment")).click();
  }
  if (key === "Enter" && target.matches("[data-narrow]")) {
    event.preventDefault(); // it belongs to no form, and chooses the first that is left
    return one(`#${target.dataset.narrow} > li:not([hidden]) button`)?.click();
  }
  if (key === "Escape" && dialog && !one("details.menu[open]:not(.phones)", dialog)) return; // it closes the dialog
  if (key === "Escape") {
    if (dialog) event.preventDefault();
    return escape(target);
  }
  if (dialog) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !keysOn()) return;
  if (target.matches("input:not([type=radio], [type=checkbox]), textarea, select")) return;
  if (key === "j" || key === "k") return moveRow(key === "j" ? 1 : -1);
  const wanted = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input, textarea")) wanted.focus();
  else wanted.click();
});

function moveRow(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const from = rows.includes(document.activeElement)
    ? rows.indexOf(document.activeElement)
    : rows.findIndex((row) => row.hasAttribute("aria-current"));
  rows[Math.max(0, Math.min(rows.length - 1, from + step))]?.focus();
}
