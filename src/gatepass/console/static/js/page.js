// What every page does where scripts run: the notice of what was just done is said once, not again at a reload,
// and what is wrong with a form is where the keyboard is.
(() => {
  "use strict";

  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    history.replaceState(null, "", here);
  }
  const current = document.querySelector(".nav [aria-current]");
  if (current) current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 48;
  const problem = document.getElementById("problem");
  if (problem && here.pathname.startsWith("/console")) problem.focus();
})();
