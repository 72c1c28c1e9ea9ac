import { StorageError } from "../errors.js"

/** What a template's placeholders stand for. `{app}` is written for `{pvc}` where a PVC is named like its app. */
export type Placeholder = "pvc" | "namespace" | "cluster"
export type Values = Readonly<Record<Placeholder, string>>

export type TemplatePart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "placeholder"; readonly name: Placeholder }

export type Template = readonly TemplatePart[]

const PLACEHOLDERS: Readonly<Record<string, Placeholder>> = {
  pvc: "pvc",
  app: "pvc",
  namespace: "namespace",
  cluster: "cluster",
}

/** Parses text with `{pvc}`, `{app}`, `{namespace}` and `{cluster}`. Throws StorageError `invalid` for any other brace. */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = []
  for (const piece of text.split(/(\{[^{}]*\})/)) {
    if (piece === "") continue
    const name = piece.startsWith("{") && piece.endsWith("}") ? PLACEHOLDERS[piece.slice(1, -1)] : undefined
    if (name !== undefined) parts.push({ kind: "placeholder", name })
    else if (!/[{}]/.test(piece)) parts.push({ kind: "literal", text: piece })
    else {
      throw new StorageError(
        "invalid",
        `${JSON.stringify(text)}: ${JSON.stringify(piece)} is no placeholder`,
        {
          hint: "Placeholders are {pvc}, {app} (the same), {namespace} and {cluster}.",
        },
      )
    }
  }
  return parts
}

export function names(template: Template, placeholder: Placeholder): boolean {
  return template.some((part) => part.kind === "placeholder" && part.name === placeholder)
}

export function render(template: Template, values: Values): string {
  return template.map((part) => (part.kind === "literal" ? part.text : values[part.name])).join("")
}

/** What is known of the placeholders. */
export type Bindings = Readonly<Partial<Record<Placeholder, string>>>

/** No name in Kubernetes is longer. It keeps a repository's odd identities from costing more than they are worth. */
const LONGEST_NAME = 253

/** Every way in which the template gives `text`, given what is bound already. Placeholders are never empty. */
export function match(template: Template, text: string, bound: Bindings): Bindings[] {
  const [part, ...rest] = template
  if (part === undefined) return text === "" ? [bound] : []
  const known = part.kind === "literal" ? part.text : bound[part.name]
  if (known !== undefined) return text.startsWith(known) ? match(rest, text.slice(known.length), bound) : []
  if (part.kind === "literal") return []
  if (rest.length === 0) {
    return text === "" || text.length > LONGEST_NAME ? [] : [{ ...bound, [part.name]: text }]
  }
  const found: Bindings[] = []
  for (let length = 1; length <= Math.min(text.length, LONGEST_NAME); length++) {
    found.push(...match(rest, text.slice(length), { ...bound, [part.name]: text.slice(0, length) }))
  }
  return found
}
