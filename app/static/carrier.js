// Carrier: says whether the carrier still answers. Everything else on its pages is htmx.

const state = document.querySelector("[data-running]");

function show(running) {
  const live = running ? "live" : "stale";
  if (state.dataset.liveState === live) return;
  state.dataset.liveState = live;
  state.textContent = `${state.dataset.running} ${running ? "running" : "stopped"}`;
}

document.addEventListener("htmx:afterRequest", (event) => show(event.detail.xhr.status > 0));
