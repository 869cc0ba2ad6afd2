/** The words of the page in two languages, and numbers as each language writes them. */

import en from "./strings/en.js";
import ja from "./strings/ja.js";

/** @typedef {keyof typeof en} Key */

/** @type {Record<string, Record<Key, string>>} */
const TABLES = { en, ja };
const STORED = "kukkiri.language";

let language = chosen();

function chosen() {
  const stored = localStorage.getItem(STORED);
  if (stored !== null && stored in TABLES) return stored;
  for (const wanted of navigator.languages ?? [navigator.language]) {
    const base = wanted.split("-")[0];
    if (base in TABLES) return base;
  }
  return "en";
}

export function currentLanguage() {
  return language;
}

/**
 * The text of a key, with `{names}` replaced.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  return TABLES[language][key].replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString(language) : String(value);
  });
}

/** @param {string} key */
export function isKey(key) {
  return key in en;
}

/**
 * Writes the texts of all elements that name one: `data-t` for the content, `data-t-ATTRIBUTE` for an attribute.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(/** @type {Key} */ (element.getAttribute("data-t")));
  for (const attribute of ["aria-label", "placeholder", "title"]) {
    for (const element of root.querySelectorAll(`[data-t-${attribute}]`)) {
      element.setAttribute(attribute, t(/** @type {Key} */ (element.getAttribute(`data-t-${attribute}`))));
    }
  }
}

/**
 * Sets the language, and tells the page by the event "language".
 * @param {string} wanted
 */
export function setLanguage(wanted) {
  language = wanted in TABLES ? wanted : "en";
  localStorage.setItem(STORED, language);
  showLanguage();
  document.dispatchEvent(new Event("language"));
}

export function showLanguage() {
  document.documentElement.lang = language;
  document.title = t("title");
  translate(document);
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  const step = bytes >= 1e9 ? 1e9 : bytes >= 1e6 ? 1e6 : 1e3;
  const unit = { 1e9: "GB", 1e6: "MB", 1e3: "kB" }[step];
  const value = bytes / step;
  return `${value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${unit}`;
}

/** @param {number} pixels */
export function pixelsOf(pixels) {
  return t("megapixels", { n: (pixels / 1e6).toLocaleString(language, { maximumSignificantDigits: 3 }) });
}

/** @param {number} seconds */
export function timeOf(seconds) {
  if (seconds >= 86_400 * 2) return t("days", { n: Math.round(seconds / 86_400) });
  if (seconds >= 7200) return t("hours", { n: Math.round(seconds / 3600) });
  if (seconds >= 120) return t("minutes", { n: Math.round(seconds / 60) });
  return t("seconds", { n: seconds.toLocaleString(language, { maximumSignificantDigits: 2 }) });
}

/**
 * @param {number} width
 * @param {number} height
 */
export function dimensions(width, height) {
  return `${width.toLocaleString(language)} × ${height.toLocaleString(language)}`;
}
