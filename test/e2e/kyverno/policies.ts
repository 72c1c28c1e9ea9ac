import { readFileSync } from "node:fs"
import { join } from "node:path"

// The policies that docs/kyverno.md shows, as a user has them who put in the address and the token.

export const dialects = ["CEL", "classic"] as const
export type Dialect = (typeof dialects)[number]

export interface Asking {
  /** Such as http://192.0.2.1:8080, or with /clusters/NAME after it. */
  readonly base: string
  /** Without one no header is sent. */
  readonly token?: string | undefined
}

const KINDS: Record<Dialect, string> = { CEL: "kind: ValidatingPolicy", classic: "kind: ClusterPolicy" }

const HEADERS: Record<Dialect, RegExp> = {
  CEL: /,\s*\{"Authorization": "Bearer TOKEN"\}/g,
  classic: / *headers: \[\{ key: Authorization, value: "Bearer TOKEN" \}\]\n/g,
}

/** The page's policies of one dialect. */
export function shownPolicies(dialect: Dialect): string {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/kyverno.md"), "utf8")
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block)
  const [policies, ...more] = blocks.filter((block) => block.includes(KINDS[dialect]))
  if (policies === undefined || more.length > 0)
    throw new Error(`docs/kyverno.md does not show ${dialect} policies once`)
  return policies
}

/** The policies that create what moves a volume's data, where there is something to move. */
export function generatingPolicies(dialect: Dialect): string {
  return readFileSync(join(import.meta.dirname, `generate-${dialect.toLowerCase()}.yaml`), "utf8")
}

export function filledIn(policies: string, dialect: Dialect, { base, token }: Asking): string {
  const headed =
    token === undefined
      ? replaced(policies, HEADERS[dialect], "")
      : replaced(policies, /Bearer TOKEN/g, `Bearer ${token}`)
  return replaced(headed, /http:\/\/nas\.example:8080/g, base)
}

/** What pvc-plumber's users have: an answer of their own in place of every error. */
export function withDefault(classic: string): string {
  const answer = '{ exists: false, decision: unknown, authoritative: false, error: "nas lookup failed" }'
  return replaced(classic, /^( *)service:\n/gm, `$1default: ${answer}\n$&`)
}

function replaced(text: string, pattern: RegExp, by: string): string {
  const changed = text.replace(pattern, by)
  if (changed === text) throw new Error(`the policies have nothing like ${pattern.source}`)
  return changed
}
