// The page on the API: every address of openapi.json with its parameters, body and answers.

/** @typedef {{type?: string, enum?: string[], items?: Schema, format?: string, minimum?: number, maximum?: number, exclusiveMinimum?: number,
 *   minItems?: number, pattern?: string, default?: unknown, description?: string, properties?: Record<string, Schema>, required?: string[],
 *   anyOf?: Schema[], $ref?: string, examples?: unknown[]}} Schema */
/** @typedef {{name: string, in: string, required?: boolean, description?: string, schema: Schema}} Parameter */
/** @typedef {{description: string, content?: Record<string, {schema: Schema}>}} Answer */
/** @typedef {{summary: string, description?: string, tags?: string[], parameters?: Parameter[],
 *   requestBody?: {description?: string, content: Record<string, {schema: Schema}>}, responses: Record<string, Answer>}} Operation */
/** @typedef {{paths: Record<string, Record<string, Operation>>, components?: {schemas?: Record<string, Schema>}}} Description */

const GROUPS = { upscale: "Upscale", jobs: "Jobs", about: "The server", operation: "Operation" };

/**
 * @param {string} name of the element
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The kind and range of a value, in words. @param {Schema} schema @returns {string} */
function describe(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop() ?? "";
  if (schema.anyOf) return schema.anyOf.map(describe).join(" or ");
  if (schema.type === "array") return `list of ${describe(schema.items ?? {})}`;
  if (schema.format === "binary") return "file";
  const parts = [schema.enum ? schema.enum.join(", ") : schema.type ?? "value"];
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${schema.exclusiveMinimum}`);
  if (schema.minimum !== undefined) parts.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) parts.push(`to ${schema.maximum}`);
  if (schema.examples) parts.push(`such as ${schema.examples[0]}`);
  if (schema.default !== undefined) parts.push(`by default ${schema.default}`);
  return parts.join(schema.enum ? "; " : ", ");
}

/** @param {string} title @param {[string, string, string][]} rows name, kind, meaning */
function table(title, rows) {
  const lines = rows.map(([name, kind, meaning]) =>
    make("tr", {}, make("th", { scope: "row" }, make("code", {}, name)), make("td", { class: "kind" }, kind), make("td", {}, meaning)),
  );
  return [make("h3", {}, title), make("div", { class: "table" }, make("table", {}, make("tbody", {}, ...lines)))];
}

/** @param {Operation} operation @returns {[string, string, string][]} */
function listBody(operation) {
  const content = operation.requestBody?.content ?? {};
  return Object.entries(content).map(([type, { schema }]) => [
    type,
    schema.properties ? "form" : describe(schema),
    schema.properties ? `parts: ${Object.keys(schema.properties).join(", ")}` : "the file itself",
  ]);
}

/** @param {Operation} operation @returns {[string, string, string][]} */
function listAnswers(operation) {
  return Object.entries(operation.responses).map(([status, answer]) => [
    status,
    Object.entries(answer.content ?? {}).map(([type, { schema }]) => (type === "application/json" ? describe(schema) : type)).join(", "),
    answer.description,
  ]);
}

/** @param {string} path @param {string} method @param {Operation} operation */
function showOperation(path, method, operation) {
  const body = make("div", { class: "body" });
  if (operation.description) body.append(make("p", {}, operation.description));
  if (operation.parameters?.length) {
    const rows = operation.parameters.map(
      (parameter) => /** @type {[string, string, string]} */ ([parameter.name, describe(parameter.schema), parameter.description ?? ""]),
    );
    body.append(...table("Parameters", rows));
  }
  if (operation.requestBody) body.append(...table("Body", listBody(operation)));
  body.append(...table("Answers", listAnswers(operation)));
  const summary = make(
    "summary",
    {},
    make("span", { class: "method" }, method.toUpperCase()),
    make("span", { class: "path" }, path),
    make("span", { class: "summary" }, operation.summary),
  );
  return make("details", { class: "operation" }, summary, body);
}

/** @param {Description} api */
function show(api) {
  const place = /** @type {HTMLElement} */ (document.getElementById("operations"));
  place.replaceChildren();
  for (const [tag, title] of Object.entries(GROUPS)) {
    place.append(make("h2", { class: "group" }, title));
    for (const [path, operations] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.tags?.includes(tag)) place.append(showOperation(path, method, operation));
      }
    }
  }
  const schemas = Object.entries(api.components?.schemas ?? {});
  place.append(make("h2", { class: "group" }, "JSON"));
  for (const [name, schema] of schemas) {
    const rows = Object.entries(schema.properties ?? {}).map(
      ([field, part]) => /** @type {[string, string, string]} */ ([field, describe(part), part.description ?? ""]),
    );
    const summary = make("summary", {}, make("span", { class: "path" }, name), make("span", { class: "summary" }, schema.description ?? ""));
    place.append(make("details", { class: "operation" }, summary, make("div", { class: "body" }, ...table("Fields", rows))));
  }
}

const example = document.getElementById("example");
if (example) {
  const root = new URL(".", location.href).href;
  example.textContent = `curl --data-binary @photo.jpg "${root}v1/upscale?scale=2" -o large.jpg`;
}
show(await (await fetch("openapi.json")).json());

export {};
