// The value of a rule: one editor for each shape of value. An editor is an element with `read()`; a maker answers null
// for a value it cannot show, and then the rule is kept as it is.

window.broadsheetRules = (() => {
  "use strict";

  const DAY = /^\d{4}-\d{2}-\d{2}$/;
  const CLOCK = /^\d{2}:\d{2}(:\d{2})?$/;

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(key, value === true ? "" : value);
    made.append(...children);
    return made;
  }

  // What a field is called to a screen reader: “Value of rule 2.1”, completed when rules are numbered.
  function select(part, options, chosen) {
    const made = element("select", { class: "bs-select", "data-part": part });
    for (const [value, text] of options) made.append(new Option(text, value, false, value === chosen));
    return made;
  }

  function input(part, attributes, value) {
    const made = element("input", { class: "bs-input", autocomplete: "off", "data-part": part, ...attributes });
    made.value = value ?? "";
    return made;
  }

  const number = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));
  const blank = (value) => value === null || value === undefined || value === "";

  // --- one value

  const TYPES = { date: "date", moment: "date", time: "time", number: "number" };

  function fits(kind, value) {
    if (blank(value)) return true;
    if (kind === "number") return typeof value === "number";
    if (kind === "boolean") return typeof value === "boolean";
    if (typeof value !== "string") return false;
    return kind === "time" ? CLOCK.test(value) : TYPES[kind] === "date" ? DAY.test(value) : true;
  }

  // A choice that is not offered any more stays chosen, and says so.
  function offered(choices, values) {
    const known = choices.map(([value]) => value);
    return [...choices, ...values.filter((value) => !known.includes(value)).map((value) => [value, `${value} (not offered any more)`])];
  }

  function one(subject, value, part = "Value") {
    if (!fits(subject.kind, value)) return null;
    if (subject.kind === "boolean") {
      const made = select(part, [["true", "yes"], ["false", "no"]], String(value === false ? false : true));
      made.read = () => made.value === "true";
      return made;
    }
    if (subject.choices.length && subject.kind === "choice") {
      const made = select(part, offered(subject.choices, blank(value) ? [] : [value]), blank(value) ? subject.choices[0][0] : value);
      made.read = () => made.value;
      return made;
    }
    const type = TYPES[subject.kind] || "text";
    const made = input(part, { type, step: type === "number" && "any", placeholder: subject.kind === "ip" && "192.0.2.7" }, value);
    made.read = () => (type === "number" ? number(made.value) : made.value);
    return made;
  }

  // --- several values

  function many(subject, value) {
    const values = blank(value) ? [] : value;
    if (!Array.isArray(values) || !values.every((each) => fits(subject.kind === "multi_choice" ? "choice" : subject.kind, each))) return null;
    return subject.choices.length ? ticked(subject, values) : lines(subject, values);
  }

  function ticked(subject, values) {
    const made = element("div", { class: "bs-row bs-ticks", role: "group", "data-part": "Values" });
    for (const [value, text] of offered(subject.choices, values)) {
      const box = element("input", { type: "checkbox", value });
      box.checked = values.includes(value);
      made.append(element("label", { class: "bs-chip" }, box, element("span", {}, text)));
    }
    made.read = () => [...made.querySelectorAll(":checked")].map((box) => box.value);
    return made;
  }

  function lines(subject, values) {
    const made = element("textarea", { class: "bs-textarea bs-textarea--low", rows: "2", placeholder: "one a line", "data-part": "Values, one a line" });
    made.value = values.join("\n");
    made.read = () => made.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => (subject.kind === "number" ? number(line) : line));
    return made;
  }

  // --- from … to, and stretches of time

  function range(subject, value) {
    const given = blank(value) ? {} : value;
    if (typeof given !== "object") return null;
    const from = one(subject, given.from, "From"), to = one(subject, given.to, "To");
    if (!from || !to) return null;
    const made = element("div", { class: "bs-pair" }, from, element("span", { class: "bs-muted" }, "and"), to);
    made.read = () => ({ from: from.read(), to: to.read() });
    return made;
  }

  const UNITS = ["minutes", "hours", "days", "weeks", "months"];

  function span(subject, value) {
    const units = subject.kind === "date" ? UNITS.slice(2) : UNITS;
    const given = blank(value) ? { amount: 30, unit: "days" } : value;
    if (typeof given !== "object" || !units.includes(given.unit)) return null;
    const amount = input("How many", { type: "number", min: "1", step: "1" }, given.amount);
    const unit = select("Unit", units.map((each) => [each, each]), given.unit);
    const made = element("div", { class: "bs-pair" }, amount, unit);
    made.read = () => ({ amount: number(amount.value), unit: unit.value });
    return made;
  }

  function days(subject, value) {
    if (!blank(value) && typeof value !== "number") return null;
    const amount = input("How many days", { type: "number", min: "0", step: "1" }, value);
    const made = element("div", { class: "bs-pair" }, amount, element("span", { class: "bs-muted" }, "days"));
    made.read = () => number(amount.value);
    return made;
  }

  function percent(subject, value) {
    const given = blank(value) ? { percent: 10, seed: Math.random().toString(36).slice(2, 10) } : value;
    if (typeof given !== "object" || typeof given.percent !== "number") return null;
    const share = input("Percent", { type: "number", min: "0", max: "100", step: "any" }, given.percent);
    const made = element("div", { class: "bs-pair" }, share, element("span", { class: "bs-muted" }, "% of the people"));
    made.read = () => ({ ...given, percent: number(share.value) });
    return made;
  }

  // --- what somebody did with campaigns

  const WHEN = [["", "at any time"], ["in_last", "in the last"], ["not_in_last", "longer ago than"], ["between", "between"], ["not_between", "not between"], ["after", "after"], ["before", "before"]];
  const OFTEN = [["", "at least once"], ["at_least", "at least"], ["exactly", "exactly"], ["at_most", "at most"]];
  const A_DAY = { kind: "date", choices: [] };
  const KNOWN = ["campaigns", "email", "link", "within", "count"];

  function when(given) {
    const kind = select("When", WHEN, given?.type || "");
    const made = element("div", { class: "bs-pair" }, kind);
    let more = null;
    function draw(value) {
      more?.remove();
      const shape = { in_last: span, not_in_last: span, between: range, not_between: range, after: one, before: one }[kind.value];
      more = shape ? shape === one ? one(A_DAY, value?.day, "Day") : shape === span ? span({ kind: "moment" }, value) : range(A_DAY, value) : null;
      if (more) made.append(more);
      return more || !kind.value;
    }
    if (given && !WHEN.some(([each]) => each === given.type)) return null;
    const { type, ...rest } = given || {};
    if (!draw(given ? rest : null)) return null;
    kind.addEventListener("change", () => draw(null));
    made.read = () => {
      if (!kind.value || !more) return undefined;
      const read = more.read();
      return { type: kind.value, ...(typeof read === "object" ? read : { day: read }) };
    };
    return made;
  }

  function often(given) {
    const [kind, times] = Object.entries(given || {})[0] || ["", 1];
    if (Object.keys(given || {}).length > 1 || !OFTEN.some(([each]) => each === kind)) return null;
    const choice = select("How often", OFTEN, kind);
    const amount = input("How many times", { type: "number", min: "0", step: "1" }, times);
    const word = element("span", { class: "bs-muted" }, "times");
    const made = element("div", { class: "bs-pair" }, choice, amount, word);
    const show = () => (amount.hidden = word.hidden = !choice.value);
    choice.addEventListener("change", show);
    show();
    made.read = () => (choice.value ? { [choice.value]: number(amount.value) } : undefined);
    return made;
  }

  function activity(subject, value, palette) {
    const given = blank(value) ? {} : value;
    if (typeof given !== "object" || !Object.keys(given).every((key) => KNOWN.includes(key))) return null;
    const which = campaigns(subject, given.campaigns || [], palette);
    const time = when(given.within), count = often(given.count);
    if (!time || !count) return null;
    const made = element("div", { class: "bs-activity" }, which);
    const link = subject.takes.includes("link") ? input("Link", { type: "url", placeholder: "any link; or an address, such as https://…" }, given.link) : null;
    if (link) made.append(link);
    if (subject.takes.includes("count")) made.append(element("div", { class: "bs-row" }, count, time));
    const rest = Object.fromEntries(Object.entries(given).filter(([key]) => key === "email"));
    if (rest.email) made.append(element("p", { class: "bs-help" }, "Only with one email, which a program has set; it stays."));
    made.read = () => {
      const read = { campaigns: which.read(), link: link?.value.trim(), within: time.read(), count: count.read() };
      for (const key of Object.keys(read)) if (read[key] === undefined || read[key] === "" || !Object.keys(read[key]).length) delete read[key];
      return { ...read, ...rest };
    };
    return made;
  }

  // Campaigns that are chosen, and a box to find more: typing searches, arrows walk, Enter takes.
  let boxes = 0;

  function campaigns(subject, chosen, palette) {
    const id = `campaigns-${(boxes += 1)}`;
    const made = element("div", { class: "bs-picker" });
    const taken = element("span", { class: "bs-row bs-picker__taken" });
    const field = input("Campaigns", { type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" }, "");
    const found = element("ul", { class: "bs-picker__found", id, role: "listbox", "aria-label": "Campaigns found", hidden: true });
    let ids = [...chosen], options = [], at = -1, waiting, asked = 0;

    function draw() {
      taken.replaceChildren(...ids.map((each) => {
        const name = palette.campaigns[each] || `campaign ${each}`;
        const away = element("button", { type: "button", class: "bs-picker__away", "aria-label": `Not ${name}` }, "✕");
        away.addEventListener("click", () => { ids = ids.filter((other) => other !== each); draw(); changed(); field.focus(); });
        return element("span", { class: "bs-badge bs-badge--plain" }, name, away);
      }));
      field.placeholder = ids.length ? "or another campaign…" : "any campaign; type to name some";
    }

    const changed = () => made.dispatchEvent(new Event("change", { bubbles: true }));

    function close() {
      found.hidden = true;
      at = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }

    function take(campaign) {
      palette.campaigns[campaign.id] = campaign.name;
      if (!ids.includes(campaign.id)) ids.push(campaign.id);
      field.value = "";
      close();
      draw();
      changed();
    }

    function mark(index) {
      at = index;
      [...found.children].forEach((option, each) => option.setAttribute("aria-selected", String(each === at)));
      found.children[at]?.scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", found.children[at]?.id || "");
    }

    async function find() {
      const mine = (asked += 1);
      const query = new URLSearchParams({ q: field.value, channel: subject.name.startsWith("sms.") ? "sms" : "", organization: palette.organization });
      const answer = await fetch(`${palette.campaigns_url}?${query}`);
      if (!answer.ok || mine !== asked) return;
      options = (await answer.json()).campaigns.filter((each) => !ids.includes(each.id));
      found.replaceChildren(...options.map((each, index) => {
        const option = element("li", { role: "option", id: `${id}-${index}`, "aria-selected": "false" }, each.name, element("span", { class: "bs-muted" }, ` ${each.about}`));
        option.addEventListener("mousedown", (event) => { event.preventDefault(); take(each); });
        return option;
      }));
      if (!options.length) found.append(element("li", { class: "bs-muted", "aria-disabled": "true", role: "option" }, "No other campaign is called so."));
      found.hidden = document.activeElement !== field;
      field.setAttribute("aria-expanded", String(!found.hidden));
    }

    field.addEventListener("input", (event) => { event.stopPropagation(); clearTimeout(waiting); waiting = setTimeout(find, 200); });
    field.addEventListener("change", (event) => event.stopPropagation());
    field.addEventListener("focus", () => { if (!field.value) find(); });
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "ArrowDown") mark(Math.min(at + 1, options.length - 1));
      if (event.key === "ArrowUp") mark(Math.max(at - 1, 0));
      if (event.key === "Enter" && options[at]) take(options[at]);
      if (event.key === "Backspace" && !field.value && ids.length) { ids.pop(); draw(); changed(); }
      if (["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) event.preventDefault();
    });
    draw();
    made.append(taken, element("span", { class: "bs-picker__box" }, field, found));
    made.read = () => ids;
    return made;
  }

  const MAKERS = { one: (subject, value) => one(subject, value), many, range, span, days, percent, activity };

  function valueEditor(shape, subject, value, palette) {
    if (shape === "none") return Object.assign(element("span"), { read: () => undefined });
    return MAKERS[shape](subject, value, palette);
  }

  return { element, select, valueEditor };
})();
