/** What is to say of the image that is seen: sizes, what was kept, notes, or its error. */

import { find, icon, make } from "./dom.js";
import { describe, drawBar, errorWords } from "./list_view.js";
import { dimensions, sizeOf, t, timeOf } from "./strings.js";

/** @typedef {import("./queue.js").Item} Item */

/**
 * @param {Item} item
 * @param {(item: Item) => void} download
 */
export function showFacts(item, download) {
  const facts = find("#facts", HTMLElement);
  facts.hidden = false;
  const { result } = item;
  const title = make("h2", { id: "facts-title" }, item.name);
  if (item.error !== null) {
    facts.replaceChildren(title, make("div", { class: "problem" }, ...errorWords(item.error)));
    return;
  }
  if (result === null) {
    const size = item.size === null ? [] : [`${dimensions(item.size.width, item.size.height)} px`];
    const bytes = item.file === null ? [] : [sizeOf(item.file.size)];
    facts.replaceChildren(make("div", {}, title, make("p", { class: "numbers" }, [...size, ...bytes].join(" · "))));
    return;
  }
  const button = make("button", { type: "button", class: "primary", "aria-label": t("download.of", { name: item.name }) }, icon("download"), t("download"));
  button.addEventListener("click", () => download(item));
  const head = make("header", {}, make("div", {}, title, make("p", { class: "numbers" }, numbers(item, result))), button);
  facts.replaceChildren(head, kept(result), ...notes(result));
}

/**
 * Shows the progress of the image that is seen below it, so that nobody has to look for it in the list.
 * @param {Item | null} item
 */
export function showProgress(item) {
  const now = find("#now", HTMLElement);
  const runs = item !== null && !item.ended;
  if (!runs) {
    const hadFocus = now.contains(document.activeElement);
    now.hidden = true; // a hidden button would drop the focus to the page
    const next = document.querySelector("#facts button");
    if (hadFocus) (next instanceof HTMLElement ? next : find(".stage", HTMLElement)).focus({ preventScroll: true });
    return;
  }
  now.hidden = false;
  find(".words", HTMLElement, now).textContent = describe(item);
  drawBar(find("progress", HTMLProgressElement, now), item);
}

/**
 * @param {Item} item
 * @param {import("./engine.js").Result} result
 */
function numbers(item, result) {
  const size = item.size ?? result.input ?? null;
  const from = size && dimensions(size.width, size.height);
  const to = dimensions(result.width, result.height);
  const bytes = item.file && sizeOf(item.file.size);
  return [
    from === null ? `${to} px` : t("size.result", { from, to }),
    bytes === null ? sizeOf(result.blob.size) : `${bytes} → ${sizeOf(result.blob.size)}`,
    ...(result.seconds === null ? [] : [timeOf(result.seconds)]),
  ].join(" · ");
}

/** @param {import("./engine.js").Result} result */
function kept({ kept: { profile, exif, depth, alpha } }) {
  const list = make("ul", { class: "kept", "aria-label": t("kept") });
  const say = (/** @type {string} */ what, /** @type {boolean} */ was) => {
    const words = make("span", { class: was ? "live" : "" }, t(was ? "kept.yes" : "kept.no"));
    list.append(make("li", { class: was ? "yes" : "no" }, icon(was ? "yes" : "no"), `${what} `, words));
  };
  if (profile !== null) say(t("kept.profile"), profile);
  if (exif !== null) say(t("kept.exif"), exif);
  if (alpha !== null) say(t("kept.alpha"), alpha);
  if (depth !== null) say(t("kept.depth", { n: depth }), true);
  return list;
}

/** @param {import("./engine.js").Result} result */
function notes(result) {
  if (result.notes.length === 0) return [];
  const list = make("ul", { class: "notes", "aria-label": t("notes"), lang: "en" });
  list.append(...result.notes.map((note) => make("li", {}, sentence(note))));
  return [list];
}

/** @param {string} note */
function sentence(note) {
  return note.charAt(0).toUpperCase() + note.slice(1) + (/[.!?]$/.test(note) ? "" : ".");
}
