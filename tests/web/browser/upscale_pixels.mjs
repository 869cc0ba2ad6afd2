// Upscales raw samples in Node with a stand-in network: nearest neighbours, a stronger contrast and a checkerboard.
// node upscale_pixels.mjs MODULES SPEC.json < floats > floats; the planes follow one another, alpha last.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const { upscalePixels } = await import(new URL("upscaling.js", pathToFileURL(`${modules}/`)));
const { height, width, channels, alpha, networks, size, ensemble } = JSON.parse(readFileSync(file, "utf8"));
const bytes = readFileSync(0);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const planes = Array.from({ length: samples.length / (height * width) }, (_, at) =>
  samples.slice(at * height * width, (at + 1) * height * width),
);
const stand = ({ scale, gain, checker }) => ({
  scale,
  margin: 3,
  run: async (tile, shape) => {
    const across = shape.width * scale;
    return Float32Array.from({ length: shape.height * scale * across }, (_, at) => {
      const [y, x] = [Math.floor(at / across), at % across];
      const value = tile[Math.floor(y / scale) * shape.width + Math.floor(x / scale)];
      return 0.5 + gain * (value - 0.5) + ((x + y) % 2 ? checker : -checker);
    });
  },
});
const calls = [];
const result = await upscalePixels(
  { height, width, colour: planes.slice(0, channels), alpha: alpha ? planes[channels] : null, depth: 8 },
  { networks: networks.map(stand), size, ensemble, onProgress: (done, total) => calls.push([done, total]) },
);
const [first, last] = [calls[0], calls.at(-1)];
if (calls.length && (first[0] !== 0 || last[0] !== last[1])) throw new Error(`progress ends at ${last}`);
for (const plane of result.alpha ? [...result.colour, result.alpha] : result.colour) {
  const data = Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength);
  for (let at = 0; at < data.length; ) at += writeSync(1, data, at);
}
