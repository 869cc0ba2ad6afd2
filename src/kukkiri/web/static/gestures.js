/** Pointer and wheel on the viewer's stage: slide, pan, pinch, zoom. */

/** @typedef {import("./viewer.js").Viewer} Viewer */

const NEAR = 28; // CSS pixels from the border within which a pointer takes the slider

/**
 * @param {HTMLElement} stage
 * @param {Viewer} viewer
 */
export function follow(stage, viewer) {
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let slides = false;

  /** @param {MouseEvent} event */
  const place = (event) => {
    const pane = (event.target instanceof Element && event.target.closest(".pane")) || stage;
    const box = pane.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  /** @param {number} x */
  const slideTo = (x) => {
    const { from, width } = viewer.seen;
    viewer.setSplit(((x - from) / width) * 100);
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = place(event);
    pointers.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
    const { from, width } = viewer.seen;
    const near = Math.abs(at.x - (from + (width * viewer.split) / 100)) < NEAR;
    slides = pointers.size === 1 && viewer.compares && !viewer.side && (near || !viewer.viewport.movable);
    if (slides) slideTo(at.x);
    stage.classList.toggle("dragging", !slides && viewer.viewport.movable);
  });

  stage.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (last === undefined) return;
    const box = stage.getBoundingClientRect();
    const at = slides ? { x: event.clientX - box.left, y: event.clientY - box.top } : moved(last, event);
    if (slides) slideTo(at.x);
    else if (pointers.size === 2) pinch(viewer, pointers, event.pointerId, at);
    else viewer.viewport.moveBy(event.movementX, event.movementY);
    pointers.set(event.pointerId, at);
    viewer.draw();
  });

  for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
    stage.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) slides = false;
      stage.classList.remove("dragging");
    });
  }

  // The wheel belongs to the page until the image was clicked, or Ctrl is held (which is what a pinch on a touch pad sends).
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !stage.contains(document.activeElement)) return;
    if (event.deltaY > 0 && viewer.viewport.fitted && !event.ctrlKey) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const at = place(event);
    viewer.viewport.zoomTo(viewer.viewport.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), at.x, at.y);
    viewer.draw();
  }, { passive: false });

  stage.addEventListener("dblclick", (event) => {
    const at = place(event);
    if (viewer.viewport.fitted) viewer.viewport.zoomTo(Math.max(1 / devicePixelRatio, viewer.viewport.scale * 3), at.x, at.y);
    else viewer.viewport.fit();
    viewer.draw();
  });
}

/**
 * @param {{x: number, y: number}} last
 * @param {PointerEvent} event
 */
function moved(last, event) {
  return { x: last.x + event.movementX, y: last.y + event.movementY };
}

/**
 * @param {Viewer} viewer
 * @param {Map<number, {x: number, y: number}>} pointers
 * @param {number} id of the pointer that moved
 * @param {{x: number, y: number}} at its new place
 */
function pinch(viewer, pointers, id, at) {
  const last = pointers.get(id);
  const other = [...pointers].find(([pointer]) => pointer !== id)?.[1];
  if (last === undefined || other === undefined) return;
  const before = Math.hypot(last.x - other.x, last.y - other.y);
  const now = Math.hypot(at.x - other.x, at.y - other.y);
  if (before > 0) viewer.viewport.zoomTo((viewer.viewport.scale * now) / before, (at.x + other.x) / 2, (at.y + other.y) / 2);
  viewer.viewport.moveBy((at.x - last.x) / 2, (at.y - last.y) / 2);
}
