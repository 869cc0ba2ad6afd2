/** The list of the visitor's images: a row for each, with its state, its progress and what can be done with it. */

import { find, icon, make } from "./dom.js";
import { t } from "./strings.js";

/** @typedef {import("./queue.js").Item} Item */
/** @typedef {"cancel" | "retry" | "remove" | "download"} Act */

export class ListView {
  /** @param {{show: (item: Item) => void} & Record<Act, (item: Item) => void>} acts */
  constructor(acts) {
    this.list = find("#list", HTMLElement);
    this.acts = acts;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
  }

  /**
   * @param {Item[]} items
   * @param {Item | null} selected
   */
  draw(items, selected) {
    const keys = new Set(items.map((item) => item.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.root.remove();
      this.rows.delete(key);
    }
    for (const item of items) {
      let row = this.rows.get(item.key);
      if (row === undefined) {
        row = new Row(item, this.acts);
        this.rows.set(item.key, row);
        this.list.append(row.root);
      }
      row.draw(item === selected);
    }
  }

  /** @param {Item} item */
  focus(item) {
    this.rows.get(item.key)?.show.focus();
  }
}

class Row {
  /**
   * @param {Item} item
   * @param {ListView["acts"]} acts
   */
  constructor(item, acts) {
    this.item = item;
    const thumb = make("span", { class: "thumb" }, icon(item.clip ? "clip" : "image"));
    if (item.url !== null && !item.clip) {
      const image = make("img", { alt: "", src: item.url });
      image.addEventListener("load", () => thumb.replaceChildren(image));
    }
    this.state = make("span", { class: "state" });
    this.show = make("button", { type: "button", class: "show" }, thumb, make("span", { class: "name" }, item.name), this.state);
    this.show.addEventListener("click", () => acts.show(item));
    this.bar = make("progress", { max: "1" });
    this.error = make("div", { class: "problem", hidden: true });
    this.buttons = /** @type {Record<Act, HTMLButtonElement>} */ ({});
    const group = make("span", { class: "acts" });
    for (const act of /** @type {const} */ (["download", "cancel", "retry", "remove"])) {
      const button = make("button", { type: "button", class: "quiet", "data-act": act }, icon(act));
      button.addEventListener("click", () => acts[act](item));
      this.buttons[act] = button;
      group.append(button);
    }
    this.root = make("li", { class: "row-item" }, this.show, group, this.bar, this.error);
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Delete" && event.target === this.show) acts.remove(item);
    });
  }

  /** @param {boolean} selected */
  draw(selected) {
    const { item } = this;
    this.root.classList.toggle("selected", selected);
    this.root.dataset.state = item.state;
    if (selected) this.show.setAttribute("aria-current", "true");
    else this.show.removeAttribute("aria-current");
    this.state.textContent = describe(item);
    const { name } = item;
    for (const [act, button] of Object.entries(this.buttons)) {
      const label = t(/** @type {import("./strings.js").Key} */ (`${act}.of`), { name });
      button.setAttribute("aria-label", label);
      button.title = t(/** @type {import("./strings.js").Key} */ (act));
    }
    this.#show("cancel", !item.ended);
    this.#show("retry", (item.state === "failed" || item.state === "cancelled") && item.file !== null);
    this.#show("remove", item.ended);
    this.#show("download", item.state === "done");
    this.bar.hidden = item.ended;
    drawBar(this.bar, item);
    this.error.hidden = item.error === null || selected; // that of the selected image stands below the image
    this.error.replaceChildren(...(item.error === null ? [] : errorWords(item.error)));
  }

  /**
   * @param {Act} act
   * @param {boolean} offered
   */
  #show(act, offered) {
    const button = this.buttons[act];
    if (!offered && document.activeElement === button) this.show.focus(); // a hidden button would drop the focus to the page
    button.hidden = !offered;
  }
}

/**
 * @param {HTMLProgressElement} bar
 * @param {Item} item
 */
export function drawBar(bar, item) {
  const total = item.progress?.total ?? 0;
  if (total > 0 && item.progress) bar.value = Math.min(1, item.progress.done / total);
  else bar.removeAttribute("value");
  bar.setAttribute("aria-label", t("progress.of", { name: item.name }));
}

/**
 * @param {Item} item
 * @returns {string}
 */
export function describe(item) {
  const { state, progress } = item;
  const total = progress?.total ?? 0;
  const percent = total > 0 && progress ? `${Math.round((100 * progress.done) / total)} %` : "";
  if (state === "queued" && progress?.position === 0) return t("state.queued.full");
  if (state === "queued" && progress?.position) return t("state.queued.at", { n: progress.position });
  if (state === "running" && progress && item.clip && progress.done > 0) {
    return total > 0 ? t("state.frames", { done: progress.done, total }) : t("state.frame", { done: progress.done });
  }
  if (state === "running" && progress) return total > 0 ? t("state.running", { done: progress.done, total }) : t("state.starting");
  if (state === "uploading" || state === "loading") return percent ? t(`state.${state}`, { percent }) : t("state.starting");
  return t(`state.${state}`);
}

/**
 * @param {import("./engine.js").EngineError} error
 * @returns {HTMLElement[]}
 */
export function errorWords(error) {
  const parts = make("dl", {});
  for (const part of /** @type {const} */ (["got", "expected", "remedy"])) {
    const text = error[part];
    if (text) parts.append(make("dt", {}, t(`error.${part}`)), make("dd", {}, text));
  }
  return [make("strong", {}, error.what), parts];
}
