import { type Document, exportName } from "./document.js"
import { plainDocument } from "./render-document.js"

export type ChangeKind = "added" | "changed" | "replaced" | "unchanged" | "absent" | "removed"
export type EntryKind =
  "store" | "cluster" | "repository" | "export" | "server" | "schedule" | "hours" | "scrub" | "drills"

export interface FieldChange {
  readonly field: string
  /** As it is written in the document; null where it is not said. */
  readonly before: string | null
  readonly after: string | null
}

/** What becomes of one entry. `absent`: the document does not name it, and it is left alone. */
export interface Change {
  readonly kind: ChangeKind
  readonly of: EntryKind
  readonly name: string
  readonly fields: readonly FieldChange[]
  readonly notes: readonly string[]
}

/** Another engine, cluster or place: another repository under the same name. */
const identifying: ReadonlySet<string> = new Set(["engine", "cluster", "store", "path", "s3"])

const kinds = [
  ["store", "stores"],
  ["cluster", "clusters"],
  ["repository", "repositories"],
  ["export", "exports"],
  ["server", "nfsServer"],
  ["schedule", "schedules"],
  ["hours", "quietHours"],
  ["scrub", "scrub"],
  ["drills", "drills"],
] as const

/** There is one, so that it has no name of its own. */
export const NFS_SERVER = "nfs"
export const QUIET_HOURS = "quiet"
export const SCRUB = "all"
export const DRILLS = "all"

const singles = { nfsServer: NFS_SERVER, quietHours: QUIET_HOURS, scrub: SCRUB, drills: DRILLS } as const

export interface DiffInput {
  readonly before: Document
  readonly after: Document
  /** Names that the declaration holds, as "repository shared". */
  readonly declared: ReadonlySet<string>
  /** Names of sealed secrets whose value is another than before. */
  readonly changedSecrets: ReadonlySet<string>
}

/** All entries, in the order of the document; removed ones last of their kind. */
export function diffDocuments({ before, after, declared, changedSecrets }: DiffInput): Change[] {
  return kinds.flatMap(([of, list]) => {
    const old = entriesOf(before, list)
    const next = entriesOf(after, list)
    const removed = [...old.keys()].filter((name) => !next.has(name))
    return [
      ...[...next].map(([name, entry]) => {
        const previous = old.get(name)
        if (previous === undefined) return change("added", of, name)
        if (!declared.has(`${of} ${name}`)) return change("absent", of, name)
        return compared(of, name, previous, entry, changedSecrets)
      }),
      ...removed.map((name) => change("removed", of, name)),
    ]
  })
}

type Plain = Readonly<Record<string, unknown>>

function entriesOf(document: Document, list: (typeof kinds)[number][1]): Map<string, Plain> {
  if (list === "nfsServer" || list === "quietHours" || list === "scrub" || list === "drills") {
    const single = plainDocument(document)[list] as Plain | undefined
    return new Map(single === undefined ? [] : [[singles[list], single]])
  }
  const plain = (plainDocument(document)[list] ?? []) as readonly Plain[]
  const names = list === "exports" ? document.exports.map(exportName) : document[list].map(({ name }) => name)
  return new Map(plain.map((entry, at) => [names[at] ?? "", entry]))
}

function compared(
  of: EntryKind,
  name: string,
  before: Plain,
  after: Plain,
  changedSecrets: ReadonlySet<string>,
): Change {
  const fields: FieldChange[] = []
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, next] = [shown(before[field]), shown(after[field])]
    const secret = sealedIn(after[field]).some((sealed) => changedSecrets.has(sealed))
    if (old !== next || secret)
      fields.push({ field, before: old, after: secret ? `${next ?? ""} (new value)` : next })
  }
  if (fields.length === 0) return change("unchanged", of, name)
  const replaced = of === "repository" && fields.some(({ field }) => identifying.has(field))
  return { ...change(replaced ? "replaced" : "changed", of, name), fields }
}

function change(kind: ChangeKind, of: EntryKind, name: string): Change {
  const notes: string[] = []
  if (of === "export" && kind === "removed") notes.push("withdrawn: its clients cannot mount it any more")
  else if (kind === "removed" && ["schedule", "hours", "scrub", "drills"].includes(of))
    return { kind, of, name, fields: [], notes }
  else if (kind === "removed") notes.push("detached: data, ledger and pins stay as they are")
  if (kind === "replaced") notes.push("another place, engine or cluster: this is a new repository")
  return { kind, of, name, fields: [], notes }
}

function shown(value: unknown): string | null {
  if (value === undefined) return null
  return typeof value === "string" ? value : JSON.stringify(value)
}

/** Names of the sealed secrets anywhere in a field. */
function sealedIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    key === "sealed" && typeof inner === "string" ? [inner] : sealedIn(inner),
  )
}
