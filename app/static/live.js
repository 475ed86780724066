/* Live: hears what changed and says it as DOM events; it knows nothing about the page.
 *
 * The page comes with a bookmark, <body data-live-seq="41">. The socket replays what came after it,
 * then goes on, so the first connect and every later one are the same case. An event
 *   {"seq": 42, "name": "message.created", "ids": {"conversation": 5, "message": 9}}
 * becomes, on <body>: live:conversation-5, live:conversation, live:message-9, live:message and
 * live:message.created, each once per 250 ms with the gathered events as detail. Nothing is ever
 * sent to the server.
 */

const GATHER = 250; // ms
const SAY_RECONNECTING = 3_000;
const SAY_STALE = 15_000;
const SILENCE = 60_000; // the server speaks every 25 s: a longer silence is a dead line
const SLOW_CONNECT = 20_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const SESSION_ENDED = 4401;
const TOO_MANY = 4009;

const body = document.body;
let seq = Number(body.dataset.liveSeq);
let socket = null;
let ready = false;
let tries = 0;
let retry = 0; // timer
let heardAt = Date.now();
let lostAt = Date.now();
let gathered = new Map(); // DOM event name -> events

/* Events */

function namesOf(event) {
  const ids = Object.entries(event.ids ?? {});
  return [`live:${event.name}`, ...ids.flatMap(([kind, id]) => [`live:${kind}`, `live:${kind}-${id}`])];
}

function gather(event) {
  if (!gathered.size) setTimeout(tell, GATHER);
  for (const name of namesOf(event)) {
    if (gathered.has(name)) gathered.get(name).push(event);
    else gathered.set(name, [event]);
  }
}

function tell() {
  const told = gathered;
  gathered = new Map();
  for (const [name, events] of told) body.dispatchEvent(new CustomEvent(name, { detail: { events } }));
}

function hear(frame) {
  heardAt = Date.now();
  const event = JSON.parse(frame.data);
  if (event.name === "resync") {
    seq = event.seq; // it may be lower than ours: the server's word counts
    body.dispatchEvent(new CustomEvent("live:resync"));
    setReady();
  } else {
    if (event.seq !== undefined) seq = Math.max(seq, event.seq);
    if (event.name === "ready") setReady();
    else if (event.name !== "seq") gather(event);
  }
}

/* Connection */

function connect() {
  drop();
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  heardAt = Date.now();
  socket = new WebSocket(`${scheme}//${location.host}/live?since=${seq}`);
  socket.onmessage = hear;
  socket.onclose = ({ code }) => {
    if (code === SESSION_ENDED) location.reload(); // by way of the sign-in back to this page
    else if (code === TOO_MANY) drop(); // or it would push out another, until it is looked at
    else lose();
  };
}

/** Let go of the socket and hear no more from it; we are not live from `since` on. */
function drop(since = Date.now()) {
  clearTimeout(retry);
  if (ready) lostAt = since;
  ready = false;
  if (!socket) return;
  socket.onmessage = socket.onclose = null;
  socket.close();
  socket = null;
}

function lose(since) {
  drop(since);
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries++);
  retry = setTimeout(connect, wait / 2 + (Math.random() * wait) / 2);
}

function setReady() {
  ready = true;
  tries = 0;
  show();
}

/** The network is back or the page is looked at again: a good moment for a try. */
function connectNow() {
  if (document.hidden || (ready && Date.now() - heardAt < SILENCE)) return;
  tries = 0;
  connect();
}

/** Every second. After a sleep of the machine the line has been silent for long, too. */
function watch() {
  const patience = ready ? SILENCE : SLOW_CONNECT;
  if (socket && Date.now() - heardAt > patience) lose(heardAt);
  show();
}

/* What people see */

function show() {
  const away = Date.now() - lostAt;
  const state = ready ? "live" : away >= SAY_STALE ? "stale" : away >= SAY_RECONNECTING ? "reconnecting" : null;
  const words = { live: "Live", reconnecting: "Reconnecting", stale: "Not live" };
  for (const element of document.querySelectorAll("[data-live-state]")) {
    if (!state || element.dataset.liveState === state) continue;
    element.dataset.liveState = state;
    element.textContent = words[state];
  }
  const banner = document.querySelector("[data-live-banner]");
  if (!banner || (state === "stale") === !banner.hidden) return;
  const clock = { hour: "numeric", minute: "2-digit" };
  banner.querySelector("[data-live-since]").textContent = new Date(lostAt)
    .toLocaleTimeString(document.documentElement.lang, clock)
    .toLowerCase();
  banner.hidden = state !== "stale";
}

if (body.dataset.liveSeq) {
  addEventListener("online", connectNow);
  addEventListener("pageshow", (event) => event.persisted && connect());
  addEventListener("pagehide", () => drop());
  document.addEventListener("visibilitychange", connectNow);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-live-refresh]")) return;
    body.dispatchEvent(new CustomEvent("live:resync"));
    connectNow();
  });
  setInterval(watch, 1_000);
  connect();
}
