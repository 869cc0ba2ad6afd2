/** The comparison of an image before and after: a slider over one image, or both side by side, with zoom and pan. */

import { find } from "./dom.js";
import { follow } from "./gestures.js";
import { t } from "./strings.js";
import { Viewport } from "./viewport.js";

const STEP = 48; // CSS pixels that an arrow key moves
const SHARP = 3; // from this zoom on, pixels are shown as squares

export class Viewer {
  constructor() {
    this.root = find("#viewer", HTMLElement);
    this.stage = find(".stage", HTMLElement, this.root);
    this.before = find(".pane.before img", HTMLImageElement, this.root);
    this.after = find(".pane.after img", HTMLImageElement, this.root);
    this.handle = find(".handle", HTMLElement, this.root);
    this.readout = find("#zoom-now", HTMLElement, this.root);
    this.viewport = new Viewport();
    this.side = false;
    this.split = 50;
    this.name = "";
    this.compares = false;
    follow(this.stage, this);
    this.stage.addEventListener("keydown", (event) => this.#onKey(event));
    this.handle.addEventListener("keydown", (event) => this.#onHandleKey(event));
    new ResizeObserver(() => this.resize()).observe(this.stage);
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.setSide(button.getAttribute("data-view") === "side"));
    }
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(button.getAttribute("data-zoom") ?? "fit"));
    }
  }

  /**
   * Shows an image, or the two of a comparison at the size of the result.
   * @param {{name: string, before: string | null, after: string | null, width: number, height: number}} shown URLs; the size is
   *   that of the result, or of the input while there is none
   */
  show({ name, before, after, width, height }) {
    this.name = name;
    this.compares = before !== null && after !== null;
    this.root.classList.toggle("compares", this.compares);
    this.root.classList.toggle("only-after", before === null && after !== null);
    setSource(this.before, before);
    setSource(this.after, after);
    const size = this.viewport.image;
    if (size.width !== width || size.height !== height) {
      this.stage.style.setProperty("--aspect", String(width / height));
      this.viewport.setImage(width, height);
    }
    this.label();
    this.setSide(this.side && this.compares);
  }

  /** Writes the words anew: another image, or another language. */
  label() {
    this.before.alt = t("alt.before", { name: this.name });
    this.after.alt = t("alt.after", { name: this.name });
    this.stage.setAttribute("aria-label", t("stage", { name: this.name }));
    this.handle.setAttribute("aria-label", t("split"));
    this.draw();
  }

  /** @param {boolean} side side by side, at 100 % */
  setSide(side) {
    const changed = side !== this.side;
    this.side = side;
    this.root.classList.toggle("side", side);
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String((button.getAttribute("data-view") === "side") === side));
    }
    this.resize();
    if (changed) this.zoom(side ? "full" : "fit");
  }

  resize() {
    const pane = find(".pane.before", HTMLElement, this.root);
    const shown = pane.clientWidth > 0 ? pane : find(".pane.after", HTMLElement, this.root);
    this.viewport.setPane(shown.clientWidth, shown.clientHeight);
    this.draw();
  }

  /** @param {string} how "in", "out", "fit" or "full" (one pixel of the result on one of the screen) */
  zoom(how) {
    if (how === "fit") this.viewport.fit();
    else if (how === "full") this.viewport.zoomTo(1 / window.devicePixelRatio);
    else this.viewport.zoomTo(this.viewport.scale * (how === "in" ? 1.5 : 1 / 1.5));
    this.draw();
  }

  /** @param {number} percent of the seen image that is "before" */
  setSplit(percent) {
    this.split = Math.min(100, Math.max(0, percent));
    this.draw();
  }

  /** The seen part of the image, in CSS pixels of the stage: the slider moves over it. */
  get seen() {
    const { left, width } = this.viewport.rectangle;
    const from = Math.max(0, left);
    return { from, width: Math.max(1, Math.min(this.viewport.pane.width, left + width) - from) };
  }

  draw() {
    const { left, top, width, height } = this.viewport.rectangle;
    const style = this.stage.style;
    style.setProperty("--left", `${left}px`);
    style.setProperty("--top", `${top}px`);
    style.setProperty("--width", `${width}px`);
    style.setProperty("--height", `${height}px`);
    const { from, width: seen } = this.seen;
    style.setProperty("--from", `${from}px`);
    style.setProperty("--to", `${from + seen}px`);
    style.setProperty("--split", `${from + (seen * this.split) / 100}px`);
    const zoom = this.viewport.scale * window.devicePixelRatio;
    this.root.classList.toggle("sharp", zoom >= SHARP);
    this.root.classList.toggle("movable", this.viewport.movable);
    this.readout.textContent = `${Math.round(zoom * 100)} %`;
    const split = Math.round(this.split);
    this.handle.setAttribute("aria-valuenow", String(split));
    this.handle.setAttribute("aria-valuetext", t("split.now", { percent: `${split} %` }));
    this.root.classList.toggle("mostly-after", this.split < 12);
    this.root.classList.toggle("mostly-before", this.split > 88);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.stage) return;
    const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const zooms = { "+": "in", "=": "in", "-": "out", "0": "fit", "1": "full" };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    const zoom = zooms[/** @type {keyof typeof zooms} */ (event.key)];
    if (move && !this.viewport.movable) return;
    if (move) this.viewport.moveBy(move[0], move[1]);
    else if (zoom) this.zoom(zoom);
    else return;
    event.preventDefault();
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #onHandleKey(event) {
    const size = event.shiftKey ? 10 : 2;
    const steps = { ArrowLeft: -size, ArrowDown: -size, ArrowRight: size, ArrowUp: size, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.setSplit(this.split + step);
  }
}

/**
 * @param {HTMLImageElement} image
 * @param {string | null} source
 */
function setSource(image, source) {
  if (source === null) image.removeAttribute("src");
  else if (image.getAttribute("src") !== source) image.src = source;
}
