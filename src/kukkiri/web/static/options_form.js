/** The form of options: what the engine offers, and what the visitor chose. */

import { find, make } from "./dom.js";
import { dimensions, isKey, t } from "./strings.js";
import { resultSize } from "./sizes.js";

/** @typedef {import("./engine.js").Options} Options */

const RULES = /** @type {const} */ (["scale", "width", "fit", "short_side", "megapixels"]);
/** Types worth offering, in this order; engines know more, and several names for one. */
const FORMATS = ["png", "jpg", "webp", "tiff", "avif", "jxl", "gif", "jp2", "exr", "bmp", "mp4", "webm", "mkv", "mov"];
const DIALS = /** @type {const} */ (["vivid", "denoise"]);
/** The kind of image that has the dial denoise instead of weights of its own. */
const BETWEEN = "between";
const STORED = "kukkiri.options";

export class OptionsForm {
  constructor() {
    this.form = find("#options", HTMLFormElement);
    this.rule = find("select[name=rule]", HTMLSelectElement, this.form);
    this.format = find("select[name=format]", HTMLSelectElement, this.form);
    this.shown = find("#size-now", HTMLElement, this.form);
    this.hint = find("#hint", HTMLElement, this.form);
    /** @type {import("./engine.js").Models["dials"]} */
    this.dials = {};
    /** @type {{width: number, height: number} | null} of the image that is seen */
    this.input = null;
    this.form.addEventListener("input", () => this.update());
    this.form.addEventListener("change", () => {
      localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(new FormData(this.form))));
    });
  }

  /**
   * Shows what an engine offers.
   * @param {import("./engine.js").Models} models
   */
  offer(models) {
    this.form.hidden = false;
    const chosen = this.#stored();
    const radios = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string[]} */ values, /** @type {string} */ usual) => {
      const wanted = values.includes(String(chosen[name])) ? String(chosen[name]) : usual;
      find(id, HTMLElement).replaceChildren(...values.map((value) => segment(name, value, value === wanted)));
    };
    radios("#scales", "times", [...models.scales.map(String), "other"], "2");
    radios("#presets", "preset", models.presets, models.presets.includes("balanced") ? "balanced" : models.presets[0] ?? "");
    this.dials = models.dials;
    const between = Object.values(models.dials).some((dials) => dials.includes("denoise")) ? [BETWEEN] : [];
    radios("#weights", "weights", [...models.weights, ...between], models.weights[0] ?? "");
    this.rule.replaceChildren(...RULES.filter((rule) => rule === "scale" || models.features.includes(rule)).map(ruleOption));
    const formats = ["same", ...FORMATS.filter((format) => models.formats.includes(format))];
    this.format.replaceChildren(...formats.map((format) => {
      return format === "same" ? make("option", { value: format, "data-t": "format.same" }, t("format.same")) : make("option", { value: format }, format.toUpperCase());
    }));
    for (const element of this.form.querySelectorAll("[data-feature]")) {
      /** @type {HTMLElement} */ (element).hidden = !models.features.includes(element.getAttribute("data-feature") ?? "");
    }
    this.#restore(chosen);
    this.update();
  }

  /** @returns {Options | null} null while a number is missing */
  read() {
    const data = new FormData(this.form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? "");
    const number = (/** @type {string} */ name) => (Number(text(name)) > 0 ? Number(text(name)) : null);
    const offered = (/** @type {string} */ name) => !find(`[name=${name}]`, HTMLElement, this.form).closest("[hidden]");
    const rule = text("times") === "other" ? text("rule") : "times";
    const fit = number("fit-width") !== null && number("fit-height") !== null ? `${number("fit-width")}x${number("fit-height")}` : null;
    /** @type {Options} */
    const options = {
      scale: rule === "times" ? Number(text("times")) : rule === "scale" ? number("scale") : null,
      width: rule === "width" ? number("width") : null,
      height: rule === "width" ? number("height") : null,
      stretch: rule === "width" && number("width") !== null && number("height") !== null,
      fit: rule === "fit" ? fit : null,
      short_side: rule === "short_side" ? number("short_side") : null,
      megapixels: rule === "megapixels" ? number("megapixels") : null,
      preset: text("preset"),
      weights: text("weights") === BETWEEN ? "auto" : text("weights"),
      vivid: offered("vivid") ? number("vivid") : null,
      denoise: offered("denoise") ? Number(text("denoise")) : null,
      format: text("format") || "same",
      quality: offered("quality") ? number("quality") : null,
      metadata: offered("metadata") ? text("metadata") : "keep",
      alpha: offered("alpha") ? text("alpha") : "transparency",
      ensemble: offered("ensemble") && data.has("ensemble"),
      skip_flat: offered("skip_flat") && data.has("skip_flat"),
      wrap: offered("wrap") && data.has("wrap"),
    };
    const sized = [options.scale, options.width, options.height, options.fit, options.short_side, options.megapixels];
    return sized.some((value) => value !== null) ? options : null;
  }

  /** Shows the fields of the chosen rule, the hint of the choice, and the size of the result. */
  update() {
    const data = new FormData(this.form);
    const other = data.get("times") === "other";
    find("#size-rule", HTMLElement).hidden = !other;
    for (const pair of this.form.querySelectorAll("[data-rule]")) {
      /** @type {HTMLElement} */ (pair).hidden = pair.getAttribute("data-rule") !== this.rule.value;
    }
    this.#showDials(data);
    const keys = [`preset.hint.${data.get("preset")}`, `weights.hint.${data.get("weights")}`].filter(isKey);
    if (this.read()?.vivid) keys.push("vivid.hint");
    this.hint.replaceChildren(...keys.map((key) => make("span", {}, t(/** @type {import("./strings.js").Key} */ (key)))));
    const options = this.read();
    const size = this.input && options && resultSize(this.input, options);
    if (options === null) this.shown.textContent = t("size.bad");
    else if (this.input && size) {
      const from = dimensions(this.input.width, this.input.height);
      this.shown.textContent = t("size.result", { from, to: dimensions(size.width, size.height) });
    } else this.shown.textContent = "";
  }

  /**
   * The dials of the chosen quality: of denoise and vivid, one at a time.
   * @param {FormData} data
   */
  #showDials(data) {
    const between = data.get("weights") === BETWEEN;
    for (const name of DIALS) {
      const field = find(`#${name}`, HTMLElement);
      const dials = this.dials[String(data.get("preset"))] ?? [];
      field.hidden = !dials.includes(name) || between !== (name === "denoise");
      find("output", HTMLElement, field).textContent = Number(data.get(name)).toFixed(2);
    }
  }

  /** @returns {Record<string, unknown>} */
  #stored() {
    try {
      return JSON.parse(localStorage.getItem(STORED) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }

  /** @param {Record<string, unknown>} chosen */
  #restore(chosen) {
    for (const element of this.form.elements) {
      const field = /** @type {HTMLInputElement | HTMLSelectElement} */ (element);
      const value = chosen[field.name];
      if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value !== undefined;
      else if (value === undefined || (field instanceof HTMLInputElement && field.type === "radio")) continue;
      else if (!(field instanceof HTMLSelectElement) || [...field.options].some((option) => option.value === value)) field.value = String(value);
    }
  }
}

/**
 * @param {string} name
 * @param {string} value
 * @param {boolean} checked
 */
function segment(name, value, checked) {
  const key = name === "times" ? `size.${value}` : `${name}.${value}`;
  const text = isKey(key) ? make("span", { "data-t": key }, t(/** @type {import("./strings.js").Key} */ (key))) : make("span", {}, name === "times" ? `×${value}` : value);
  return make("label", {}, make("input", { type: "radio", name, value, checked }), text);
}

/** @param {string} rule */
function ruleOption(rule) {
  const key = /** @type {import("./strings.js").Key} */ (`size.${rule}`);
  return make("option", { value: rule, "data-t": key }, t(key));
}
