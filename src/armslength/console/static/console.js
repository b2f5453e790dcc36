// What pages do beyond plain HTML. They work without it.
"use strict";
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('input[name="form"]');
  if (token) event.detail.headers["X-Form"] = token.value;
});
