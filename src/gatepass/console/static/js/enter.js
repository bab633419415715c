// The one-time link: its code stands in the fragment, which no browser sends to anybody. It is put into the form, for a
// person to press the button, and taken out of the address before anything else can read or keep it.
(() => {
  "use strict";

  const take = () => {
    const code = decodeURIComponent(location.hash.slice(1));
    const field = document.getElementById("f-code");
    if (!field || !/^[0-9A-Za-z-]{16,64}$/.test(code)) return;
    history.replaceState(null, "", location.pathname + location.search);
    field.value = code;
    const button = field.form.querySelector("button");
    if (button) button.focus();
    const says = document.getElementById("code-came");
    if (says) says.hidden = false;
  };

  take();
  addEventListener("hashchange", take);
})();
