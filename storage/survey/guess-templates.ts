import { isNamespace, isPvcName, pathsMeet } from "../identity/index.js"
import { isProgramName, isRoleName } from "./folder-words.js"
import { whyInexpressible } from "./expressible.js"

/** What else is known of volumes, from other repositories and from who asks. */
export interface TemplateEvidence {
  readonly namespaces: ReadonlySet<string>
  /** From a PVC's name to the namespaces in which one of that name was seen. */
  readonly namespacesOf: ReadonlyMap<string, ReadonlySet<string>>
  /** The namespace of volumes whose directories do not say it; undefined: nobody said. */
  readonly namespace: string | undefined
  /** Paths of other repositories in the same store. */
  readonly taken: readonly string[]
}

export interface GuessedTemplate {
  readonly path: string
  /** From a name in the path to its namespace, for templates without `{namespace}`. */
  readonly namespaceOf: Readonly<Record<string, string>>
  /** The directories that it explains. */
  readonly directories: readonly string[]
  /** The one namespace that it is about; undefined: any. Such templates are the parts of one layout. */
  readonly only: string | undefined
  /** What speaks against it; undefined: nothing. */
  readonly doubt: string | undefined
}

export interface TemplateGuess {
  readonly templates: readonly GuessedTemplate[]
  /** Directories that no template explains. */
  readonly singles: readonly string[]
  /** Those that a document cannot hold beside the others. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[]
}

/**
 * Finds the templates by which directories of restic repositories, relative to their store, are the places of volumes. Every
 * directory is in exactly one of `directories`, `singles` and `leftOut`, and no two paths of the result meet.
 */
export function guessPathTemplates(
  directories: readonly string[],
  evidence: TemplateEvidence,
): TemplateGuess {
  const accepted: GuessedTemplate[] = []
  const leftOut: { path: string; why: string }[] = []
  const open = new Set<string>()
  for (const path of directories) {
    const why = whyInexpressible(path)
    if (why === undefined) open.add(path)
    else leftOut.push({ path, why })
  }
  const accept = (template: GuessedTemplate): boolean => {
    const others = [...evidence.taken, ...accepted.map(({ path }) => path)]
    if (others.some((path) => pathsMeet(path, template.path))) return false
    accepted.push(template)
    for (const path of template.directories) open.delete(path)
    return true
  }
  acceptBest(open, evidence, accept)
  for (const template of joinedTemplates(open, evidence)) accept(template)
  for (const template of pvcTemplates(open, evidence)) accept(template)
  const singles: string[] = []
  for (const path of open) {
    const other = accepted.find((template) => pathsMeet(template.path, path))
    if (other === undefined) singles.push(path)
    else leftOut.push({ path, why: `it lies among those of ${other.path}, which do not explain it` })
  }
  return { templates: accepted, singles, leftOut }
}

interface Candidate {
  readonly path: string
  readonly directories: string[]
  readonly namespaces: Map<string, { pvc: string; directory: string }[]>
}

/** So many layouts in one tree are no layouts any more. */
const MOST_TEMPLATES = 50

/** Templates with a folder for the namespace: the one that explains the most first, until none is convincing. */
function acceptBest(
  open: ReadonlySet<string>,
  evidence: TemplateEvidence,
  accept: (template: GuessedTemplate) => boolean,
): void {
  const tried = new Set<string>()
  while (tried.size < MOST_TEMPLATES) {
    const best = candidatesIn(open)
      .filter((candidate) => !tried.has(candidate.path) && isConvincing(candidate, evidence))
      .sort((one, other) => byWeight(one, other, evidence))[0]
    if (best === undefined) return
    tried.add(best.path)
    const { path, directories } = best
    const template = {
      path,
      namespaceOf: {},
      directories,
      only: undefined,
      doubt: doubtOf(best, evidence),
    }
    if (!accept(template)) for (const split of byNamespace(best)) accept(split)
  }
}

function candidatesIn(open: ReadonlySet<string>): Candidate[] {
  const candidates = new Map<string, Candidate>()
  for (const directory of open) {
    for (const { path, namespace, pvc } of readings(directory.split("/"))) {
      const known: Candidate = candidates.get(path) ?? { path, directories: [], namespaces: new Map() }
      known.directories.push(directory)
      const members = known.namespaces.get(namespace) ?? []
      members.push({ pvc, directory })
      known.namespaces.set(namespace, members)
      candidates.set(path, known)
    }
  }
  return [...candidates.values()]
}

interface Reading {
  readonly path: string
  readonly namespace: string
  readonly pvc: string
}

/** Every way to take one folder for the namespace and a later one for the PVC. What lies between and below says what it is. */
function readings(segments: readonly string[]): Reading[] {
  const found: Reading[] = []
  for (let at = segments.length - 1; at > 0; at--) {
    const pvc = segments[at] ?? ""
    for (let above = at - 1; above >= 0; above--) {
      const namespace = segments[above] ?? ""
      if (isNamespace(namespace) && isPvcName(pvc) && !isProgramName(namespace)) {
        const path = segments
          .map((segment, i) => (i === above ? "{namespace}" : i === at ? "{pvc}" : segment))
          .join("/")
        found.push({ path, namespace, pvc })
      }
      if (!isRoleName(namespace)) break
    }
    if (!isRoleName(pvc)) break
  }
  return found
}

function byWeight(one: Candidate, other: Candidate, { namespaces }: TemplateEvidence): number {
  const known = (candidate: Candidate): number =>
    [...candidate.namespaces].reduce(
      (sum, [name, members]) => sum + (namespaces.has(name) ? members.length : 0),
      0,
    )
  const plain = ({ namespaces: found }: Candidate): number =>
    [...found]
      .flatMap(([name, members]) => [name, ...members.map(({ pvc }) => pvc)])
      .filter((name) => !isRoleName(name)).length
  return (
    known(other) - known(one) ||
    other.directories.length - one.directories.length ||
    plain(other) / other.directories.length - plain(one) / one.directories.length ||
    (one.path < other.path ? -1 : 1)
  )
}

function isConvincing({ namespaces }: Candidate, evidence: TemplateEvidence): boolean {
  const names = [...namespaces.keys()]
  if (names.some((name) => evidence.namespaces.has(name))) return true
  if (evidence.namespace !== undefined && names.length === 1) return false
  return names.some((name) => !isRoleName(name))
}

function doubtOf({ namespaces }: Candidate, evidence: TemplateEvidence): string | undefined {
  const [only, ...others] = namespaces.keys()
  if (only === undefined || others.length > 0 || evidence.namespaces.has(only)) return undefined
  return `there is one such folder only, ${only}, and it is taken for a namespace`
}

/** Where the template would meet another repository: one for each namespace, that names what is in it. */
function byNamespace({ path, namespaces }: Candidate): GuessedTemplate[] {
  return [...namespaces].map(([namespace, members]) => ({
    path: path.replace("{namespace}", namespace),
    namespaceOf: Object.fromEntries(members.map(({ pvc }) => [pvc, namespace])),
    directories: members.map(({ directory }) => directory),
    only: namespace,
    doubt: undefined,
  }))
}

/** Templates that join both names in one folder's: `{namespace}_{pvc}`, which can be told, and `{namespace}-{pvc}`, with help. */
function joinedTemplates(open: ReadonlySet<string>, { namespaces }: TemplateEvidence): GuessedTemplate[] {
  return [...byParent(open)].flatMap(([parent, members]) => {
    const splits = [
      ["{namespace}_{pvc}", (name: string) => isSplit(name.split("_"))],
      ["{namespace}-{pvc}", (name: string) => startsWithKnown(name, namespaces)],
    ] as const
    const [joined] = splits.find(([, fits]) => members.every(({ name }) => fits(name))) ?? []
    // Two names that are alike by chance are not one rule.
    if (joined === undefined || members.length < 2) return []
    const directories = members.map(({ directory }) => directory)
    const path = parent + joined
    return [{ path, namespaceOf: {}, directories, only: undefined, doubt: undefined }]
  })
}

function isSplit([namespace = "", pvc = "", ...more]: readonly string[]): boolean {
  return more.length === 0 && isNamespace(namespace) && isPvcName(pvc)
}

function startsWithKnown(name: string, namespaces: ReadonlySet<string>): boolean {
  return [...namespaces].some(
    (namespace) => name.startsWith(`${namespace}-`) && isPvcName(name.slice(namespace.length + 1)),
  )
}

/**
 * Templates that name the PVC alone, where the namespace of each is known from elsewhere. With one that is not, none: a volume
 * that the map leaves out would look as if it had no backups here.
 */
function pvcTemplates(open: ReadonlySet<string>, evidence: TemplateEvidence): GuessedTemplate[] {
  return [...byParent(open)].flatMap(([parent, all]) => {
    const members = all.filter(({ name }) => isPvcName(name))
    const homes = members.flatMap(({ name }) => {
      const namespace = homeOf(name, evidence)
      return namespace === undefined ? [] : [[name, namespace] as const]
    })
    if (members.length === 0 || homes.length < members.length) return []
    const path = `${parent}{pvc}`
    const directories = members.map(({ directory }) => directory)
    return [{ path, namespaceOf: Object.fromEntries(homes), directories, only: undefined, doubt: undefined }]
  })
}

function homeOf(pvc: string, { namespacesOf, namespace }: TemplateEvidence): string | undefined {
  const [only, ...others] = namespacesOf.get(pvc) ?? []
  return only !== undefined && others.length === 0 ? only : namespace
}

/** Directories by the folder that they are in, "" or ending in a slash. */
function byParent(open: ReadonlySet<string>): Map<string, { name: string; directory: string }[]> {
  const parents = new Map<string, { name: string; directory: string }[]>()
  for (const directory of open) {
    if (directory === "") continue
    const slash = directory.lastIndexOf("/") + 1
    const parent = directory.slice(0, slash)
    const there = parents.get(parent) ?? []
    there.push({ name: directory.slice(slash), directory })
    parents.set(parent, there)
  }
  return parents
}
