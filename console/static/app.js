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

// Keys: ? for help, / for search, g and a letter for a page.
const help = document.getElementById("help");
all("[data-help]").forEach((button) => { button.hidden = false; button.addEventListener("click", () => help.showModal()); });
let before = "";
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("input, textarea, select, dialog") || event.isComposing || event.ctrlKey || event.metaKey || event.altKey;
  if (busy) return;
  if (event.key === "?" && help) { event.preventDefault(); help.showModal(); }
  const search = all("[data-search]").find((field) => field.getClientRects().length);
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); }
  const link = document.querySelector(`[data-keys="${CSS.escape(before)} ${CSS.escape(event.key)}"]`);
  if (before === "g" && link) link.click();
  before = event.key;
});
