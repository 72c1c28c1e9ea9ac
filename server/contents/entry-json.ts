import { formatInstant, type SnapshotEntry, type StorageError } from "../../storage/index.js"

/** One entry as `ls --json` prints it. Undefined fields are left out. */
export interface EntryJson extends PathJson {
  readonly type: SnapshotEntry["kind"]
  readonly size: number
  /** Four octal digits. */
  readonly mode: string | null
  readonly uid: number | null
  readonly gid: number | null
  readonly mtime: string | null
  /** Of a link. */
  readonly target?: string
  readonly targetBase64?: string
  /** Of a file, with --sha256. */
  readonly sha256?: string
  /** What of it cannot be read: a directory's entries, a file's bytes, a link's target. */
  readonly problem?: ProblemJson
}

export interface PathJson {
  /** Relative to the snapshot's root. */
  readonly path?: string
  /** Instead of `path` where that is no UTF-8. */
  readonly pathBase64?: string
}

export function pathJson(path: Uint8Array): PathJson {
  const text = textOf(path)
  return text === undefined ? { pathBase64: base64(path) } : { path: text }
}

export interface ProblemJson {
  readonly code: string
  readonly message: string
}

export function problemJson({ code, message }: StorageError): ProblemJson {
  return { code, message }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text, or undefined for bytes that are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

interface More extends Pick<EntryJson, "sha256" | "problem"> {
  readonly target?: Uint8Array
}

export function entryJson(path: Uint8Array, entry: SnapshotEntry, more: More): EntryJson {
  return { ...pathJson(path), ...fieldsJson(entry, more) }
}

/** Everything but its path. */
export function fieldsJson(
  { kind, size, mode, uid, gid, modified }: SnapshotEntry,
  { target, ...rest }: More,
): Omit<EntryJson, keyof PathJson> {
  const targetText = target === undefined ? undefined : textOf(target)
  return {
    type: kind,
    size,
    mode: mode === undefined ? null : mode.toString(8).padStart(4, "0"),
    uid: uid ?? null,
    gid: gid ?? null,
    mtime: modified === undefined ? null : formatInstant(modified),
    ...(targetText === undefined ? {} : { target: targetText }),
    ...(target !== undefined && targetText === undefined ? { targetBase64: base64(target) } : {}),
    ...rest,
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64")
}
