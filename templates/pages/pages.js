// What is nicer with a script; everything works without.
"use strict";
(() => {
  const filter = document.getElementById("filter");
  if (filter) {
    filter.closest("label").hidden = false;
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const pick of document.querySelectorAll(".pick")) {
        const told = (pick.textContent + " " + pick.title).toLowerCase();
        pick.hidden = Boolean(wanted) && !told.includes(wanted) && !pick.firstElementChild.checked;
      }
    });
    filter.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }
  const zone = document.querySelector("select[data-guess]");
  if (zone) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const option of zone.options) if (option.value === here) zone.value = here;
  }
  const form = document.getElementById("subscribe");
  const preview = document.getElementById("preview");
  if (!form || !preview) return;
  const work = form.querySelector("input[name=work]");
  if (work) form.addEventListener("submit", async (event) => {
    if (work.value || event.submitter?.formNoValidate) return;
    event.preventDefault();
    const bits = Number(work.dataset.bits), text = new TextEncoder();
    const told = form.elements.t.value + ":" + form.elements.address.value.trim() + ":";
    for (let nonce = 0; ; nonce++) {
      const found = new DataView(await crypto.subtle.digest("SHA-256", text.encode(told + nonce)));
      if (found.getUint32(0) >>> (32 - bits) === 0) { work.value = nonce; break; }
    }
    form.submit();
  });
  let waiting, asked = 0;
  const show = async () => {
    const mine = ++asked;
    const chosen = new URLSearchParams();
    for (const [name, value] of new FormData(form))
      if (!["address", "website", "t"].includes(name)) chosen.append(name, value);
    const lang = new URLSearchParams(location.search).get("lang");
    if (lang) chosen.append("lang", lang);
    try {
      const answer = await fetch(form.dataset.preview + "?" + chosen);
      const shown = answer.ok ? await answer.text() : "";
      if (!shown || mine !== asked) return;
      preview.innerHTML = shown;
      // Told in short: who hears pages does not want to hear all papers at each choice.
      const [name, day] = preview.querySelectorAll("h2, h2 + .meta");
      document.getElementById("told").textContent = `${name.textContent}, ${day.textContent}`;
    } catch { /* the button still shows it */ }
  };
  form.addEventListener("input", (event) => {
    if (["address", "website"].includes(event.target.name) || event.target.id === "filter") return;
    clearTimeout(waiting);
    waiting = setTimeout(show, 300);
  });
})();
