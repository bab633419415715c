// Filter-as-you-type: `<input data-filters="list-id">` hides what does not hold every word that was typed.
// The field is hidden until this runs: without a script the whole list stands there.
(() => {
  "use strict";

  const start = (input) => {
    const list = document.getElementById(input.dataset.filters);
    if (!list || input.dataset.started) return;
    input.dataset.started = "yes";
    const box = input.closest("[data-needs-script]");
    if (box) box.hidden = false;
    const count = box ? box.querySelector("[data-filter-count]") : null;
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      list.querySelectorAll("[data-filter-item]").forEach((item) => {
        const text = item.textContent.toLowerCase();
        const kept = item.querySelector("input:checked") !== null;
        item.hidden = !kept && !words.every((word) => text.includes(word));
        if (!item.hidden) shown += 1;
      });
      list.querySelectorAll("[data-filter-group]").forEach((group) => {
        group.hidden = group.querySelector("[data-filter-item]:not([hidden])") === null;
      });
      if (count) count.textContent = words.length ? shown + " shown" : "";
    };
    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
      if (event.key === "Escape" && input.value) {
        input.value = "";
        apply();
      }
    });
    apply();
  };

  const startAll = (root) => root.querySelectorAll("input[data-filters]").forEach(start);
  startAll(document);
  document.addEventListener("htmx:load", (event) => startAll(event.target));
})();
