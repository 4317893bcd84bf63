// What scripts add to the public pages. Without them everything works: forms are checked by the
// server, times are in UTC, files go without a progress bar.
"use strict";

(() => {
  const lang = () => document.documentElement.lang;

  // Times in the visitor's own zone, which only the browser knows.
  function localTimes(root) {
    const format = new Intl.DateTimeFormat([...navigator.languages.filter((l) => l.startsWith(lang())), lang()], {
      year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
    });
    for (const time of root.querySelectorAll("time[datetime]")) {
      time.textContent = format.format(new Date(time.dateTime));
    }
  }

  // A frame on another site is as high as what is in it; only the site that shows it is told.
  function tellHeight() {
    const origin = document.body.dataset.hostOrigin;
    if (origin && window.parent !== window) {
      const tell = () => {
        const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
        window.parent.postMessage({ patchbay: "height", height }, origin);
      };
      new ResizeObserver(tell).observe(document.body);
    }
  }

  const words = (form, name, values = {}) =>
    Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), form.dataset[name]);

  // What the server would say of a field, said at once.
  function mistake(form, field) {
    const value = field.value.trim();
    const limit = Number(field.dataset.limit);
    if (field.required && !value) return words(form, "required");
    // Characters as the server counts them, not UTF-16 units.
    const length = [...value.replace(/\r\n?/g, "\n")].length;
    if (limit && length > limit) return words(form, "long", { over: length - limit, limit });
    if (field.type === "email" && value && !/^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$/.test(value)) return words(form, "email");
    const phone = form.elements.phone;
    if (field.name === "email" && !value && !(phone && phone.value.trim())) return words(form, "reach");
    return "";
  }

  function show(field, text) {
    const place = document.getElementById(`${field.id}-wrong`);
    if (!place) return;
    place.textContent = text;
    place.hidden = !text;
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  const fieldsOf = (form) =>
    [...form.elements].filter((each) => each.matches("[data-field] input, [data-field] textarea"));

  // Chosen files with their sizes; what is too large is said before it is sent.
  function listFiles(form, input) {
    const list = input.parentElement.querySelector(".chosen");
    const { maxBytes, maxCount, tooLarge, tooMany, remove } = input.dataset;
    const size = (bytes) => new Intl.NumberFormat(lang(), bytes < 1e6
      ? { style: "unit", unit: "kilobyte", maximumFractionDigits: 1 }
      : { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(bytes < 1e6 ? bytes / 1e3 : bytes / 1e6);
    const files = [...input.files];
    list.hidden = !files.length;
    list.replaceChildren(...files.map((file) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.dir = "auto";
      name.textContent = file.name;
      const bytes = document.createElement("span");
      bytes.className = "size";
      bytes.textContent = size(file.size);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = remove;
      button.setAttribute("aria-label", `${remove}: ${file.name}`);
      button.addEventListener("click", () => {
        const rest = new DataTransfer();
        for (const each of input.files) if (each !== file) rest.items.add(each);
        input.files = rest.files;
        listFiles(form, input);
        input.focus();
      });
      item.append(name, bytes, button);
      return item;
    }));
    const kept = form.querySelectorAll("input[name=kept]:checked").length;
    const large = files.find((file) => file.size > Number(maxBytes));
    const text = large ? tooLarge.replace("{name}", large.name)
      : files.length + kept > Number(maxCount) ? tooMany.replace("{count}", maxCount) : "";
    show(input, text);
    return text;
  }

  function summarise(form, found) {
    const box = document.getElementById("summary");
    if (!box) return;
    const list = box.querySelector("ul");
    list.replaceChildren(...found.map(([field, text]) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#${field.id}`;
      const label = form.querySelector(`label[for="${field.id}"]`).firstChild.textContent.trim();
      link.textContent = `${label}: ${text}`;
      item.append(link);
      return item;
    }));
    box.querySelector("h2").textContent = found.length === 1
      ? box.dataset.one : box.dataset.many.replace("{count}", found.length);
    box.hidden = false;
    box.focus();
  }

  function valid(form) {
    const found = fieldsOf(form).map((field) => [field, mistake(form, field)]);
    for (const [field, text] of found) show(field, text);
    const input = form.querySelector("input[type=file]");
    if (input) found.push([input, listFiles(form, input)]);
    const wrong = found.filter(([, text]) => text);
    if (wrong.length) summarise(form, wrong);
    return !wrong.length;
  }

  // Sends a form by a request that can tell how far it is, and shows the page that comes back.
  function send(form, button) {
    const data = new FormData(form, button);
    const files = form.querySelector("input[type=file]");
    const request = new XMLHttpRequest();
    const bar = form.querySelector(".progress");
    const status = form.querySelector(".working");
    const buttons = [...document.querySelectorAll("button[type=submit]")];
    const busy = (on) => {
      for (const each of buttons) each.disabled = on;
      form.toggleAttribute("aria-busy", on);
      if (bar) bar.hidden = !on || !files;
      if (status) status.textContent = on ? words(form, "sending") : "";
    };
    busy(true);
    const target = new URL(form.getAttribute("action"), location);
    request.open("POST", target);
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable || !bar || !files) return;
      const percent = Math.floor((100 * event.loaded) / event.total);
      bar.firstElementChild.value = percent;
      status.textContent = words(form, "percent", { percent });
    });
    request.addEventListener("load", () => {
      const came = new URL(request.responseURL);
      if (request.status < 400 && came.href !== target.href) {
        location.assign(came);
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const main = page.getElementById("main");
      if (!main || !main.querySelector("form[data-enhance]")) {
        busy(false);
        if (status) status.textContent = words(form, "broken");
        return;
      }
      document.documentElement.lang = page.documentElement.lang;
      document.title = page.title;
      document.querySelector("header.top").replaceWith(document.adoptNode(page.querySelector("header.top")));
      document.getElementById("main").replaceWith(document.adoptNode(main));
      begin();
      (document.querySelector("#summary:not([hidden])") || document.querySelector("[autofocus]")
        || document.getElementById("main")).focus();
    });
    request.addEventListener("error", () => {
      busy(false);
      if (status) status.textContent = words(form, "broken");
    });
    request.send(files ? data : new URLSearchParams(data));
  }

  function enhance(form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = event.submitter;
      const speaks = button && button.name === "speak";
      if (speaks || valid(form)) send(form, button);
    });
    for (const field of fieldsOf(form)) {
      // A field is judged when it is left, and again at each change once it was found wrong.
      field.addEventListener("change", () => show(field, mistake(form, field)));
      field.addEventListener("input", () => {
        if (field.hasAttribute("aria-invalid")) show(field, mistake(form, field));
      });
    }
    const input = form.querySelector("input[type=file]");
    if (input) input.addEventListener("change", () => listFiles(form, input));
    const { email, phone } = form.elements;
    if (email && phone) phone.addEventListener("change", () => {
      if (email.hasAttribute("aria-invalid")) show(email, mistake(form, email));
    });
  }

  function begin() {
    localTimes(document);
    for (const form of document.querySelectorAll("form[data-enhance]")) enhance(form);
  }

  begin();
  tellHeight();
})();
