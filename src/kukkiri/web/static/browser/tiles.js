/**
 * Tiles with the margin of the receptive field: every kept pixel sees all that it depends on, so tiled equals whole.
 *
 * All tiles of an image have one size (onnxruntime-web plans its memory once): a tile at the border is moved inwards
 * and reads more margin instead of less. At the image's own border the network's padding applies, as for the whole.
 */

/** @typedef {{read: number, write: number, end: number}} Piece reads from `read` on, keeps [write, end) */
/** @typedef {{height: number, width: number}} Size */

export const CORE = 192; // LR pixels along a side: 0.1 to 1 s of one thread, so that progress and cancel are prompt

/**
 * Cut one side.
 * @param {number} length pixels
 * @param {number} margin pixels on either side
 * @param {number} core pixels that a tile keeps at most
 * @returns {{side: number, pieces: Piece[]}} the length that each tile reads, and where
 */
export function cutSide(length, margin, core = CORE) {
  if (length <= core + 2 * margin) return { side: length, pieces: [{ read: 0, write: 0, end: length }] };
  const count = Math.ceil(length / core);
  const kept = Math.ceil(length / count); // equal pieces rather than a sliver at the end
  const side = Math.min(kept + 2 * margin, length);
  const pieces = [];
  for (let write = 0; write < length; write += kept) {
    const read = Math.min(Math.max(write - margin, 0), length - side);
    pieces.push({ read, write, end: Math.min(write + kept, length) });
  }
  return { side, pieces };
}

/**
 * Number of tiles of an image.
 * @param {Size} size
 * @param {number} margin
 */
export function countTiles(size, margin) {
  return cutSide(size.height, margin).pieces.length * cutSide(size.width, margin).pieces.length;
}

/**
 * Run a network over a plane, tile by tile.
 * @param {Float32Array} plane
 * @param {Size} size
 * @param {{scale: number, margin: number, run: (tile: Float32Array, size: Size) => Promise<Float32Array>}} network
 * @param {() => void} onTile called after each tile
 * @returns {Promise<Float32Array>} not clamped
 */
export async function runTiled(plane, size, { scale, margin, run }, onTile) {
  const rows = cutSide(size.height, margin);
  const columns = cutSide(size.width, margin);
  const tileSize = { height: rows.side, width: columns.side };
  const width = size.width * scale;
  const result = new Float32Array(size.height * scale * width);
  for (const row of rows.pieces) {
    for (const column of columns.pieces) {
      const tile = new Float32Array(tileSize.height * tileSize.width);
      for (let y = 0; y < tileSize.height; y++) {
        const start = (row.read + y) * size.width + column.read;
        tile.set(plane.subarray(start, start + tileSize.width), y * tileSize.width);
      }
      const sr = await run(tile, tileSize);
      const left = (column.write - column.read) * scale;
      const kept = (column.end - column.write) * scale;
      for (let y = row.write * scale; y < row.end * scale; y++) {
        const start = (y - row.read * scale) * tileSize.width * scale + left;
        result.set(sr.subarray(start, start + kept), y * width + column.write * scale);
      }
      onTile();
    }
  }
  return result;
}
