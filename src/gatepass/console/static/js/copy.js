// A copy button for every `.copyable`. Without a script the text is there to be selected.
(() => {
  "use strict";

  const dress = (box) => {
    const text = box.querySelector(".code");
    if (!text || !navigator.clipboard || box.querySelector(".copy")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-small copy";
    button.textContent = "Copy";
    const what = box.dataset.copies;
    if (what) button.setAttribute("aria-label", "Copy " + what);
    const said = document.createElement("span");
    said.className = "visually-hidden";
    said.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
        said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Press Ctrl+C";
      }
      setTimeout(() => {
        button.textContent = "Copy";
        said.textContent = "";
      }, 2000);
    });
    box.append(button, said);
  };

  const dressAll = (root) => root.querySelectorAll(".copyable").forEach(dress);
  dressAll(document);
  document.addEventListener("htmx:load", (event) => dressAll(event.target));
})();
