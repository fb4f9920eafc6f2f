// What the rules mean right now: a sentence, how many people, some of them, and why somebody is in or not. Asked anew a
// moment after the last change; an answer to an older question is dropped.

(() => {
  "use strict";

  const PAUSE = 400;

  function live(panel) {
    const form = document.getElementById(panel.dataset.form);
    const box = document.getElementById("rules");
    const part = (name) => panel.querySelector(`[data-live="${name}"]`);
    let waiting, asking;

    function show({ count = "", sentence = "", note = "", busy = false }) {
      part("count").textContent = count;
      part("sentence").textContent = sentence;
      part("note").textContent = note;
      part("note").hidden = !note;
      part("busy").hidden = !busy;
      panel.setAttribute("aria-busy", String(busy));
    }

    async function post(url, signal) {
      const answer = await fetch(url, { method: "POST", body: new FormData(form), signal });
      if (!answer.ok) throw new Error(String(answer.status));
      return answer;
    }

    async function ask() {
      asking?.abort();
      const mine = (asking = new AbortController());
      part("busy").hidden = false;
      panel.setAttribute("aria-busy", "true");
      try {
        const said = await (await post(panel.dataset.count, mine.signal)).json();
        box.dispatchEvent(new CustomEvent("problems", { detail: said.problems }));
        show(said);
        if (said.problems.length) return part("sample").replaceChildren();
        const sample = await (await post(panel.dataset.sample, mine.signal)).text();
        part("sample").innerHTML = sample;
      } catch (error) {
        if (error.name !== "AbortError") show({ note: "The count could not be fetched. It is tried again at the next change." });
      }
    }

    const soon = () => {
      clearTimeout(waiting);
      part("busy").hidden = false;
      waiting = setTimeout(ask, PAUSE);
    };
    box.addEventListener("rules", soon);
    form.addEventListener("change", (event) => { if (event.target.name === "mailing_lists" || event.target.name === "rules") soon(); });
    ask();

    const why = document.getElementById("why-form");
    document.getElementById("why").hidden = false; // it asks about what is being written, which only a script can send
    why?.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = new FormData(form);
      values.set("who", new FormData(why).get("who"));
      const told = document.getElementById("why-told");
      told.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(why.action, { method: "POST", body: values });
        told.innerHTML = answer.ok ? await answer.text() : "";
        if (!answer.ok) told.textContent = "That could not be looked up. Try again.";
      } catch {
        told.textContent = "That could not be looked up. Try again.";
      }
      told.removeAttribute("aria-busy");
    });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live-people]").forEach(live));
})();
