import { createHash } from "node:crypto"
import { join } from "node:path"
import { canonicalClient, everybodyWrites } from "../../storage/nfs/index.js"
import { type Document, type ExportEntry, exportName } from "./document.js"

/** An export by which everybody may write. */
export interface WideExport {
  /** Made of the export itself: the same export has the same id, and no other one has it. */
  readonly id: string
  readonly name: string
  /** Exactly what has to be agreed to, as JSON: the directory and who may do what in it. */
  readonly detail: string
  readonly why: string
}

/** Of a valid document, in its order. */
export function wideExports(document: Document): WideExport[] {
  return document.exports.flatMap((entry) => wideExport(entry, document) ?? [])
}

/** Undefined where not everybody may write. */
export function wideExport(entry: ExportEntry, { stores, clusters }: Document): WideExport | undefined {
  const store = stores.find(({ name }) => name === entry.store)
  const networks = clusters.find(({ name }) => name === entry.cluster)?.networks ?? []
  const { access, squash } = entry
  if (store === undefined || !everybodyWrites(networks.map((network) => ({ network, access, squash }))))
    return undefined
  const [name, directory] = [exportName(entry), join(store.path, entry.path)]
  const clients = [...networks.map(canonicalClient), ...entry.hosts, ...entry.netgroups].sort()
  const detail = JSON.stringify({ directory, access, squash: squash ?? null, clients })
  const hash = createHash("sha256").update(`${name}\0${detail}`).digest("hex").slice(0, 8)
  return {
    id: `everybody-writes-${hash}`,
    name,
    detail,
    why: `export ${name}: everybody may write, change and delete what is in ${directory} (${networks.join(", ")})`,
  }
}
