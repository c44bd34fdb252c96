// Improves pages that work without it: copying, modal dialogs, the viewer's own time, keys for charts, live lines.
"use strict";

const each = (selector, work, root = document) => root.querySelectorAll(selector).forEach(work);

// What changed is said once to whoever listens instead of looking.
const announcer = document.createElement("p");
announcer.className = "sr";
announcer.setAttribute("aria-live", "polite");
document.body.append(announcer);

// Copying: what stands in the same box, without the gaps that help the eye.
each("[data-copy]", (button) => {
  const words = button.querySelector("span");
  const usual = words.textContent;
  button.addEventListener("click", async () => {
    const source = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(source.textContent);
      words.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      words.textContent = "Press Ctrl+C";
    }
    announcer.textContent = words.textContent;
    setTimeout(() => {
      words.textContent = usual;
      announcer.textContent = "";
    }, 2000);
  });
});

// Dialogs: focus stays in, Escape closes, and focus goes back to where it was.
const opened = (hash) => {
  const dialog = hash.length > 1 ? document.getElementById(hash.slice(1)) : null;
  return dialog instanceof HTMLDialogElement ? dialog : null;
};
const open = (dialog) => {
  each("dialog[open]", (other) => other.close());
  dialog.showModal();
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const dialog = link && opened(link.hash);
  if (dialog) {
    event.preventDefault();
    open(dialog);
  } else if (link && link.closest("dialog") && link.getAttribute("href") === "#") {
    event.preventDefault();
    link.closest("dialog").close();
  } else if (event.target instanceof HTMLDialogElement && event.target.open) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});
// Switches: the question is asked here instead of on a page of its own, about the key of the line.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-confirm]");
  if (!button) return;
  event.preventDefault();
  const dialog = document.getElementById(button.dataset.confirm);
  const line = button.closest("tr");
  dialog.querySelector("form").action = button.formAction;
  dialog.querySelector("[data-name]").textContent = line.querySelector(".name").textContent;
  dialog.querySelector("[data-face]").replaceChildren(...[...line.querySelector(".c-key").children].map((part) => part.cloneNode(true)));
  open(dialog);
});

// A field beside a choice chooses it.
document.addEventListener("input", (event) => {
  const choice = event.target.dataset?.chooses;
  const field = choice && event.target.closest("fieldset").querySelector(`[type=radio][value="${choice}"]`);
  if (field) field.checked = true;
});

// A double click sends a form once: the browser shows the answer to the last press alone, and a new key stands in that to the first.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  // Whoever has stopped it may send it again.
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => each("form[data-sent]", (form) => delete form.dataset.sent));

// A link from elsewhere, as to …/keys#create: the target becomes a modal one.
if (opened(location.hash)) {
  const dialog = opened(location.hash);
  history.replaceState(null, "", location.pathname + location.search);
  open(dialog);
}

// Menus: Escape and a click elsewhere close them.
const closeMenus = (except) => each("details.menu[open]", (menu) => {
  if (menu !== except) menu.open = false;
});
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Times: dates and clocks in the viewer's zone; the exact instant stays UTC on hover.
const pad = (number) => String(number).padStart(2, "0");
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const day = (at) => `${at.getDate()} ${months[at.getMonth()]}`;
const clock = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}`;
const forms = {
  day: (at) => `${day(at)} ${at.getFullYear()}`,
  clock: (at) => {
    const now = new Date();
    if (at.toDateString() === now.toDateString()) return clock(at);
    const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
    return `${day(at)}${year}, ${clock(at)}`;
  },
  made: (at) => (at.toDateString() === new Date().toDateString() ? `today, ${clock(at)}` : forms.day(at)),
  full: (at) => `${day(at)} ${at.getFullYear()}, ${clock(at)}`,
};
if (new Date().getTimezoneOffset() !== 0) {
  each("time[data-time]", (time) => {
    time.textContent = forms[time.dataset.time](new Date(time.dateTime));
  });
  each("[data-zone]", (line) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    line.textContent = `Times are those of ${zone.replaceAll("_", " ")}; charts are UTC`;
  });
}

// Charts: arrow keys go from bar to bar; what hover shows is shown and said.
each(".chart svg[role=img]", (chart) => {
  const columns = [...chart.querySelectorAll(".col")];
  if (columns.length === 0) return;
  let position = -1;
  chart.tabIndex = 0;
  const show = (next) => {
    columns[position]?.classList.remove("is-read");
    position = next;
    columns[position]?.classList.add("is-read");
    announcer.textContent = columns[position]?.querySelector("text").textContent ?? "";
  };
  chart.addEventListener("blur", () => show(-1));
  chart.addEventListener("keydown", (event) => {
    const last = columns.length - 1;
    const next = {
      ArrowRight: Math.min(position + 1, last),
      ArrowLeft: position < 0 ? last : Math.max(position - 1, 0),
      Home: 0,
      End: last,
      Escape: -1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  });
});

// Live lines: asks every few seconds whether something has come, and then reads the page anew.
each("[data-live]", (line) => {
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(line.dataset.live, { headers: { Accept: "text/plain" }, cache: "no-store", redirect: "error" });
      // Signed out, or the key is gone: nothing will come any more.
      if (answer.status === 401 || answer.status === 404) clearInterval(timer);
      const text = answer.ok ? (await answer.text()).trim() : "";
      if (!text) return;
      clearInterval(timer);
      line.textContent = text;
      announcer.textContent = text;
    } catch {
      // The next question may find the server again.
    }
  };
  const timer = setInterval(ask, 3000);
});
