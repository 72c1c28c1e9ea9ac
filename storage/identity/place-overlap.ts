import { type NamespaceRules, servesNamespace } from "./namespaces.js"
import type { PathTemplate } from "./path-template.js"
import { type Bindings, match } from "./template.js"

/** How a directory lies to the repositories of a declaration. */
export type PlaceRelation = "is" | "holds" | "lies in"

/**
 * How a directory below the store lies to the repositories that a template names, or may name once there are more volumes. `path`
 * is "" for the store itself; no template: the store itself is the repository. Undefined: it has nothing to do with any of them.
 */
export function relationTo(
  template: PathTemplate | undefined,
  rules: NamespaceRules,
  path: string,
): PlaceRelation | undefined {
  const wanted = template?.segments ?? []
  const parts = path === "" ? [] : path.split("/")
  let bindings: readonly Bindings[] = [{}]
  for (const [at, segment] of wanted.slice(0, parts.length).entries()) {
    bindings = bindings.flatMap((bound) => match(segment, parts[at] ?? "", bound))
  }
  // A tree of several clusters may be divided by namespace: the others' folders are not this declaration's.
  const possible = bindings.some(
    ({ namespace }) => namespace === undefined || servesNamespace(rules, namespace),
  )
  if (!possible) return undefined
  if (parts.length === wanted.length) return "is"
  return parts.length < wanted.length ? "holds" : "lies in"
}
