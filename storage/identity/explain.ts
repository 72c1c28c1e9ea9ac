import { applyTemplate, type Convention, type IdentityTemplate, sameTemplate } from "./convention.js"
import { formatIdentity, type KopiaIdentity } from "./kopia-identity.js"
import { USER_NAME_LENGTH } from "./mover.js"
import type { Naming } from "./naming.js"
import { type Bindings, match, type Template } from "./template.js"
import { isNamespace, isPvcName, type VolumeName, volumeKey } from "./volume-name.js"

/** A volume whose backups an identity may hold, by a convention. */
export interface Explanation {
  readonly volume: VolumeName
  /** The user name fills the mover's 50 characters: `volume.pvc` may be only the beginning of the name. */
  readonly cut: boolean
}

/**
 * The volumes that the conventions explain an identity with, the plain names first met. A name whose dots the mover dropped
 * comes back without them. Empty: no convention explains it.
 */
export function explain(identity: KopiaIdentity, naming: Naming): Explanation[] {
  // A mover that could not set its identity writes under its pod's name, which looks like a namespace and is none.
  if (isPodName(identity.host)) return []
  const found = new Map<string, Explanation>()
  for (const convention of naming.conventions) {
    for (const template of templatesOf(convention)) {
      for (const explanation of explainBy(template, convention.verbatim, identity, naming.cluster)) {
        const key = volumeKey(explanation.volume)
        if (!found.has(key)) found.set(key, explanation)
      }
    }
  }
  return [...found.values()]
}

export function isPodName(host: string): boolean {
  return /^volsync-(src|dst)-/.test(host)
}

function templatesOf({ written, read }: Convention): IdentityTemplate[] {
  return sameTemplate(written, read) ? [written] : [written, read]
}

function explainBy(
  template: IdentityTemplate,
  verbatim: boolean,
  identity: KopiaIdentity,
  cluster: string,
): Explanation[] {
  // Without a cluster of that name, {cluster} could swallow a part of anything.
  const bound: Bindings = { cluster }
  const outside = match(template.host, identity.host, bound).flatMap((host) =>
    match(template.path, identity.path, host),
  )
  const user = verbatim ? template.user : template.user.map(sanitisedLiteral)
  const full = verbatim ? undefined : USER_NAME_LENGTH
  return outside.flatMap((bindings) => [
    ...match(user, identity.user, bindings).flatMap((binding) => {
      const volume = volumeFrom(binding)
      if (volume === undefined) return []
      const applied = applyTemplate(template, volume, cluster, verbatim)
      if (formatIdentity(applied.identity) !== formatIdentity(identity)) return []
      return [{ volume, cut: identity.user.length === full && endsOpen(user) }]
    }),
    ...(identity.user.length === full ? explainCut(user, identity.user, bindings) : []),
  ])
}

/** A user name of full length may have lost a part of the literal that ends its template, such as "-backup". */
function explainCut(user: Template, text: string, bindings: Bindings): Explanation[] {
  const last = user.at(-1)
  if (last?.kind !== "literal") return []
  const found: Explanation[] = []
  for (let kept = 0; kept < last.text.length; kept++) {
    const shortened = [...user.slice(0, -1), { kind: "literal" as const, text: last.text.slice(0, kept) }]
    for (const binding of match(shortened, text, bindings)) {
      const volume = volumeFrom(binding)
      if (volume !== undefined) found.push({ volume, cut: true })
    }
  }
  return found
}

function endsOpen(user: Template): boolean {
  return user.at(-1)?.kind === "placeholder"
}

function sanitisedLiteral(part: Template[number]): Template[number] {
  return part.kind === "literal" ? { kind: "literal", text: part.text.replace(/[^A-Za-z0-9_-]/g, "") } : part
}

function volumeFrom({ namespace, pvc }: Bindings): VolumeName | undefined {
  if (namespace === undefined || pvc === undefined) return undefined
  return isNamespace(namespace) && isPvcName(pvc) ? { namespace, pvc } : undefined
}
