// Draws a segment's rules as rows of field, operator and value. The form's field keeps the JSON; without this script, or
// for rules of a shape rows cannot show, it is edited as it is.

(() => {
  "use strict";

  const MATCHES = [["all", "all of these hold"], ["any", "at least one of these holds"], ["not", "none of these holds"]];

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function choice(label, options, chosen) {
    const select = element("select", { class: "bs-select", "aria-label": label });
    for (const [value, text] of options) select.append(new Option(text, value, false, value === chosen));
    return select;
  }

  const isCondition = (rule) => "field" in rule;

  // One level of conditions: {}, one condition, or one group of conditions.
  function flat(rules) {
    if (!Object.keys(rules).length) return { match: "all", rules: [] };
    if (isCondition(rules)) return { match: "all", rules: [rules] };
    return rules.rules.every(isCondition) ? rules : null;
  }

  function build(box) {
    const store = box.querySelector("textarea");
    const vocabulary = JSON.parse(document.getElementById("rules-vocabulary").textContent);
    const operators = JSON.parse(document.getElementById("rules-operators").textContent);
    const byName = Object.fromEntries(vocabulary.map((subject) => [subject.name, subject]));
    let tree;
    try {
      tree = flat(JSON.parse(store.value || "{}"));
    } catch {
      return;
    }
    if (!tree || tree.rules.some((rule) => !byName[rule.field])) return;

    box.querySelector("[data-rules-plain]").hidden = true;
    const match = choice("How the rules are taken together", MATCHES, tree.match);
    match.style.width = "auto";
    const list = element("div", { class: "bs-rules" });
    const more = element("button", { type: "button", class: "bs-btn bs-btn--small" }, "Add a rule");
    const head = element("div", { class: "bs-row" }, element("span", { class: "bs-strong" }, "where"), match);
    const everybody = element("p", { class: "bs-muted" }, "Everybody. Add a rule to narrow it down.");
    box.prepend(head, list, everybody, element("div", {}, more));

    function write() {
      const rules = [...list.children].map((row) => row.read());
      head.hidden = !rules.length;
      everybody.hidden = rules.length > 0;
      store.value = JSON.stringify(rules.length ? { match: match.value, rules } : {});
      box.dispatchEvent(new Event("rules"));
    }

    function valueField(subject, operator, value) {
      if (!operators[operator][1]) return element("span");
      if (subject.kind === "choice") return choice("Value", subject.choices, value);
      if (subject.kind === "boolean") return choice("Value", [["true", "yes"], ["false", "no"]], String(value ?? true));
      const type = { date: "date", moment: "date", number: "number" }[subject.kind] || "text";
      const field = element("input", { class: "bs-input", type, "aria-label": "Value", ...(type === "number" ? { step: "any" } : {}) });
      field.value = value ?? "";
      return field;
    }

    function add(rule) {
      const row = element("div", { class: "bs-rule" });
      const field = choice("Field", vocabulary.map((subject) => [subject.name, subject.label]), rule.field);
      const away = element("button", { type: "button", class: "bs-btn bs-btn--ghost bs-btn--small", "aria-label": "Take this rule away" }, "✕");
      let operator, value;

      function drawValue(given) {
        const next = valueField(byName[field.value], operator.value, given);
        value ? value.replaceWith(next) : row.append(next);
        value = next;
      }

      function drawOperator(given) {
        const names = byName[field.value].operators;
        const next = choice("Operator", names.map((name) => [name, operators[name][0]]), names.includes(given) ? given : names[0]);
        operator ? operator.replaceWith(next) : row.append(next);
        operator = next;
        operator.addEventListener("change", () => { drawValue(value.value); write(); });
      }

      row.append(field);
      drawOperator(rule.operator);
      drawValue(rule.value);
      row.append(away);
      field.addEventListener("change", () => { drawOperator(operator.value); drawValue(""); row.append(away); write(); });
      away.addEventListener("click", () => { row.remove(); write(); more.focus(); });
      row.addEventListener("input", write);
      row.read = () => {
        const read = { field: field.value, operator: operator.value };
        if (!operators[operator.value][1]) return read;
        const kind = byName[field.value].kind;
        const text = value.value;
        return { ...read, value: kind === "number" && text !== "" ? Number(text) : kind === "boolean" ? text === "true" : text };
      };
      list.append(row);
      return row;
    }

    tree.rules.forEach(add);
    match.addEventListener("change", write);
    more.addEventListener("click", () => {
      const row = add({ field: vocabulary[0].name, operator: vocabulary[0].operators[0], value: "" });
      write();
      row.querySelector("select").focus();
    });
    head.hidden = !tree.rules.length;
    everybody.hidden = tree.rules.length > 0;
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-rules]").forEach(build));
})();
