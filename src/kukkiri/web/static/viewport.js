/** The part of an image that a pane shows: arithmetic only, so that it can be tested without a page. */

const LARGEST = 16;

/** CSS pixels for one pixel of the image (`scale`), and the point of the image in the middle of the pane (`x`, `y`). */
export class Viewport {
  constructor() {
    this.image = { width: 1, height: 1 };
    this.pane = { width: 1, height: 1 };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
  }

  /** The scale at which the whole image is seen; small images are enlarged up to four times. */
  get fitScale() {
    return Math.min(this.pane.width / this.image.width, this.pane.height / this.image.height, 4);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  setImage(width, height) {
    this.image = { width, height };
    this.fit();
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  setPane(width, height) {
    this.pane = { width: Math.max(1, width), height: Math.max(1, height) };
    if (this.fitted) this.fit();
    else this.#clamp();
  }

  fit() {
    this.fitted = true;
    this.scale = this.fitScale;
    this.x = this.image.width / 2;
    this.y = this.image.height / 2;
  }

  /**
   * Zooms so that the point of the image under (`left`, `top`) stays there.
   * @param {number} scale
   * @param {number} [left] CSS pixels from the pane's left edge; its middle when not given
   * @param {number} [top]
   */
  zoomTo(scale, left = this.pane.width / 2, top = this.pane.height / 2) {
    const wanted = Math.min(Math.max(scale, Math.min(this.fitScale, 1)), Math.max(LARGEST, this.fitScale));
    const dx = left - this.pane.width / 2;
    const dy = top - this.pane.height / 2;
    this.x += dx / this.scale - dx / wanted;
    this.y += dy / this.scale - dy / wanted;
    this.scale = wanted;
    this.fitted = Math.abs(wanted / this.fitScale - 1) < 1e-3;
    if (this.fitted) this.fit();
    else this.#clamp();
  }

  /**
   * @param {number} dx CSS pixels by which the image moves to the right
   * @param {number} dy
   */
  moveBy(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.#clamp();
  }

  /** Whether the image is larger than the pane, so that it can be moved. */
  get movable() {
    return this.image.width * this.scale > this.pane.width + 1 || this.image.height * this.scale > this.pane.height + 1;
  }

  /** The image's rectangle in CSS pixels of the pane. */
  get rectangle() {
    return {
      left: this.pane.width / 2 - this.x * this.scale,
      top: this.pane.height / 2 - this.y * this.scale,
      width: this.image.width * this.scale,
      height: this.image.height * this.scale,
    };
  }

  #clamp() {
    this.x = clampAxis(this.x, this.image.width, this.pane.width / this.scale);
    this.y = clampAxis(this.y, this.image.height, this.pane.height / this.scale);
  }
}

/**
 * @param {number} centre
 * @param {number} length of the image
 * @param {number} seen of it
 */
function clampAxis(centre, length, seen) {
  return length <= seen ? length / 2 : Math.min(Math.max(centre, seen / 2), length - seen / 2);
}
