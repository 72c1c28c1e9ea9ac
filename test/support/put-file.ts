import { chmodSync, mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

export interface PutOptions {
  /** What the engine appends to the final name while it writes. */
  readonly temporarySuffix: string
  readonly mode: number
  /** The file's time, which is a clock for both engines. Now, when absent. */
  readonly modified?: Date | undefined
}

/** Writes a file as the engines do: under a temporary name in its folder, then renamed, so no reader sees a part of it. */
export function putFile(path: string, bytes: Uint8Array, options: PutOptions): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = path + options.temporarySuffix
  writeFileSync(temporary, bytes, { mode: 0o600 })
  if (options.modified !== undefined) utimesSync(temporary, options.modified, options.modified)
  renameSync(temporary, path)
  if (options.mode !== 0o600) chmodSync(path, options.mode)
}
