// Broadsheet's admin. Everything here only makes pages nicer: without it, links and forms do the same work.

(() => {
  "use strict";

  // A select that acts as soon as it is changed.
  document.addEventListener("change", (event) => {
    const field = event.target.closest("[data-autosubmit]");
    if (field) field.form.requestSubmit();
  });

  // The theme's script expects its own markup around file fields; ours are the browser's.
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("input[type=file].bs-input").forEach((field) => (field.hasChangeListener = true));
  });

  // The theme's search field has a placeholder but no name.
  document.addEventListener("DOMContentLoaded", () => {
    const search = document.querySelector("#changelist-search input[type=text], #changelist-search input[type=search]");
    if (search && !search.hasAttribute("aria-label")) search.setAttribute("aria-label", search.placeholder || "Search");
  });

  // Links marked data-dialog open their page in a dialog.
  let dialog;

  function openDialog(html) {
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "bs bs-dialog";
      document.body.append(dialog);
      dialog.addEventListener("click", (event) => {
        if (event.target === dialog || event.target.closest("[data-close]")) {
          event.preventDefault();
          dialog.close();
        }
      });
    }
    dialog.innerHTML = html;
    window.htmx?.process(dialog);
    window.broadsheetPickers.pickAll(dialog);
    showParts(dialog);
    const heading = dialog.querySelector("h2");
    if (heading) {
      heading.id = "dialog-heading";
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    dialog.showModal();
    (dialog.querySelector("[autofocus]") || dialog.querySelector("textarea, input:not([type=hidden])"))?.focus();
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const answer = await fetch(link.href, { headers: { "X-Dialog": "1" } });
    if (!answer.ok || answer.redirected) {
      window.location.assign(link.href);
      return;
    }
    openDialog(await answer.text());
  });

  // Menus close when one looks elsewhere.
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.bs-menu[open]").forEach((menu) => menu.contains(event.target) || (menu.open = false));
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest("details.bs-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Explanations stay within the window, whatever scrolls or cuts off around them; Escape puts them away.
  function placeTip(event) {
    const tip = event.target.closest?.(".bs-tip");
    if (!tip) return;
    tip.classList.remove("is-dismissed");
    const text = tip.querySelector(".bs-tip__text");
    text.style.cssText = "position: fixed; left: 0; top: 0; transform: none";
    const at = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left + at.width / 2 - text.offsetWidth / 2, innerWidth - text.offsetWidth - 8));
    const above = at.bottom + text.offsetHeight + 14 > innerHeight && at.top > text.offsetHeight + 14;
    text.style.left = `${left}px`;
    text.style.top = `${above ? at.top - text.offsetHeight - 6 : at.bottom + 6}px`;
  }

  document.addEventListener("mouseover", placeTip);
  document.addEventListener("focusin", placeTip);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".bs-tip").forEach((tip) => tip.classList.add("is-dismissed"));
  });

  // A button that has been pressed is not pressed again while the answer is on its way.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!event.target.matches("form[data-once]") || !button) return;
    setTimeout(() => {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", () => (button.disabled = false), { once: true });
  });

  // Narrow a long list of choices by typing.
  document.addEventListener("input", (event) => {
    const field = event.target.closest("[data-narrow]");
    if (!field) return;
    const wanted = field.value.trim().toLowerCase();
    document.querySelectorAll(`${field.dataset.narrow} .bs-choice`).forEach((choice) => {
      choice.hidden = !choice.textContent.toLowerCase().includes(wanted) && !choice.querySelector(":checked");
    });
  });

  // Show the part of a form that belongs to the chosen value: data-when="name=value".
  function showParts(root) {
    root.querySelectorAll("[data-when]").forEach((part) => {
      const [name, value] = part.dataset.when.split("=");
      const chosen = document.querySelector(`[name="${name}"]:checked, select[name="${name}"]`);
      if (chosen) part.hidden = !value.split("|").includes(chosen.value);
    });
  }

  document.addEventListener("change", () => showParts(document));
  document.addEventListener("DOMContentLoaded", () => showParts(document));
  document.addEventListener("htmx:afterSwap", (event) => {
    showParts(document);
    showPart(event.target.closest(".bs-preview"));
  });

  // Previews: switch between parts and widths.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-preview-set]");
    if (!button) return;
    const preview = button.closest(".bs-preview");
    const [what, value] = button.dataset.previewSet.split("=");
    button.parentElement.querySelectorAll("button").forEach((each) => each.setAttribute("aria-pressed", each === button));
    if (what === "width") preview.dataset.width = value;
    fitFrame(preview);
    if (what === "part") {
      preview.dataset.shown = value;
      showPart(preview);
    }
  });

  function showPart(preview) {
    preview?.querySelectorAll("[data-part]").forEach((part) => (part.hidden = part.dataset.part !== (preview.dataset.shown || "html")));
  }

  // A desktop's width in a narrow pane: the frame is drawn wide and scaled down.
  const DESKTOP = 700;

  function fitFrame(preview) {
    const frame = preview.querySelector(".bs-preview__frame");
    if (!frame) return;
    frame.style.cssText = "";
    const height = frame.offsetHeight;
    const scale = preview.clientWidth / DESKTOP;
    if (!height || scale >= 1 || preview.dataset.width === "mobile" || window.innerWidth < 700) return;
    const tall = height / scale;
    frame.style.cssText = `width: ${DESKTOP}px; height: ${tall}px; max-width: none; margin: 0 ${preview.clientWidth - DESKTOP}px ${height - tall}px 0; transform: scale(${scale}); transform-origin: 0 0`;
  }

  const fitFrames = () => document.querySelectorAll(".bs-preview").forEach(fitFrame);
  window.addEventListener("resize", fitFrames);
  document.addEventListener("DOMContentLoaded", fitFrames);
  document.addEventListener("htmx:afterSettle", fitFrames);

  // The editor: put a merge field where the cursor was, and let the preview follow what is typed.
  let lastField;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("#email-form textarea, #email-form input[type=text], #campaign-form textarea")) lastField = event.target;
  });

  document.addEventListener("change", (event) => {
    const picker = event.target.closest("[data-insert]");
    if (!picker || !picker.value) return;
    const field = lastField || document.querySelector("#id_html, #id_sms_body");
    field.focus();
    field.setRangeText(picker.value, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    picker.value = "";
  });

  // What can be picked and read follows the merge language.
  document.addEventListener("change", (event) => {
    if (event.target.id !== "id_merge_language") return;
    document.querySelectorAll("#email-form [data-language]").forEach((part) => { part.hidden = part.dataset.language !== event.target.value; });
  });

  function livePreview(form) {
    const frame = document.querySelector("iframe[data-source]");
    let waiting;

    // The body goes to the frame by a form of its own, so that the frame has the answer's strict policy, not this page's.
    function post() {
      const copy = document.createElement("form");
      copy.method = "post";
      copy.action = frame.dataset.source;
      copy.target = frame.name;
      copy.hidden = true;
      const values = new FormData(form);
      values.set("person", document.querySelector("#person").value);
      for (const [name, value] of values) {
        const field = document.createElement("textarea");
        field.name = name;
        field.value = value;
        copy.append(field);
      }
      document.body.append(copy);
      copy.submit();
      copy.remove();
      document.body.dispatchEvent(new Event("preview"));
    }

    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(post, 500);
    };
    form.addEventListener("input", soon);
    document.querySelector("#person").addEventListener("change", soon);
    post();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live-preview]").forEach(livePreview));

  // Copy what is shown once.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
  });
})();
