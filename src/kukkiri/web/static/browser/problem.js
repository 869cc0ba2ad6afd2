/** A mistake of the user or a limit of the browser, in the four parts of every message of kukkiri. */
export class Problem extends Error {
  /** @param {{what: string, got?: string | null, expected?: string | null, remedy?: string | null, status?: number}} parts */
  constructor({ what, got = null, expected = null, remedy = null, status = 422 }) {
    super(what);
    this.name = "Problem";
    this.parts = { what, got, expected, remedy, status };
  }
}
