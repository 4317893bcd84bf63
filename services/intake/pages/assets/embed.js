// Puts a button on a site that opens the support form in a frame:
// <script src="https://HOST/support/embed.js" data-lang="ru" async></script>
"use strict";

(() => {
  const script = document.currentScript;
  const source = new URL(script.src);
  const given = script.dataset;
  const WORDS = { en: ["Help", "Close", "Support form"], ru: ["Помощь", "Закрыть", "Форма поддержки"] };
  const lang = given.lang || document.documentElement.lang.split("-")[0];
  const [open, close, title] = WORDS[lang] || WORDS.en;
  const accent = given.accent || "#1f5fd0";

  const url = new URL(source.pathname.replace(/embed\.js$/, "").replace(/\/$/, ""), source.origin);
  url.searchParams.set("embed", "1");
  url.searchParams.set("origin", location.origin);
  if (given.lang) url.searchParams.set("lang", given.lang);
  for (const name of ["name", "email", "product", "subject", "type"]) {
    if (given[name]) url.searchParams.set(name, given[name]);
  }

  // Set one by one: a style attribute would be stopped by a site's Content-Security-Policy.
  const style = (element, rules) => Object.assign(element.style, rules);

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = given.label || open;
  button.setAttribute("aria-haspopup", "dialog");
  style(button, {
    font: "600 16px system-ui, sans-serif", color: "#ffffff", background: accent, border: "0",
    borderRadius: "99px", padding: "12px 20px", cursor: "pointer", boxShadow: "0 2px 10px rgb(0 0 0 / 25%)",
  });
  if (!given.inline) style(button, { position: "fixed", right: "20px", bottom: "20px", zIndex: "2147483000" });

  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", title);
  style(dialog, {
    width: "min(46rem, 100vw)", maxWidth: "100vw", maxHeight: "min(94vh, 94dvh)", padding: "0", border: "0",
    borderRadius: "14px", overflow: "auto", boxShadow: "0 10px 50px rgb(0 0 0 / 35%)",
  });
  const shut = document.createElement("button");
  shut.type = "button";
  shut.textContent = "✕";
  shut.setAttribute("aria-label", close);
  style(shut, {
    position: "sticky", top: "8px", float: "right", margin: "8px 8px -44px 0", zIndex: "1", width: "36px",
    height: "36px", border: "0", borderRadius: "99px", background: "rgb(120 130 150 / 22%)", color: "inherit",
    font: "16px system-ui, sans-serif", cursor: "pointer",
  });
  let frame = null;

  function show() {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.title = title;
      frame.src = url.href;
      style(frame, { display: "block", width: "100%", height: "80vh", border: "0" });
      dialog.append(frame);
    }
    dialog.showModal();
  }

  window.addEventListener("message", (event) => {
    // Only the form itself may say how high it is.
    if (!frame || event.origin !== source.origin || event.source !== frame.contentWindow) return;
    const { patchbay, height } = event.data || {};
    if (patchbay === "height" && Number.isFinite(height) && height > 0) {
      frame.style.height = `${Math.min(height, 20000)}px`;
    }
  });
  button.addEventListener("click", show);
  shut.addEventListener("click", () => dialog.close());
  dialog.append(shut);
  script.after(button, dialog);
})();
