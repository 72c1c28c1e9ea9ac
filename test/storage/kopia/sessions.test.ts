import { createCipheriv, createHmac, hkdfSync } from "node:crypto"
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { parseTime } from "../../../storage/instant.js"
import { parseFormatBlob } from "../../../storage/kopia/format-blob.js"
import { unlockFormat } from "../../../storage/kopia/format-key.js"
import { parseRepositoryFormat } from "../../../storage/kopia/repository-format.js"
import { parseSession } from "../../../storage/kopia/sessions.js"
import { Secret } from "../../../storage/secret.js"
import { fixtureCopy } from "../../support/fixtures.js"
import { open, passwordOf, sharedKeys } from "./open.js"

const at = (text: string) => parseTime(text).instant
const marker = {
  id: "s0123456789abcdef147",
  startTime: "2026-01-01T10:00:00Z",
  checkpointTime: "2026-01-01T10:45:00Z",
  username: "sonarr",
  hostname: "media",
}

describe("a session marker", () => {
  const parse = (value: unknown, modified: string) =>
    parseSession(Buffer.from(JSON.stringify(value)), "s1.f", at(modified))

  it("tells who writes, and when it last gave a sign of life by either clock", () => {
    expect(parse(marker, "2026-01-01T10:44:59Z")).toEqual({
      id: marker.id,
      user: "sonarr",
      host: "media",
      lastSeen: at("2026-01-01T10:45:00Z"),
      exclusive: undefined,
    })
    expect(parse(marker, "2026-01-01T11:00:00Z").lastSeen).toBe(at("2026-01-01T11:00:00Z"))
  })

  it("without a checkpoint counts by the file's time", () => {
    expect(parse({ ...marker, checkpointTime: undefined }, "2026-01-01T10:00:01Z").lastSeen).toBe(
      at("2026-01-01T10:00:01Z"),
    )
  })

  it("is corrupt without an id", () => {
    expect(() => parse({ ...marker, id: undefined }, "2026-01-01T10:00:01Z")).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    )
  })
})

/** Encrypts a marker into a repository, as a writer does that is at work there. */
async function addSession(directory: string, name: string, hash: string, session: object): Promise<void> {
  const blob = parseFormatBlob(readFileSync(join(directory, "kopia.repository.f")), "f")
  const plain = await unlockFormat(blob, new Secret(passwordOf(name)), "f", sharedKeys)
  const secret = Buffer.from(
    hkdfSync("sha256", parseRepositoryFormat(plain, "f").masterKey, "encryption", "", 32),
  )
  const iv = Buffer.from(hash, "hex")
  const nonce = Buffer.alloc(12, 1)
  const cipher = createCipheriv("aes-256-gcm", createHmac("sha256", secret).update(iv).digest(), nonce)
  cipher.setAAD(iv)
  const sealed = Buffer.concat([
    nonce,
    cipher.update(JSON.stringify(session)),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  const file = join(directory, "s", hash.slice(0, 3), `${hash.slice(3)}-s0123456789abcdef147.f`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, sealed)
  utimesSync(file, new Date("2026-01-01T10:00:00Z"), new Date("2026-01-01T10:00:00Z"))
}

describe("the writers of a repository", () => {
  const name = "kopia/format-3"

  it("are none when no session is open", async () => {
    expect((await open(fixtureCopy(name), passwordOf(name)).list()).writers).toEqual([])
  })

  it("are one for each session, however many markers it left, seen at the latest of them", async () => {
    const directory = fixtureCopy(name)
    const later = { ...marker, checkpointTime: "2026-01-01T11:30:00Z" }
    await addSession(directory, name, "aa".repeat(16), later)
    await addSession(directory, name, "bb".repeat(16), marker)
    await addSession(directory, name, "cc".repeat(16), { ...marker, id: "s99", username: "radarr" })
    const { writers, snapshots } = await open(directory, passwordOf(name)).list()
    expect(snapshots).toHaveLength(9)
    expect(writers.map(({ id, user, lastSeen }) => ({ id, user, lastSeen }))).toEqual([
      { id: marker.id, user: "sonarr", lastSeen: at("2026-01-01T11:30:00Z") },
      { id: "s99", user: "radarr", lastSeen: at("2026-01-01T10:45:00Z") },
    ])
  })

  it("may have left a marker that nobody can read: somebody is at work, and no snapshot is hidden", async () => {
    const directory = fixtureCopy(name)
    mkdirSync(join(directory, "s", "ddd"), { recursive: true })
    writeFileSync(join(directory, "s", "ddd", `${"d".repeat(29)}-s0123456789abcdef147.f`), "scrambled")
    const { writers, snapshots, notices } = await open(directory, passwordOf(name)).list()
    expect(snapshots).toHaveLength(9)
    expect(writers).toEqual([expect.objectContaining({ user: undefined, host: undefined })])
    expect(notices).toEqual([expect.objectContaining({ code: "unreadable_lock" })])
  })
})
