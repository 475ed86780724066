/* Configuration: fields of an email go in at the cursor. */

let last = null; // the box that was written in

addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-fields]")) last = target;
});

addEventListener("click", ({ target }) => {
  const button = target.closest("[data-insert]");
  if (!button) return;
  const form = button.closest("form");
  const box = last?.form === form ? last : form.querySelector("textarea[data-fields]");
  box.setRangeText(button.dataset.insert, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
});
