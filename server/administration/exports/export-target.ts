import { type NfsExport, withoutWithdrawn } from "../../../storage/nfs/index.js"
import { type Declared, joinedTo } from "./declared-exports.js"

/**
 * What the server is to export now. Where it cannot be told whether a directory may be exported, what `own` has of it stays as
 * it is, less whom the declaration does not name any more. `held`: directories whose export the server did not take just now;
 * they stay as they are, too.
 */
export function exportTarget(
  declared: readonly Declared[],
  own: readonly NfsExport[],
  held: (one: NfsExport) => boolean = () => false,
): NfsExport[] {
  const wanted = joined(declared.filter(({ verdict }) => verdict.kind === "wanted"))
  const doubted = joined(declared.filter(({ verdict }) => verdict.kind === "unknown"))
  const kept = withoutWithdrawn(own, [...doubted, ...wanted.filter(held)])
  const paths = new Set(kept.map(({ path }) => path))
  return [...wanted.filter((one) => !paths.has(one.path) && !held(one)), ...kept]
}

function joined(declared: readonly Declared[]): NfsExport[] {
  const exports = new Map<string, NfsExport>()
  for (const { asked } of declared) exports.set(asked.path, joinedTo(exports.get(asked.path), asked))
  return [...exports.values()]
}
