// What makes the console quicker where scripts run; every page works without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// The organisation switcher acts at once; its button is for who has no scripts.
all("[data-without-script]").forEach((button) => { button.hidden = true; });
all("select[data-submit]").forEach((select) => {
  let byKey = false;
  select.addEventListener("keydown", (event) => { byKey = event.key !== "Enter"; });
  select.addEventListener("pointerdown", () => { byKey = false; });
  select.addEventListener("change", () => { if (!byKey) select.form.requestSubmit(); });
  select.addEventListener("keyup", (event) => { if (event.key === "Enter") select.form.requestSubmit(); });
  select.addEventListener("blur", () => {
    if (byKey && select.value !== (select.querySelector("option[selected]")?.value ?? "")) select.form.requestSubmit();
  });
});

// Menus close by Escape and by a click elsewhere.
document.addEventListener("click", (event) => {
  all("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  all("details[data-menu][open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
});

// A page that is a paper is printed by one press; the menu of the browser does it too.
all("[data-print]").forEach((button) => { button.hidden = false; button.addEventListener("click", () => window.print()); });

// A refused form leads the eye to what is wrong.
document.querySelector("[data-focus]")?.focus();

// One press is enough; the server would do it only once anyway.
all("form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
}));
window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

// The preview follows the text.
all("form[data-preview]").forEach((form) => {
  let timer = 0;
  let asked = 0;
  const show = async () => {
    const data = new FormData(form);
    data.delete("media");
    const mine = ++asked;
    const answer = await fetch(form.dataset.preview, { method: "POST", body: data, credentials: "same-origin" });
    if (answer.ok && !answer.redirected && mine === asked) document.getElementById("preview").innerHTML = await answer.text();
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => show().catch(() => {}), 400); });
});

// One press copies a text; where the browser gives no clipboard the text is chosen, for the keyboard to copy.
all("[data-copy]").forEach((button) => {
  button.hidden = false;
  const status = button.parentElement.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy);
    text.select();
    let done = false;
    try { await navigator.clipboard.writeText(text.value); done = true; } catch { done = document.execCommand("copy"); }
    if (done) status.textContent = button.dataset.copied;
  });
});

// Where something is being made, the page looks again by itself, unless somebody is in the middle of something.
all("[data-reload]").forEach((part) => {
  setTimeout(() => { if (!document.querySelector("details[open], form[data-sent]")) location.reload(); }, part.dataset.reload * 1000);
});

// The schedule form shows only what the chosen way needs.
all("form[data-schedule]").forEach((form) => {
  const show = () => {
    const when = form.querySelector("[name=when]:checked")?.value;
    all("[data-when]", form).forEach((part) => { part.hidden = !part.dataset.when.split(" ").includes(when); });
  };
  form.addEventListener("change", show);
  show();
});

// Arrow keys move through the month, from entry to entry and from week to week.
all("table[data-arrows]").forEach((table) => {
  const links = all("a", table);
  links.forEach((link, place) => { link.tabIndex = place === 0 ? 0 : -1; });
  table.addEventListener("keydown", (event) => {
    const at = links.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const week = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || !(step || week)) return;
    event.preventDefault();
    let next = links[at + step];
    if (week) {
      const row = (link) => link.closest("tr").rowIndex;
      const rest = week > 0 ? links.slice(at + 1) : links.slice(0, at).reverse();
      next = rest.find((link) => row(link) !== row(links[at]));
    }
    if (!next) return;
    links[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
});

// What was done is said again to whoever hears the page, and not once more when it is loaded anew.
all("[data-said]").forEach((note) => {
  setTimeout(() => { const said = note.firstElementChild; said.replaceWith(said.cloneNode(true)); }, 150);
  note.querySelector("[data-dismiss]").addEventListener("click", () => { note.remove(); document.getElementById("main").focus(); });
  const here = new URL(location.href);
  ["done", "undo"].forEach((name) => here.searchParams.delete(name));
  history.replaceState(history.state, "", here);
});

// A page with one form can be answered where one is: its form comes into a dialog, and is sent as it would be there.
const act = document.getElementById("act");
const openForm = async (address) => {
  const answer = await fetch(address, { credentials: "same-origin" });
  const page = answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const form = page?.querySelector("main form");
  if (!form) { location.href = address; return; }
  act.querySelector("h2").textContent = page.querySelector("h1").textContent;
  act.querySelector("div").replaceChildren(document.adoptNode(form));
  all("[data-close]", act).forEach((link) => link.addEventListener("click", (event) => { event.preventDefault(); act.close(); }));
  act.showModal();
  all("input:not([type=hidden])", act)[0]?.focus();
};

// What is planned is dragged to another day: that opens the form that moves it, with the day written in.
all("[data-date]").forEach((day) => {
  day.addEventListener("dragover", (event) => { if (day.closest("table").querySelector(".dragged")) { event.preventDefault(); day.classList.add("over"); } });
  day.addEventListener("dragleave", () => day.classList.remove("over"));
  day.addEventListener("drop", (event) => {
    event.preventDefault();
    day.classList.remove("over");
    const entry = day.closest("table").querySelector(".dragged");
    if (entry && entry.closest("[data-date]") !== day) openForm(`${entry.dataset.move}${entry.dataset.move.includes("?") ? "&" : "?"}date=${day.dataset.date}`);
  });
});
all("table.month [data-move]").forEach((entry) => {
  entry.draggable = true;
  entry.addEventListener("dragstart", (event) => { entry.classList.add("dragged"); event.dataTransfer.effectAllowed = "move"; });
  entry.addEventListener("dragend", () => entry.classList.remove("dragged"));
});

// Keys, as the table of keys has them: never while one types or composes, and not at all where they are turned off.
const help = document.getElementById("help");
all("[data-help]").forEach((button) => { button.hidden = false; button.addEventListener("click", () => help.showModal()); });
const lines = () => all("main .list tbody tr, main .desk > li, main .agenda li, main .matches li, main .month li")
  .filter((line) => (line.checkVisibility?.() ?? line.getClientRects().length) && line.querySelector("a, button"));
const step = (by) => {
  const rows = lines();
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  next?.querySelector("a, button").focus();
};
const move = () => {
  const places = all("[data-move]");
  const chosen = document.activeElement.closest("[data-move]") ?? (places.length === 1 ? places[0] : null);
  if (chosen) openForm(chosen.dataset.move);
};
const keys = {
  "?": () => help?.showModal(),
  "/": () => all("[data-search]").find((field) => field.getClientRects().length)?.focus(),
  j: () => step(1),
  k: () => step(-1),
  m: move,
  n: () => document.querySelector("main .head a.primary")?.click(),
  u: () => document.querySelector("[data-undo]")?.click(),
};
let before = "";
document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.keys === "off") return;
  const typing = event.target.closest("input, textarea, select, [contenteditable], dialog") || event.isComposing || event.keyCode === 229;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) { before = ""; return; }
  const link = before === "g" && document.querySelector(`[data-keys="g ${CSS.escape(event.key)}"]`);
  before = before === "g" ? "" : event.key;
  if (link) { link.click(); return; }
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
