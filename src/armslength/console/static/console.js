// What pages do beyond plain HTML. They work without it.
"use strict";
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('input[name="form"]');
  if (token) event.detail.headers["X-Form"] = token.value;
});

// What a link leads to is open.
const meant = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
if (meant instanceof HTMLDetailsElement) meant.open = true;

// A file is dropped on its form, and a bar shows how far its upload is.
for (const form of document.querySelectorAll("form.drop")) {
  const input = form.querySelector('input[type="file"]');
  const bar = form.querySelector("progress.upload");
  for (const kind of ["dragenter", "dragover"])
    form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  for (const kind of ["dragleave", "drop"])
    form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  });
  input.addEventListener("change", () => {
    const kinds = form.querySelector("select");
    const known = [...(kinds?.options ?? [])].find((each) => input.files[0]?.type === each.value);
    if (known) kinds.value = known.value;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sent = new XMLHttpRequest();
    sent.upload.addEventListener("progress", (step) => { bar.max = step.total; bar.value = step.loaded; });
    sent.addEventListener("load", () => {
      if (sent.status < 400) { location.assign(sent.responseURL); return; }
      const told = new DOMParser().parseFromString(sent.responseText, "text/html").querySelector('[role="alert"]');
      form.querySelector(".failed")?.remove();
      const note = document.createElement("p");
      note.className = "note broken failed";
      note.setAttribute("role", "alert");
      note.textContent = told ? told.textContent : sent.responseText;
      form.append(note);
      bar.hidden = true;
    });
    sent.open("POST", form.action);
    sent.setRequestHeader("X-Form", form.querySelector('input[name="form"]').value);
    bar.hidden = false;
    sent.send(new FormData(form));
  });
}

// A rehearsal is shown up to the line that the slider stands at, and with it the states that hold then.
function follow(slider) {
  const lines = [...document.querySelectorAll("#played-lines > li")];
  const states = [...document.querySelectorAll("#states > li")];
  slider.addEventListener("input", () => {
    const last = Number(slider.value), now = new Map();
    lines.forEach((line, number) => {
      line.hidden = number > last;
      if (number <= last)
        for (const change of line.querySelectorAll("[data-change]"))
          now.set(change.dataset.change, [change.dataset.after, change.dataset.tone]);
    });
    for (const state of states) {
      const [after, tone] = now.get(state.dataset.subject) || [state.dataset.begun, state.dataset.tone];
      const badge = state.querySelector(".badge");
      badge.textContent = after;
      badge.className = `badge ${tone}`;
    }
    const { at, when } = lines[last].dataset;
    document.querySelector("#shown-until").textContent = when;
    document.querySelector("#from").value = at;
    slider.setAttribute("aria-valuetext", when);
    for (const row of document.querySelectorAll("tr[data-at]")) row.hidden = Number(row.dataset.at) > Number(at);
  });
}
for (const slider of document.querySelectorAll("#step")) follow(slider);
document.addEventListener("htmx:afterSwap", () => {
  for (const slider of document.querySelectorAll("#result #step")) follow(slider);
});

// Whoever wants it is told on the desktop that something is new: never what, since others may see the screen.
const desktop = document.querySelector("#desktop");
if (desktop && "Notification" in window) {
  const [button, said, kept] = [desktop.querySelector("button"), desktop.querySelector("span"), "armslength-desktop"];
  const isOn = () => Notification.permission === "granted" && localStorage.getItem(kept) === "on";
  const marks = () => ["asked", "happened"].map((kind) => new Set(document.querySelector("#marks").dataset[kind].split(" ").filter(Boolean)));
  const shown = (text) => {
    said.textContent = text;
    button.textContent = isOn() ? desktop.dataset.off : desktop.dataset.on;
  };
  const tell = (text) => {
    const told = new Notification(desktop.dataset.title, { body: text, tag: kept });
    told.addEventListener("click", () => { window.focus(); told.close(); });
  };
  button.addEventListener("click", async () => {
    const wasOn = isOn();
    localStorage.setItem(kept, wasOn ? "off" : "on");
    if (wasOn) { shown(""); return; }
    try {
      if (await Notification.requestPermission() !== "granted") throw new Error("not granted");
      tell(desktop.dataset.active);
      shown(desktop.dataset.active);
    } catch {  // phones have the name, and nothing behind it
      localStorage.setItem(kept, "off");
      shown(desktop.dataset.denied);
    }
  });
  let before = marks();
  document.addEventListener("htmx:afterSettle", () => {
    const now = marks();
    const news = now.map((found, kind) => [...found].some((mark) => !before[kind].has(mark)));
    before = now;
    if (!isOn() || !news.includes(true)) return;
    tell(news[0] ? desktop.dataset.asked : desktop.dataset.happened);
  });
  shown(isOn() ? desktop.dataset.active : "");
  desktop.hidden = false;
}
