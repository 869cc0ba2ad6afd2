/** The choice of who computes, and the truth about where the images go. */

import { loadEngines } from "./engine.js";
import { find } from "./dom.js";
import { t, timeOf } from "./strings.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Availability} Availability */

const STORED = "kukkiri.engine";
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/;

export class Where {
  /** @param {(name: string, engine: Engine, availability: Availability) => void} onChoice */
  constructor(onChoice) {
    this.onChoice = onChoice;
    this.field = find("#engines", HTMLElement);
    this.said = find("#privacy", HTMLElement);
    /** @type {Map<string, {engine: Engine, availability: Availability}>} */
    this.engines = new Map();
    /** @type {string | null} */
    this.name = null;
    this.why = "";
    this.loaded = false;
    this.again = find("#again", HTMLElement);
    this.again.addEventListener("click", () => location.reload());
    this.field.addEventListener("change", (event) => this.choose(/** @type {HTMLInputElement} */ (event.target).value));
  }

  async load() {
    const loaded = await loadEngines();
    const answers = await Promise.all([...loaded].map(async ([name, engine]) => ({ name, engine, availability: await engine.available() })));
    for (const { name, engine, availability } of answers) {
      if (availability.ok) this.engines.set(name, { engine, availability });
      else this.why ||= availability.why ?? "";
    }
    this.loaded = true;
    this.field.hidden = this.engines.size < 2;
    const stored = localStorage.getItem(STORED) ?? "";
    const first = this.engines.has(stored) ? stored : [...this.engines.keys()][0];
    if (first) this.choose(first);
    this.say();
    return loaded;
  }

  /** @param {string} name */
  choose(name) {
    const chosen = this.engines.get(name);
    if (chosen === undefined) return;
    this.name = name;
    if (this.engines.size > 1) localStorage.setItem(STORED, name);
    find(`input[value=${name}]`, HTMLInputElement, this.field).checked = true;
    this.onChoice(name, chosen.engine, chosen.availability);
    this.say();
  }

  /** Says where images go; also anew in another language. */
  say() {
    const chosen = this.name === null ? undefined : this.engines.get(this.name);
    find("#where", HTMLElement).hidden = !this.loaded;
    find("#where", HTMLElement).classList.toggle("problem", chosen === undefined);
    this.again.hidden = chosen !== undefined;
    if (chosen === undefined) this.said.textContent = t("privacy.none", { why: this.why });
    else if (this.name === "browser") this.said.textContent = t("privacy.browser");
    else {
      const { where, keptSeconds } = chosen.availability;
      const sent = t(LOOPBACK.test(where) ? "privacy.local" : "privacy.server", { host: where });
      const kept = keptSeconds ? t("privacy.kept", { time: timeOf(keptSeconds) }) : t("privacy.remove");
      this.said.textContent = `${sent} ${kept}`;
    }
  }
}
