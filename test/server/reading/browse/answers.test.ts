import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { Pulse } from "../../../../server/catalog/index.js"
import { answer } from "../../../../server/reading/browse/answers.js"
import { OpenPlace } from "../../../../server/reading/browse/open-place.js"
import type { BrowseRequest } from "../../../../server/reading/browse/requests.js"
import { takeStoreFence } from "../../../../storage/disk/index.js"
import { expectedOf, fixture, scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../../../support/mounts.js"

const NAME = "restic/full-tree-by-0.19"
const request: BrowseRequest = {
  kind: "entries",
  only: undefined,
  at: { snapshot: "latest", path: "" },
  recursive: true,
  sha256: true,
}

/** An answer that is taken piece by piece: between them, the test does what it wants. */
function answerIn(store: string) {
  mountImage(ext4Image(64), store)
  execFileSync("cp", ["-a", fixture(NAME), join(store, "own")])
  const record = takeStoreFence(store, { sentinel: true })
  const spec = {
    place: "tank:own",
    directory: join(store, "own"),
    engine: "restic" as const,
    password: String(expectedOf(NAME)["password"]),
    fences: [{ path: store, record, store: "tank" }],
  }
  const place = new OpenPlace(spec, new Pulse())
  return answer(place, request, { signal: new AbortController().signal, note: () => undefined })
}

async function linesOf(parts: AsyncGenerator): Promise<Record<string, unknown>[]> {
  let text = ""
  for await (const part of parts) if (part instanceof Uint8Array) text += Buffer.from(part).toString()
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe("a list of a snapshot", () => {
  it("has an end where the filesystem stayed", async () => {
    const lines = await linesOf(answerIn(join(scratch(), "store")))
    expect(lines.at(-1)).toEqual({ end: {} })
    expect(lines.every((line) => !JSON.stringify(line).includes('"problem"'))).toBe(true)
  })

  it("has no end where it went in the middle, however the rest looked: it says why", async () => {
    const store = join(scratch(), "store")
    const parts = answerIn(store)
    expect((await parts.next()).value).toEqual({ kind: "lines" })
    unmount(store, "by force")
    const lines = await linesOf(parts)
    expect(lines.at(-1)).toMatchObject({ error: { code: "io" } })
    expect(JSON.stringify(lines.at(-1))).toContain("nothing is mounted at")
    expect(lines.some((line) => "end" in line)).toBe(false)
  })
})
