import type { LossKind, RestoreResult } from "../../../storage/restore/index.js"
import { printable } from "../printable.js"
import { textOf } from "./entry-json.js"

/** A path that is text, or its bytes. */
export type PathJson = { readonly path: string } | { readonly pathBase64: string }

/** What `restore --json` prints. */
export interface RestoreJson {
  readonly files: number
  readonly directories: number
  readonly others: number
  /** Of every name of a file. */
  readonly bytes: number
  readonly seconds: number
  /** The first thousand of `failedCount`. */
  readonly failed: readonly (PathJson & { readonly code: string; readonly message: string })[]
  readonly failedCount: number
  /** What restored entries lack; `path` is the first of `count`. */
  readonly lost: readonly (PathJson & {
    readonly what: LossKind
    readonly count: number
    readonly why: string
  })[]
  readonly reopened: boolean
  readonly stopped: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

export function restoreJson(result: RestoreResult): RestoreJson {
  const { files, directories, others, bytes, linkedBytes, seconds, failed, failedCount, lost } = result
  const { reopened, stopped } = result
  return {
    ...{ files, directories, others, bytes: bytes + linkedBytes, seconds },
    failed: failed.map(({ path, code, message }) => ({ ...pathJson(path), code, message })),
    failedCount,
    lost: lost.map(({ what, count, path, why }) => ({ ...pathJson(path), what, count, why })),
    reopened,
    stopped:
      stopped === undefined
        ? null
        : { code: stopped.code, message: stopped.message, hint: stopped.hint ?? null },
  }
}

export function pathJson(path: Uint8Array): PathJson {
  const text = textOf(path)
  return text === undefined ? { pathBase64: Buffer.from(path).toString("base64") } : { path: text }
}

/** For people: "/" is the top. */
export function shownPath(path: Uint8Array): string {
  const text = textOf(path)
  return text === undefined ? `base64:${Buffer.from(path).toString("base64")}` : printable(`/${text}`)
}
