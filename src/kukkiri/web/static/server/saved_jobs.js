/** Jobs that this tab has sent, so that they are there again after a reload. Nobody else's: the ids are the only way to them. */

const STORED = "kukkiri.jobs";

/** @returns {{id: string, name: string}[]} */
export function list() {
  try {
    const jobs = JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
    return Array.isArray(jobs) ? jobs.filter((job) => typeof job?.id === "string" && typeof job.name === "string") : [];
  } catch {
    return [];
  }
}

/**
 * @param {string} id
 * @param {string} name
 */
export function add(id, name) {
  store([...list().filter((job) => job.id !== id), { id, name }]);
}

/** @param {string} id */
export function remove(id) {
  store(list().filter((job) => job.id !== id));
}

/** @param {{id: string, name: string}[]} jobs */
function store(jobs) {
  try {
    sessionStorage.setItem(STORED, JSON.stringify(jobs));
  } catch {
    // storage is full or forbidden: only the memory over a reload is lost
  }
}
