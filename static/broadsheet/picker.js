// Choosing among many: <bs-pick> around checkboxes, or a select that says data-one (what one of them is) and data-all. Below FROM choices they stay as they are; from
// there on a box to search in takes their place, with the pattern of an editable combobox (WAI-ARIA Authoring Practices):
// typing narrows, arrows walk, Enter takes, Escape closes. The select or the checkboxes stay in the form and keep what is
// chosen, so nothing is asked of the network, and without this script everything works as plain fields.

(() => {
  "use strict";

  const FROM = 50;
  const SHOWN = 100; // at a time; more are reached by typing
  const plain = (text) => text.normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase();
  let boxes = 0;

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function choice(text, group, isChosen, toggle) {
    return { text, group, plain: plain(text), isChosen, toggle };
  }

  function ofSelect(select) {
    return [...select.options].map((option) => choice(option.text.trim(), option.parentElement.label || "", () => option.selected, () => {
      if (option.selected) return;
      option.selected = true;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }));
  }

  // Headings among the checkboxes are marked data-group.
  function ofCheckboxes(root) {
    let group = "";
    const found = [];
    for (const each of root.querySelectorAll("[data-group], input[type=checkbox]")) {
      if (each.dataset.group !== undefined) group = each.textContent.trim();
      else found.push(choice(each.closest("label").textContent.trim(), group, () => each.checked, () => each.click()));
    }
    return found;
  }

  class Pick extends HTMLElement {
    connectedCallback() {
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      else this.build();
    }

    // Also called by scripts that number and name their fields before they show them.
    build() {
      if (this.field) return this;
      this.select = this.querySelector("select");
      this.choices = this.select ? ofSelect(this.select) : ofCheckboxes(this);
      if (this.choices.length < FROM) return this;
      this.draw();
      this.listen();
      this.show();
      return this;
    }

    draw() {
      const id = `pick-${(boxes += 1)}`, { one = "choice", all = "choices" } = this.dataset;
      this.none = `No ${one} is called so.`;
      this.counted = (number) => `${number.toLocaleString("en")} ${number === 1 ? one : all}`;
      for (const part of this.children) part.hidden = true;
      this.field = element("input", {
        type: "text", class: "bs-input", id, role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-autocomplete": "list",
        "aria-controls": `${id}-found`, "aria-label": this.dataset.label, placeholder: `Search ${this.counted(this.choices.length)}…`,
      });
      this.found = element("div", { class: "bs-picker__found", id: `${id}-found`, role: "listbox", "aria-label": this.dataset.label || "Found", "aria-multiselectable": this.select ? null : "true", hidden: "" });
      this.said = element("p", { class: "bs-visually-hidden", role: "status" });
      this.taken = this.select ? null : element("ul", { class: "bs-row bs-picker__taken", "aria-label": "Chosen" });
      if (this.select) this.takeOver(id);
      const box = element("div", { class: "bs-picker__box" }, this.field, this.found);
      this.append(element("div", { class: "bs-picker" }, ...(this.taken ? [this.taken] : []), box, this.said));
    }

    // The box answers to what named and focused the select.
    takeOver(id) {
      const { select, field } = this;
      for (const name of ["aria-label", "aria-describedby", "aria-invalid", "data-part"]) {
        if (!select.hasAttribute(name)) continue;
        field.setAttribute(name, select.getAttribute(name));
        select.removeAttribute(name);
      }
      if (select.required) field.setAttribute("aria-required", "true");
      select.required = false; // nobody could see what the browser complains of; the server says it
      for (const label of select.id ? document.querySelectorAll(`label[for="${select.id}"]`) : []) label.htmlFor = id;
      select.focus = () => field.focus();
      field.classList.add("bs-picker__one");
      select.addEventListener("change", () => this.show());
    }

    listen() {
      const { field, found } = this;
      field.addEventListener("input", (event) => { event.stopPropagation(); this.open(); });
      field.addEventListener("change", (event) => event.stopPropagation());
      field.addEventListener("click", () => found.hidden && this.open(true));
      field.addEventListener("focus", () => field.select()); // what is typed takes the place of what was chosen
      field.addEventListener("blur", () => this.close());
      field.addEventListener("keydown", (event) => this.key(event));
      found.addEventListener("mousedown", (event) => {
        event.preventDefault(); // the box keeps the focus
        const option = event.target.closest("[role=option]");
        if (option && !event.button) this.take(option.choice);
      });
      if (this.taken) this.addEventListener("change", () => this.show());
    }

    key(event) {
      const isOpen = !this.found.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!isOpen) return this.open(true);
        this.mark(event.key === "ArrowDown" ? Math.min(this.at + 1, this.options.length - 1) : Math.max(this.at - 1, 0));
      } else if (event.key === "Enter") {
        event.preventDefault(); // it takes, and never sends the form
        if (isOpen && this.options[this.at]) this.take(this.options[this.at].choice);
      } else if (event.key === "Escape" && isOpen) {
        event.preventDefault();
        event.stopPropagation();
        this.close();
      }
    }

    // `all`: whatever stands in the box, as when somebody looks around before typing.
    open(all = false) {
      const words = all ? [] : plain(this.field.value).split(/\s+/).filter(Boolean);
      const matching = this.choices.filter((each) => words.every((word) => each.plain.includes(word)));
      this.list(matching.slice(0, SHOWN));
      this.found.hidden = false;
      this.field.setAttribute("aria-expanded", "true");
      const more = matching.length - SHOWN;
      const note = !matching.length ? this.none : more > 0 ? `… and ${more.toLocaleString("en")} more. Type to narrow.` : "";
      if (note) this.found.append(element("p", { class: "bs-muted bs-picker__more" }, note));
      this.said.textContent = matching.length ? `${this.counted(matching.length)} found${more > 0 ? `, the first ${SHOWN} are shown` : ""}.` : this.none;
      const chosen = this.options.findIndex((option) => option.choice.isChosen());
      this.mark(this.select && all ? chosen : words.length && matching.length ? 0 : -1);
      if (all && this.select) setTimeout(() => this.field.select()); // a click into what is marked takes the mark away last
    }

    list(matching) {
      const groups = new Map();
      for (const each of matching) groups.set(each.group, [...(groups.get(each.group) || []), each]);
      this.options = [];
      this.found.replaceChildren(...[...groups].flatMap(([name, choices]) => {
        const options = choices.map((each) => this.option(each));
        if (!name) return options;
        return [element("div", { role: "group", "aria-label": name }, element("p", { class: "bs-picker__group", "aria-hidden": "true" }, name), ...options)];
      }));
    }

    option(each) {
      const made = element("div", { role: "option", id: `${this.field.id}-${this.options.length}`, "aria-selected": String(each.isChosen()) }, each.text);
      made.choice = each;
      this.options.push(made);
      return made;
    }

    mark(index) {
      this.options[this.at]?.classList.remove("is-marked");
      this.at = index;
      const option = this.options[index];
      option?.classList.add("is-marked");
      option?.scrollIntoView({ block: "nearest" });
      option ? this.field.setAttribute("aria-activedescendant", option.id) : this.field.removeAttribute("aria-activedescendant");
    }

    close() {
      this.found.hidden = true;
      this.field.setAttribute("aria-expanded", "false");
      this.field.removeAttribute("aria-activedescendant");
      this.said.textContent = "";
      this.field.value = this.select ? this.select.selectedOptions[0]?.text.trim() ?? "" : "";
    }

    take(each) {
      each.toggle();
      if (this.select) this.close();
      else {
        this.field.value = "";
        const at = this.at, top = this.found.scrollTop;
        this.open(true);
        const again = this.options.findIndex((option) => option.choice === each);
        this.mark(again >= 0 ? again : at);
        if (again < 0) this.found.scrollTop = top;
      }
      this.said.textContent = each.isChosen() ? `${each.text} is chosen.` : `${each.text} is not chosen any more.`;
    }

    // What is chosen, where one sees it without opening the list.
    show() {
      if (this.select) {
        if (this.found.hidden) this.field.value = this.select.selectedOptions[0]?.text.trim() ?? "";
        return;
      }
      const chosen = this.choices.filter((each) => each.isChosen());
      this.taken.replaceChildren(...chosen.map((each, index) => {
        const away = element("button", { type: "button", class: "bs-picker__away", "aria-label": `Not ${each.text}` }, "✕");
        away.addEventListener("click", () => {
          each.toggle();
          this.said.textContent = `${each.text} is not chosen any more.`;
          (this.taken.querySelectorAll("button")[Math.min(index, chosen.length - 2)] || this.field).focus();
        });
        return element("li", { class: "bs-badge bs-badge--plain" }, each.text, away);
      }));
    }
  }

  customElements.define("bs-pick", Pick);

  // The select inside a picker, where it has many options; `data-one` and `data-all` say what they are.
  function picked(select) {
    if (select.options.length < FROM || select.closest("bs-pick")) return select;
    const made = element("bs-pick", { "data-one": select.dataset.one, "data-all": select.dataset.all });
    select.before(made);
    made.append(select);
    return made.build();
  }

  const pickAll = (root) => root.querySelectorAll("select[data-one]").forEach(picked);
  document.addEventListener("DOMContentLoaded", () => pickAll(document));
  window.broadsheetPickers = { picked, pickAll };
})();
