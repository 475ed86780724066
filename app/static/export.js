/* Export: a file is fetched beside its page; one that takes long shows how far it is, and can be
 * stopped. Without script it is an ordinary download. */

import { announce, toast } from "./page.js";

const SAY_SO = 700; // ms until it counts as long

export async function fetched(href) {
  const stopping = new AbortController();
  const card = document.querySelector("#exporting").content.firstElementChild.cloneNode(true);
  card.querySelector("[data-stop]").addEventListener("click", () => stopping.abort());
  const done = card.querySelector("[data-done]");
  done.textContent = "Making the file";
  const shown = setTimeout(() => document.querySelector("#toasts").append(card), SAY_SO);
  try {
    const answer = await fetch(href, { signal: stopping.signal });
    if (answer.redirected) return location.reload(); // by way of the sign-in
    if (!answer.ok) return toast(`No file was made. ${await why(answer)}`);
    save(await whole(answer, done), nameOf(answer));
    announce("The file is there.");
  } catch (error) {
    if (stopping.signal.aborted) toast("Stopped. No file was made.");
    else toast(`No file was made: ${error.message}. Try again.`);
  } finally {
    clearTimeout(shown);
    card.remove();
  }
}

async function whole(answer, done) {
  const parts = [];
  let bytes = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done: ended, value } = await reader.read();
    if (ended) return new Blob(parts);
    parts.push(value);
    bytes += value.length;
    done.textContent = `Making the file: ${(bytes / 1e6).toFixed(1)} MB so far`;
  }
}

/** What the page of an error says. */
async function why(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("main p")?.textContent ?? `Error ${answer.status}.`;
}

function nameOf(answer) {
  return /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "export";
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a slow disk has that long
}
