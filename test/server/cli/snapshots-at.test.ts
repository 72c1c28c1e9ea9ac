import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { SnapshotsJson } from "../../../server/http/contract/admin.js"
import { cli } from "../../support/cli.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"

function passwordFile(password: string): string {
  const file = join(scratch(), "password")
  writeFileSync(file, `${password}\n`)
  return file
}

async function list(name: string, directory = fixture(name)): Promise<SnapshotsJson> {
  const { exitCode, stdout, stderr } = await cli([
    "snapshots",
    "--at",
    directory,
    "--password-file",
    passwordFile(expectedOf(name)["password"] as string),
    "--json",
  ])
  expect(stderr).toBe("")
  expect(exitCode).toBe(0)
  return JSON.parse(stdout) as SnapshotsJson
}

interface KopiaSnapshot {
  readonly id: string
  readonly source: { readonly host: string; readonly userName: string; readonly path: string }
  readonly description: string
  readonly startTime: string
  readonly endTime: string
  readonly incomplete?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly pins?: readonly string[]
  readonly rootEntry: { readonly summ: { readonly size: number; readonly files: number } }
}

describe("snapshots --at a Kopia repository prints what the real kopia lists", () => {
  it.each([
    "kopia/cluster-shared",
    "kopia/format-1",
    "kopia/epochs",
    "kopia/ecc-4",
    "kopia/written-by-0.23.1",
  ])("%s", async (name) => {
    const expected = expectedOf(name)
    const real = expected["snapshotList"] as KopiaSnapshot[]
    const answer = await list(name)
    expect(answer.repository).toMatchObject({
      engine: "kopia",
      id: (expected["repositoryStatus"] as { uniqueIDHex: string }).uniqueIDHex,
    })
    const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1)
    expect(
      answer.snapshots.map((snapshot) => ({ ...snapshot, namespace: null, pvc: null })).sort(byId),
    ).toEqual(
      real
        .map((snapshot) => ({
          id: snapshot.id,
          namespace: null,
          pvc: null,
          identity: `${snapshot.source.userName}@${snapshot.source.host}:${snapshot.source.path}`,
          start: snapshot.startTime,
          end: snapshot.endTime,
          complete: snapshot.incomplete === undefined,
          incompleteReason: snapshot.incomplete ?? null,
          bytes: snapshot.rootEntry.summ.size,
          files: snapshot.rootEntry.summ.files,
          tags: Object.entries(snapshot.tags ?? {})
            .map(([key, value]) => `${key.replace(/^tag:/, "")}:${value}`)
            .sort(),
          pins: snapshot.pins ?? [],
          description: snapshot.description,
        }))
        .sort(byId),
    )
  })

  it("and names the volumes that the usual conventions explain", async () => {
    const { snapshots } = await list("kopia/cluster-shared")
    const volumes = new Map(
      snapshots.map(({ identity, namespace, pvc }) => [identity, namespace && `${namespace}/${pvc ?? ""}`]),
    )
    expect(Object.fromEntries(volumes)).toMatchObject({
      "radarr-backup@media:/data": "media/radarr",
      "jellyfin-config@media:/data": "media/jellyfin-config",
      // Cut at 50 characters, or under another path than the movers': nobody can tell the volume.
      "appexamplecom-with-a-very-longreplication-source-n@databases:/data": null,
      "postgres-16@databases:/var/lib/postgresql/data": null,
    })
  })
})

interface ResticSnapshot {
  readonly id: string
  readonly time: string
  readonly tags?: readonly string[]
  readonly summary?: { readonly total_bytes_processed: number; readonly total_files_processed: number }
}

describe("snapshots --at a restic repository prints what the real restic lists", () => {
  it.each(["restic/v1-by-0.14", "restic/v2-by-0.18", "restic/rewritten-tagged", "restic/migrated-v1-to-v2"])(
    "%s",
    async (name) => {
      const expected = expectedOf(name)
      const { repository, snapshots } = await list(name)
      const config = expected["config"] as { id: string; version: number }
      expect(repository).toEqual({ engine: "restic", id: config.id, formatVersion: config.version })
      const real = expected["snapshots"] as ResticSnapshot[]
      const told = snapshots.map(({ id, start, bytes, files, tags }) => ({
        id,
        at: Date.parse(start),
        bytes,
        files,
        tags,
      }))
      expect(new Set(told)).toEqual(
        new Set(
          real.map(({ id, time, tags, summary }) => ({
            id,
            at: Date.parse(time),
            bytes: summary?.total_bytes_processed ?? null,
            files: summary?.total_files_processed ?? null,
            tags: [...(tags ?? [])].sort(),
          })),
        ),
      )
      expect(new Set(snapshots.map(({ identity }) => identity))).toEqual(new Set([fixture(name)]))
      expect(
        snapshots.every(({ complete, namespace, pvc }) => complete && namespace === null && pvc === null),
      ).toBe(true)
    },
  )

  it("without the password lists the names, and says that the rest is not known", async () => {
    const { exitCode, stdout } = await cli(["snapshots", "--at", fixture("restic/v1-by-0.14"), "--json"])
    const { repository, snapshots } = JSON.parse(stdout) as SnapshotsJson
    expect(exitCode).toBe(0)
    expect(repository).toEqual({ engine: "restic", id: "", formatVersion: null })
    expect(snapshots.map(({ id }) => id).sort()).toEqual(
      (expectedOf("restic/v1-by-0.14")["snapshots"] as ResticSnapshot[]).map(({ id }) => id).sort(),
    )
  })
})

describe("snapshots --at a place that cannot be listed", () => {
  const cases: readonly (readonly [string, () => string[], number, string])[] = [
    ["that is not there", () => ["--at", "/nonexistent/place"], 1, "missing"],
    ["that is empty", () => ["--at", scratch()], 1, "empty"],
    ["that holds many", () => ["--at", fixture("restic/movers")], 1, "not_a_repository"],
    ["without the password of Kopia", () => ["--at", fixture("kopia/format-3")], 3, "password_missing"],
    [
      "with a wrong password",
      () => ["--at", fixture("kopia/format-3"), "--password-env", "WRONG"],
      3,
      "wrong_password",
    ],
    [
      "with a wrong password of restic",
      () => ["--at", fixture("restic/v1-by-0.14"), "--password-env", "WRONG"],
      3,
      "wrong_password",
    ],
    [
      "of another engine",
      () => ["--at", fixture("kopia/format-3"), "--engine", "restic"],
      1,
      "not_a_repository",
    ],
    [
      "with two ways to the password",
      () => ["--at", "/x", "--password-env", "WRONG", "--password-file", "/x"],
      2,
      "usage",
    ],
    [
      "with a password file that is not there",
      () => ["--at", "/x", "--password-file", "/nonexistent"],
      2,
      "usage",
    ],
    ["with a variable that is not set", () => ["--at", "/x", "--password-env", "NOT_SET"], 2, "usage"],
    [
      "with a convention that is none",
      () => ["--at", fixture("restic/v1-by-0.14"), "--convention", "x"],
      2,
      "invalid",
    ],
  ]

  it.each(cases)("%s", async (_name, args, exitCode, code) => {
    const result = await cli(["snapshots", ...args(), "--json"], { environment: { WRONG: "Tr0ub4dor" } })
    expect(result).toMatchObject({ exitCode, stdout: "" })
    expect(result.stderr).toContain(`[${code}]`)
    expect(result.stderr).not.toContain("Tr0ub4dor")
    expect(result.stderr).not.toContain("    at ")
  })

  it("names repositories that lie below it", async () => {
    const { stderr } = await cli(["snapshots", "--at", fixture("restic/movers")])
    expect(stderr).toContain("hint: Repositories lie below it, name one of them: ")
    expect(stderr).toContain("media/radarr")
  })
})

describe("snapshots as a table", () => {
  it("has a line for each, under titles", async () => {
    const file = passwordFile("v1-by-0.14 password")
    const { stdout } = await cli(["snapshots", "--at", fixture("restic/v1-by-0.14"), "--password-file", file])
    const [head, titles, first] = stdout.replaceAll(fixture("restic/v1-by-0.14"), "PLACE").split("\n")
    expect(head).toBe(
      "restic repository b52383594be568da5580932fba4015e5807b8500a44cd79b8b988cec1f08314a, format 1",
    )
    expect(titles?.split(/ {2,}/)).toEqual([
      "ID",
      "VOLUME",
      "IDENTITY",
      "START (UTC)",
      "STATE",
      "SIZE",
      "FILES",
      "TAGS",
    ])
    expect(first?.split(/ {2,}/)).toEqual([
      "708674a01082",
      "-",
      "PLACE",
      "2026-11-17 03:00:00",
      "complete",
      "-",
      "-",
    ])
  })
})
