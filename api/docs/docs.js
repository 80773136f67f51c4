// Renders the server's own OpenAPI document. It needs nothing from elsewhere.
"use strict";

/** Makes an element; children are nodes or text. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.filter((c) => c !== undefined && c !== null));
  return node;
}

/** Text in which `code` is marked up. */
function prose(text) {
  const p = el("p");
  text.split("`").forEach((part, i) => p.append(i % 2 ? el("code", {}, part) : part));
  return p;
}

const methods = ["get", "post", "put", "patch", "delete"];

class Description {
  constructor(api) {
    this.api = api;
  }

  resolve(schema) {
    if (!schema?.$ref) return schema ?? {};
    return schema.$ref
      .slice(2)
      .split("/")
      .reduce((node, key) => node[key], this.api);
  }

  /** A type in a few words, such as "string (uuid)" or "Document[]". */
  type(schema) {
    if (schema?.$ref) return schema.$ref.split("/").pop();
    const s = schema ?? {};
    const types = [s.type ?? "any"].flat();
    const named = types.map((t) => (t === "array" ? `${this.type(s.items)}[]` : t)).join(" or ");
    return s.format ? `${named} (${s.format})` : named;
  }

  /** What a schema says beside its type. */
  notes(schema) {
    const s = this.resolve(schema);
    const notes = [];
    if (s.description) notes.push(s.description);
    if (s.enum) notes.push(`One of ${s.enum.join(", ")}.`);
    if (s.minimum !== undefined && s.maximum !== undefined) notes.push(`From ${s.minimum} to ${s.maximum}.`);
    if (s.default !== undefined) notes.push(`Default: ${s.default}.`);
    return notes.join(" ");
  }

  /** An example of a value, as JSON would have it. */
  example(schema, depth = 0) {
    const s = this.resolve(schema);
    if (s.examples?.length) return s.examples[0];
    if (s.enum) return s.enum[0];
    const type = [s.type].flat()[0];
    if (type === "object") {
      const entries = depth > 5 ? [] : Object.entries(s.properties ?? {});
      return Object.fromEntries(entries.map(([name, p]) => [name, this.example(p, depth + 1)]));
    }
    if (type === "array") return [this.example(s.items, depth + 1)];
    if (type === "integer" || type === "number") return s.default ?? s.minimum ?? 0;
    if (type === "boolean") return false;
    if (s.format === "uuid") return "0198c0de-0000-7000-8000-000000000000";
    if (s.format === "date-time") return "2026-01-31T12:00:00Z";
    return s.format ?? "…";
  }

  parameters(list) {
    const rows = list.map((p) =>
      el(
        "tr",
        {},
        el("td", {}, el("code", {}, p.name), p.required ? " *" : ""),
        el("td", { class: "quiet" }, p.in),
        el("td", {}, this.type(p.schema)),
        el("td", {}, [p.description, this.notes({ ...this.resolve(p.schema), description: undefined })].filter(Boolean).join(" ")),
      ),
    );
    return el("table", {}, el("tbody", {}, ...rows));
  }

  properties(schema) {
    const s = this.resolve(schema);
    const rows = Object.entries(s.properties ?? {}).map(([name, p]) =>
      el(
        "tr",
        {},
        el("td", {}, el("code", {}, name), (s.required ?? []).includes(name) ? " *" : ""),
        el("td", {}, this.type(p)),
        el("td", {}, this.notes(p)),
      ),
    );
    return el("table", {}, el("tbody", {}, ...rows));
  }

  operation(path, method, op) {
    const article = el("article", { id: op.operationId }, el("h3", {}, op.summary));
    article.append(el("p", { class: "call" }, el("b", {}, method.toUpperCase()), el("code", {}, path)));
    if (op.description) article.append(prose(op.description));
    if (!op.security) article.append(el("p", { class: "quiet" }, "Needs no login."));
    if (op.parameters?.length) article.append(el("h4", {}, "Parameters"), this.parameters(op.parameters));
    const body = op.requestBody?.content?.["application/json"]?.schema;
    if (body) {
      const example = JSON.stringify(this.example(body), null, 2);
      article.append(el("h4", {}, "Body"), this.properties(body), el("pre", {}, example));
    }
    article.append(el("h4", {}, "Answers"));
    const rows = Object.entries(op.responses).map(([status, response]) => {
      const kinds = Object.entries(response.content ?? {}).map(([media, m]) => `${this.type(m.schema)}, ${media}`);
      return el("tr", {}, el("td", {}, el("code", {}, status)), el("td", {}, response.description), el("td", { class: "quiet" }, kinds.join("; ")));
    });
    article.append(el("table", {}, el("tbody", {}, ...rows)));
    const good = Object.entries(op.responses).find(([status]) => status.startsWith("2"))?.[1]?.content?.["application/json"]?.schema;
    if (good) article.append(el("pre", {}, JSON.stringify(this.example(good), null, 2)));
    return article;
  }

  render() {
    const main = el("main", { id: "document" }, el("h1", {}, `${this.api.info.title} API`), prose(this.api.info.description));
    const link = el("a", { href: "/api/v1/openapi.json" }, "OpenAPI document");
    main.append(el("p", {}, link, ` (${this.api.openapi}). An asterisk marks what is required.`));
    const nav = el("nav", { id: "contents", "aria-label": "Operations" });
    for (const tag of this.api.tags) {
      nav.append(el("h2", {}, tag.name));
      main.append(el("h2", {}, tag.name), prose(tag.description));
      for (const [path, item] of Object.entries(this.api.paths)) {
        for (const method of methods) {
          const op = item[method];
          if (!op?.tags?.includes(tag.name)) continue;
          nav.append(el("a", { href: `#${op.operationId}` }, op.summary));
          main.append(this.operation(path, method, op));
        }
      }
    }
    main.append(el("h2", {}, "Errors"), this.properties({ $ref: "#/components/schemas/Problem" }));
    document.getElementById("contents").replaceWith(nav);
    document.getElementById("document").replaceWith(main);
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
}

fetch("/api/v1/openapi.json")
  .then((response) => {
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.json();
  })
  .then((api) => new Description(api).render())
  .catch((error) => {
    document.getElementById("document").append(el("p", { role: "alert" }, `That didn't work: ${error.message}`));
  });
