import { DirectoryPages } from "../../../storage/browse/index.js"
import { findEntry } from "../../../storage/index.js"
import { chooseSnapshot, entryJson, entryRow } from "../../contents/index.js"
import type { Answer } from "./answer.js"
import type { OpenedPlace } from "./open-place.js"
import type { BrowseRequest } from "./requests.js"

const SLASH = Buffer.from("/")

/** One page of a directory, or the one entry that is at the path. */
export async function pageAnswer(
  { contents, snapshots }: OpenedPlace,
  { at, after, limit }: Extract<BrowseRequest, { kind: "page" }>,
): Promise<Answer> {
  const entry = await findEntry(contents, chooseSnapshot(snapshots, at.snapshot), at.path)
  const above = Buffer.from(at.path)
  const page =
    entry.kind === "directory"
      ? (await DirectoryPages.open(contents, entry)).page({
          limit,
          ...(after === undefined ? {} : { after }),
        })
      : undefined
  const entries = []
  for (const one of page?.entries ?? [])
    entries.push(
      await entryRow(contents, above.length === 0 ? one.name : Buffer.concat([above, SLASH, one.name]), one),
    )
  const document = {
    entry: page === undefined ? await entryRow(contents, above, entry) : entryJson(above, entry, {}),
    entries,
    next: page?.next === undefined ? null : Buffer.from(page.next).toString("base64url"),
    total: page?.total ?? 0,
    repeated: page?.repeated ?? 0,
  }
  return { head: { kind: "json" }, body: onePiece(Buffer.from(JSON.stringify(document))) }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}
