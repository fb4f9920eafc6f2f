// Draws a segment's rules as groups of rows, and writes what is drawn into the form's JSON. A rule nobody touches is
// written exactly as it was read, so what this page cannot show is never lost. Without this script the JSON is edited.

(() => {
  "use strict";

  const { element, select, valueEditor } = window.broadsheetRules;
  const { picked } = window.broadsheetPickers;
  const MATCHES = [["all", "all of these hold"], ["any", "at least one of these holds"], ["not", "none of these holds"]];
  const isGroup = (node) => node !== null && typeof node === "object" && ("rules" in node || "on" in node);
  const drawable = (node) => Array.isArray(node.rules) && MATCHES.some(([match]) => match === node.match) && Object.keys(node).every((key) => ["match", "rules", "on"].includes(key));

  // Rules are kept as a group; one condition alone, or people on a list, are put into one.
  function rooted(rules) {
    if (!Object.keys(rules).length) return { match: "all", rules: [] };
    return isGroup(rules) && drawable(rules) && !rules.on ? rules : { match: "all", rules: [rules] };
  }

  function icon(name) {
    return element("span", { class: "bs-icon", "aria-hidden": "true" }, name);
  }

  function tool(symbol, act, label) {
    return element("button", { type: "button", class: "bs-tool", "data-act": act, title: label, "data-label": label }, icon(symbol));
  }

  function build(box) {
    const store = box.querySelector("textarea");
    const palette = JSON.parse(document.getElementById("rules-palette").textContent);
    const subjects = {};
    for (const group of palette.groups) for (const subject of group.subjects) subjects[subject.name] = subject;
    const operators = palette.operators;
    const teller = element("p", { class: "bs-visually-hidden", role: "status" });
    let rules;
    try {
      rules = rooted(JSON.parse(store.value || "{}"));
    } catch {
      return; // stays as it was written, with the error beside it
    }

    // --- one rule

    function fieldPicker(chosen) {
      const made = element("select", { class: "bs-select", "data-part": "Field", "data-one": "field", "data-all": "fields" });
      for (const group of palette.groups) {
        made.append(element("optgroup", { label: group.label }, ...group.subjects.map((subject) => new Option(subject.label, subject.name, false, subject.name === chosen))));
      }
      return made;
    }

    function ruleRow(node, path) {
      const subject = subjects[node?.field];
      const shape = operators[node?.operator]?.shape;
      const value = subject && shape && subject.operators.includes(node.operator) ? valueEditor(shape, subject, node.value, palette) : null;
      return value ? editable(node, value) : kept(node, path);
    }

    function editable(node, value) {
      const item = element("li", { class: "bs-rule" });
      const field = fieldPicker(node.field);
      let operator, touched = false;

      function drawOperator(given) {
        const names = subjects[field.value].operators;
        const next = select("Comparison", names.map((name) => [name, operators[name].words]), names.includes(given) ? given : names[0]);
        operator ? operator.replaceWith(next) : item.append(next);
        operator = next;
      }

      function drawValue(given) {
        const subject = subjects[field.value], shape = operators[operator.value].shape;
        const next = valueEditor(shape, subject, given, palette) || valueEditor(shape, subject, null, palette);
        value.replaceWith(next);
        value = next;
      }

      item.append(picked(field));
      drawOperator(node.operator);
      item.append(value, tools());
      item.addEventListener("change", (event) => {
        touched = true;
        if (event.target === field) {
          drawOperator(operator.value);
          drawValue(null);
        } else if (event.target === operator) {
          drawValue(value.read());
        }
        changed();
      });
      item.addEventListener("input", (event) => {
        if (event.target.matches("select, [type=checkbox]")) return; // their change follows, and draws first
        touched = true;
        changed();
      });
      item.read = () => {
        if (!touched) return node;
        const read = { field: field.value, operator: operator.value }, given = value.read();
        return given === undefined ? read : { ...read, value: given };
      };
      item.focusFirst = () => field.focus();
      item.shapeOf = () => operators[operator.value].shape;
      return item;
    }

    // What cannot be drawn: in words where the server could say it, and as it is.
    function kept(node, path) {
      const said = palette.said[path.join(".")] || "A rule that this page cannot draw";
      const json = element("pre", { class: "bs-mono bs-break" }, JSON.stringify(node, null, 1));
      const more = element("details", {}, element("summary", {}, "as it is kept"), json);
      const text = element("div", { class: "bs-grow" }, element("p", {}, icon("lock"), ` ${said}.`), more);
      const item = element("li", { class: "bs-rule bs-rule--kept" }, text, tools());
      item.read = () => node;
      item.focusFirst = () => item.querySelector("summary").focus();
      return item;
    }

    function tools() {
      return element("div", { class: "bs-tools" }, tool("arrow_upward", "up", "Move up"), tool("arrow_downward", "down", "Move down"), tool("content_copy", "copy", "Duplicate"), tool("close", "remove", "Remove"));
    }

    // --- one group

    function groupOf(node, path, { root = false } = {}) {
      const match = select("Match", MATCHES, node.match);
      const onList = "on" in node;
      const lists = onList ? select("List", listsOffered(node.on), node.on) : null;
      if (lists) Object.assign(lists.dataset, { one: "list", all: "lists" });
      const list = element("ol", { class: "bs-group__rules" });
      const words = onList ? [element("span", {}, "Has a subscription to"), picked(lists), element("span", {}, "for which"), match] : [element("span", {}, root ? "People for whom" : "A group where"), match];
      const head = element("div", { class: "bs-group__head" }, ...words);
      if (!root) head.append(tools());
      const empty = element("p", { class: "bs-muted bs-small bs-group__empty" });
      const add = element("div", { class: "bs-row" }, adder("add", "rule", "Add rule"), adder("account_tree", "group", "Add group"));
      if (palette.lists.length) add.append(adder("groups", "on", "Add “on list” group"));
      const item = element(root ? "div" : "li", { class: `bs-group${onList ? " bs-group--on" : ""}`, role: "group" }, head, list, empty, add);
      list.append(...node.rules.map((each, index) => nodeOf(each, [...path, index])));
      item.list = list;
      item.isList = onList;
      item.read = (place = []) => {
        item.dataset.path = place.join(".");
        const read = [];
        for (const child of list.children) {
          const part = child.read([...place, read.length]);
          child.dataset.path = part === null ? "" : [...place, read.length].join(".");
          if (part !== null) read.push(part);
        }
        empty.hidden = list.children.length > 0;
        empty.textContent = root ? "Everybody. Add a rule to narrow it down." : onList ? "Whatever the status there. Add a rule to narrow it down." : "Add a rule here; a group without rules is left out.";
        if (!onList && !root && !read.length) return null;
        return onList ? { on: lists.value, match: match.value, rules: read } : { match: match.value, rules: read };
      };
      item.focusFirst = () => (lists || match).focus();
      head.addEventListener("change", () => changed());
      return item;
    }

    function listsOffered(chosen) {
      return palette.lists.some(([id]) => id === chosen) ? palette.lists : [...palette.lists, [chosen, "a list that is gone"]];
    }

    function adder(symbol, what, text) {
      return element("button", { type: "button", class: "bs-btn bs-btn--small", "data-add": what }, icon(symbol), text);
    }

    function nodeOf(node, path) {
      return isGroup(node) && drawable(node) ? groupOf(node, path) : ruleRow(node, path);
    }

    // --- adding, moving, taking away

    const FRESH = {
      rule: () => fresh(),
      group: () => ({ match: "any", rules: [fresh()] }),
      on: () => ({ on: palette.lists[0][0], match: "all", rules: [] }),
    };

    function fresh() {
      const first = palette.groups[0].subjects[0];
      return { field: first.name, operator: first.operators[0], value: "" };
    }

    function add(group, what) {
      const made = nodeOf(FRESH[what](), []);
      group.list.append(made);
      changed();
      made.focusFirst();
      tell(`${made.label} is added.`);
    }

    // Up and down also lead into a group beside, and out of the group one is in.
    function move(item, step) {
      const group = item.parentElement.parentElement;
      const beside = step < 0 ? item.previousElementSibling : item.nextElementSibling;
      if (beside?.list && !item.list?.contains(beside)) step < 0 ? beside.list.append(item) : beside.list.prepend(item);
      else if (beside) step < 0 ? beside.before(item) : beside.after(item);
      else if (group !== root) step < 0 ? group.before(item) : group.after(item);
      else return tell(`It is the ${step < 0 ? "first" : "last"} already.`);
      changed();
      tell(`It is ${item.label.toLowerCase()} now.`);
    }

    function remove(item) {
      const group = item.parentElement.parentElement;
      const next = item.nextElementSibling || item.previousElementSibling;
      const label = item.label;
      item.remove();
      changed();
      next ? next.querySelector('[data-act="remove"]').focus() : group.querySelector(":scope > .bs-row [data-add]").focus();
      tell(`${label} is removed.`);
    }

    function copy(item) {
      const node = item.read([]) || FRESH.group();
      const twin = nodeOf(JSON.parse(JSON.stringify(node)), []);
      item.after(twin);
      changed();
      twin.focusFirst();
      tell(`${twin.label} is added.`);
    }

    function tell(text) {
      teller.textContent = text;
    }

    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act], [data-add]");
      if (!button) return;
      if (button.dataset.add) return add(button.closest(".bs-group"), button.dataset.add);
      const item = button.closest("li.bs-rule, li.bs-group");
      if (button.dataset.act === "remove") return remove(item);
      if (button.dataset.act === "copy") return copy(item);
      move(item, button.dataset.act === "up" ? -1 : 1);
      button.focus();
    });

    // --- numbers and names for who cannot see the places

    function number(group, place) {
      const name = place ? `group ${place}` : "all rules";
      group.setAttribute("aria-label", place ? `Group ${place}` : "Rules");
      nameParts(group.querySelector(":scope > .bs-group__head"), name);
      group.querySelectorAll(":scope > .bs-row [data-add]").forEach((button) => button.setAttribute("aria-label", `${button.lastChild.textContent}${place ? ` to group ${place}` : ""}`));
      [...group.list.children].forEach((item, index) => {
        const here = place ? `${place}.${index + 1}` : String(index + 1);
        item.label = `${item.list ? "Group" : "Rule"} ${here}`;
        item.list ? number(item, here) : nameParts(item, `rule ${here}`);
      });
    }

    function nameParts(part, name) {
      part.querySelectorAll("[data-part]").forEach((field) => field.setAttribute("aria-label", `${field.dataset.part} of ${name}`));
      part.querySelectorAll("[data-label]").forEach((button) => button.setAttribute("aria-label", `${button.dataset.label} ${name}`));
    }

    function changed() {
      write();
      box.dispatchEvent(new Event("rules", { bubbles: true }));
    }

    function write() {
      const read = root.read();
      store.value = JSON.stringify(read.rules.length ? read : {});
      root.querySelector(":scope > .bs-group__head").hidden = !root.list.children.length;
      number(root, "");
    }

    // --- what the server said about a rule

    box.addEventListener("problems", (event) => {
      box.querySelectorAll(".bs-rule__problem").forEach((told) => told.remove());
      box.querySelectorAll(".has-problem").forEach((item) => item.classList.remove("has-problem"));
      box.querySelectorAll("[aria-describedby]").forEach((field) => field.removeAttribute("aria-describedby"));
      for (const { path, message } of event.detail) {
        const place = path.join(".");
        const item = place ? box.querySelector(`[data-path="${place}"]`) : root;
        if (!item) continue;
        item.classList.add("has-problem");
        const told = element("p", { class: "bs-error bs-rule__problem", id: `problem-${place}` }, icon("error"), message);
        const part = item.list ? item.querySelector(":scope > .bs-group__head") : item;
        part.querySelectorAll("[data-part]").forEach((field) => field.setAttribute("aria-describedby", told.id));
        item.list ? item.list.before(told) : item.append(told);
      }
    });

    const start = rules.rules === undefined ? { match: "all", rules: [rules] } : rules;
    const root = groupOf(start, [], { root: true });
    box.querySelector("[data-rules-plain]").hidden = true;
    box.prepend(root, teller);
    if (box.dataset.rules === "readonly") root.querySelectorAll("select, input, textarea, button").forEach((field) => (field.disabled = true));
    const before = store.value;
    write();
    if (JSON.stringify(rooted(JSON.parse(before || "{}"))) === JSON.stringify(rooted(JSON.parse(store.value)))) store.value = before;
    box.dispatchEvent(new Event("drawn", { bubbles: true }));
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-rules]").forEach(build));
})();
