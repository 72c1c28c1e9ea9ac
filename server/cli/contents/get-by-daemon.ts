import type { ArchiveFormat } from "../../../storage/browse/index.js"
import { errorJson } from "../../http/contract/admin.js"
import { contentsPaths } from "../../http/contract/contents.js"
import { framesOf, framesType, noteJson } from "../../http/contract/frames.js"
import { CliError } from "../cli-error.js"
import type { Context } from "../context.js"
import type { Query } from "../daemon-client.js"
import { exitCodes } from "../exit-codes.js"
import { askContents, toldError } from "./daemon-lines.js"
import type { Remarks } from "./remarks.js"

export interface WantedBytes {
  readonly target: Query
  readonly snapshot: string
  readonly path: string
  /** As HTTP says it, without `bytes=`. */
  readonly range: string | undefined
  /** Undefined: a file is wanted. */
  readonly format: ArchiveFormat | undefined
  readonly skipDamaged: boolean
}

/** Writes a file, or a directory as an archive, that the daemon reads. Throws as the command without it does. */
export async function getByDaemon(
  { target, snapshot, path, range, format, skipDamaged }: WantedBytes,
  remarks: Remarks,
  context: Context,
): Promise<void> {
  const query = { ...target, snapshot, path }
  const body =
    format === undefined
      ? await askContents(contentsPaths.file, query, context, {
          accept: framesType,
          ...(range === undefined ? {} : { range: range.startsWith("bytes=") ? range : `bytes=${range}` }),
        })
      : await askContents(
          contentsPaths.archive,
          { ...query, format, damaged: skipDamaged ? "skip" : "stop" },
          context,
          { accept: framesType },
        )
  for await (const { kind, bytes } of framesOf(body)) {
    if (kind === "bytes") await context.out.bytes(bytes)
    else if (kind === "note") remark(remarks, bytes)
    else if (kind === "error") throw toldError(errorJson.parse(documentOf(bytes)))
    else if (kind === "end") {
      if (format !== undefined) remarks.end(format)
      return
    }
  }
  throw new CliError("broken_off", "what the daemon sent has no end", exitCodes.unclear, {
    hint: "Look at its log, and ask again.",
  })
}

function remark(remarks: Remarks, bytes: Uint8Array): void {
  const note = noteJson.parse(documentOf(bytes))
  if (note.kind === "left_out") remarks.leftOut(note, note)
  else remarks.loss(note, note.loss)
}

function documentOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString("utf8"))
}
