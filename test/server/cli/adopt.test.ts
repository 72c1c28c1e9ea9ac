import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { type Document, emptyDocument, parseDocument, planApply } from "../../../server/config/index.js"
import { gatherEvidence } from "../../../server/cli/adopt/evidence.js"
import { surveyTree } from "../../../storage/survey/index.js"
import { cli, type CliResult } from "../../support/cli.js"
import { scratch } from "../../support/fixtures.js"
import { ext4Image, mountBind, mountImage, mountTmpfs, requireRoot } from "../../support/mounts.js"
import { putRepository } from "../../support/put-repository.js"
import { writeSyntheticKopia } from "../../support/synthetic-kopia.js"
import { CHEAP_COST, writeSyntheticRestic } from "../../support/synthetic-restic.js"
import { forgetAccesses, treeState } from "../../support/tree-state.js"

interface Notice {
  readonly code: string
  readonly path: string | null
  readonly message: string
}

interface Adopted {
  readonly document: Document | null
  readonly found: readonly (Readonly<Record<string, unknown>> & { readonly path: string })[]
  readonly notices: readonly Notice[]
  readonly unlooked: readonly Notice[]
}

function passwordFile(password: string): string {
  const file = join(scratch(), "password")
  writeFileSync(file, `${password}\n`)
  return file
}

function adopt(path: string, ...args: string[]): Promise<CliResult> {
  return cli(["adopt", path, ...args])
}

/** What `apply` would keep of it, by its own parser and plan. */
function applied(text: string): Document {
  const { document, locate } = parseDocument(text)
  return planApply(emptyDocument, document, { secrets: { has: () => false, holds: () => false }, locate })
    .document
}

/** The document as it would be kept, in one line for each repository, and the exit code. */
async function proposed(path: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await adopt(path, ...args)
  const document = applied(stdout)
  return {
    exitCode,
    stdout,
    stderr,
    document,
    repositories: document.repositories.map(
      ({ name, cluster, engine, place, decides }) =>
        `${cluster}/${name}: ${decides} ${engine} ${place.kind === "store" ? place.path : "?"}`,
    ),
  }
}

async function found(path: string, ...args: string[]): Promise<Adopted & { exitCode: number }> {
  const { exitCode, stdout } = await adopt(path, "--json", ...args)
  return { ...(JSON.parse(stdout) as Adopted), exitCode }
}

const kopiaPassword = () => ["--password-file", passwordFile("cluster-shared-password")]

describe("adopt proposes a document that apply takes as it is:", () => {
  it("a shared Kopia repository, with its password", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    const file = passwordFile("cluster-shared-password")
    const { exitCode, document, stdout } = await proposed(tank, "--password-file", file)
    expect(exitCode).toBe(0)
    expect(document).toMatchObject({
      stores: [{ path: tank, allowRoot: true }],
      clusters: [{ name: "home", networks: [] }],
      repositories: [
        {
          name: "kopia",
          cluster: "home",
          engine: "kopia",
          place: { kind: "store", path: "kopia" },
          password: { file },
          conventions: [{ written: "{pvc}@{namespace}:/data" }],
          namespaces: ["*"],
          decides: "restore",
          new: false,
          volumes: {},
          dismissed: [],
        },
      ],
      exports: [],
    })
    expect(stdout).toContain("63 snapshots of 12 identities, newest 2026-11-20 03:00:00 UTC")
    expect(stdout).toContain("# - source@media-lidarr:/data, 3 snapshots")
    expect(stdout).toContain("#     media/lidarr: source@media-lidarr:/data")
    expect(stdout).not.toContain("cluster-shared-password")
  })

  it("a shared Kopia repository, without", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    const { exitCode, document, stderr } = await proposed(tank)
    expect(exitCode).toBe(3)
    expect(document.repositories[0]).toMatchObject({
      password: undefined,
      conventions: [{ written: "{pvc}-backup@{namespace}:/data" }],
    })
    expect(stderr).toContain("kopia: its password is needed to read it [not_opened]")
  })

  it("a restic repository for each volume, which needs no password to be told", async () => {
    const tank = scratch()
    putRepository("restic/movers", join(tank, "restic"))
    const { exitCode, repositories } = await proposed(tank)
    expect(repositories).toEqual(["home/restic: restore restic restic/{namespace}/{pvc}"])
    expect(exitCode).toBe(0)
  })

  it("the same where the movers mount the place itself", async () => {
    const { repositories, document } = await proposed(
      putRepository("restic/movers", join(scratch(), "movers")),
    )
    expect(repositories).toEqual(["home/restic: restore restic {namespace}/{pvc}"])
    expect(document.stores).toMatchObject([{ name: "movers" }])
  })

  it("both, of which Kopia's restores", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    putRepository("restic/movers", join(tank, "restic"))
    const { exitCode, repositories, stdout } = await proposed(tank, ...kopiaPassword())
    expect(repositories).toEqual([
      "home/kopia: restore kopia kopia",
      "home/restic: guard restic restic/{namespace}/{pvc}",
    ])
    expect(stdout).toContain("it must be the one that your movers restore from")
    // The password that was given opens none of restic's.
    expect(exitCode).toBe(3)
  })

  it("Kopia beside folders of namespaces, which are then written out", async () => {
    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    const { repositories, document } = await proposed(tank, ...kopiaPassword())
    expect(repositories).toEqual([
      "home/kopia: restore kopia kopia",
      "home/databases: guard restic databases/{pvc}",
      "home/home: guard restic home/{pvc}",
      "home/media: guard restic media/{pvc}",
    ])
    expect(document.repositories[3]).toMatchObject({
      namespaces: ["media"],
      namespaceMap: { radarr: "media", sonarr: "media" },
    })
  })

  it("two clusters", async () => {
    const tank = scratch()
    for (const cluster of ["cabin", "office"])
      putRepository("kopia/cluster-shared", join(tank, cluster, "kopia"))
    putRepository("restic/movers", join(tank, "office/restic"))
    const { repositories, document, stdout } = await proposed(
      tank,
      ...kopiaPassword(),
      "--networks",
      "cabin=192.168.1.0/24",
      "office=192.168.2.0/24",
    )
    expect(repositories).toEqual([
      "cabin/cabin-kopia: restore kopia cabin/kopia",
      "office/office-kopia: restore kopia office/kopia",
      "office/office-restic: guard restic office/restic/{namespace}/{pvc}",
    ])
    expect(document.clusters).toMatchObject([
      { name: "cabin", networks: ["192.168.1.0/24"] },
      { name: "office", networks: ["192.168.2.0/24"] },
    ])
    expect(document.exports.map(({ path, cluster, access }) => `${cluster} ${path} ${access}`)).toEqual([
      "cabin cabin/kopia readWrite",
      "office office/kopia readWrite",
      "office office/restic readOnly",
    ])
    expect(stdout).toContain("guessed from the topmost folders")
    // They are copies of one another here.
    expect(stdout).toContain("it is the same repository as cabin/kopia")
  })

  it("the same as one, when it is said", async () => {
    const tank = scratch()
    for (const folder of ["cabin", "office"])
      putRepository("kopia/cluster-shared", join(tank, folder, "kopia"))
    const { repositories } = await proposed(tank, ...kopiaPassword(), "--cluster", "lab")
    expect(repositories).toEqual([
      "lab/cabin-kopia: restore kopia cabin/kopia",
      "lab/office-kopia: guard kopia office/kopia",
    ])
  })

  it("repositories that are named by their PVC, with a namespace", async () => {
    const tank = scratch()
    for (const pvc of ["radarr", "sonarr"]) putRepository("restic/two-keys", join(tank, "restic", pvc))
    const unknown = await proposed(tank)
    expect(unknown.repositories).toEqual([
      "home/restic-radarr: guard restic restic/radarr",
      "home/restic-sonarr: guard restic restic/sonarr",
    ])
    expect(unknown.exitCode).toBe(3)
    const known = await proposed(tank, "--namespace", "media")
    expect(known.repositories).toEqual(["home/restic: restore restic restic/{pvc}"])
    expect(known.document.repositories[0]?.namespaceMap).toEqual({ radarr: "media", sonarr: "media" })
    expect(known.exitCode).toBe(0)
  })

  it("or with Kopia's identities, which tell the namespaces", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    putRepository("restic/two-keys", join(tank, "restic/sonarr"))
    const known = await proposed(tank, ...kopiaPassword())
    expect(known.repositories).toEqual([
      "home/kopia: restore kopia kopia",
      "home/restic: guard restic restic/{pvc}",
    ])
    expect(known.document.repositories[1]?.namespaceMap).toEqual({ sonarr: "media" })
    putRepository("restic/two-keys", join(tank, "restic/unheard-of"))
    expect((await proposed(tank, ...kopiaPassword())).repositories).toEqual([
      "home/kopia: restore kopia kopia",
      "home/restic-sonarr: guard restic restic/sonarr",
      "home/restic-unheard-of: guard restic restic/unheard-of",
    ])
  })

  it("a place that is itself a repository: the store is the folder above", async () => {
    const tank = scratch()
    const kopia = putRepository("kopia/cluster-shared", join(tank, "kopia"))
    const { repositories, document } = await proposed(kopia, ...kopiaPassword())
    expect(repositories).toEqual(["home/kopia: restore kopia kopia"])
    expect(document.stores).toMatchObject([{ path: tank }])
  })

  it("a filesystem that is itself a repository", async () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(16), disk)
    rmSync(join(disk, "lost+found"), { recursive: true })
    putRepository("kopia/cluster-shared", disk)
    const { repositories, document, exitCode } = await proposed(disk, ...kopiaPassword())
    expect(repositories).toEqual(["home/kopia: restore kopia "])
    expect(document.stores).toEqual([{ name: "disk", path: disk, allowRoot: false }])
    expect(exitCode).toBe(0)
  })

  it("filesystems below a folder of the system's own: a store each", async () => {
    const top = scratch()
    mountImage(ext4Image(16), join(top, "tank"))
    mountTmpfs(join(top, "memory"), "16m")
    putRepository("kopia/format-3", join(top, "tank/backups/kopia"))
    putRepository("restic/movers", join(top, "memory/restic"))
    const { document, repositories, stderr } = await proposed(top)
    expect(document.stores).toEqual([
      { name: "memory", path: join(top, "memory"), allowRoot: false },
      { name: "tank", path: join(top, "tank"), allowRoot: false },
    ])
    expect(repositories).toEqual([
      "home/backups-kopia: restore kopia backups/kopia",
      "home/restic: guard restic restic/{namespace}/{pvc}",
    ])
    expect(stderr).toContain(`${join(top, "tank")}: ext4`)
    expect(stderr).toContain("and was looked into [crossed_mount]")
  })
})

describe("of several repositories of a cluster", () => {
  const day = 86_400_000
  const newest = Date.UTC(2026, 5, 1)

  function twoEngines(kopiaAgeMs: number): string {
    const tank = scratch()
    const identities = [{ user: "app", host: "home", path: "/data" }]
    writeSyntheticKopia(join(tank, "kopia"), {
      password: "pw",
      snapshots: 2,
      identities,
      newest: new Date(newest - kopiaAgeMs),
    })
    writeSyntheticRestic(join(tank, "restic/home/app"), {
      password: "pw",
      snapshots: 2,
      cost: CHEAP_COST,
      newest: new Date(newest),
    })
    writeSyntheticRestic(join(tank, "restic/media/app"), {
      password: "pw",
      snapshots: 1,
      cost: CHEAP_COST,
      newest: new Date(newest - 9 * day),
    })
    return tank
  }

  it("Kopia's restores when both are in use", async () => {
    const { repositories } = await proposed(twoEngines(day / 2), "--password-file", passwordFile("pw"))
    expect(repositories.map((line) => line.split(" ")[1])).toEqual(["restore", "guard"])
  })

  it("the other one restores when Kopia's newest backup is days older", async () => {
    const { repositories } = await proposed(twoEngines(3 * day), "--password-file", passwordFile("pw"))
    expect(repositories.map((line) => line.split(" ")[1])).toEqual(["guard", "restore"])
  })

  it("a damaged one does not restore", async () => {
    const tank = twoEngines(0)
    rmSync(join(tank, "kopia/kopia.repository.f"))
    const { repositories, exitCode, stdout } = await proposed(tank, "--password-file", passwordFile("pw"))
    expect(repositories.map((line) => line.split(" ")[1])).toEqual(["guard", "restore"])
    expect(stdout).toContain("check: " + join(tank, "kopia") + ": kopia.repository.f is gone")
    expect(exitCode).toBe(1)
  })
})

describe("passwords", () => {
  it("are each tried on every repository, and referred to", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    for (const volume of ["media/radarr", "home/plex"])
      putRepository("restic/two-keys", join(tank, "restic", volume))
    const file = passwordFile("cluster-shared-password")
    const { exitCode, stdout } = await cli(
      ["adopt", tank, "--password-env", "RESTIC", "--password-file", file, "--json"],
      { environment: { RESTIC: "first password" } },
    )
    const { document } = JSON.parse(stdout) as Adopted
    expect(document?.repositories.map(({ password }) => password)).toEqual([{ file }, { env: "RESTIC" }])
    expect(stdout).not.toContain("first password")
    expect(exitCode).toBe(0)
  })

  it("that open only some of a tree are left out of its entry, and it is said which they do not open", async () => {
    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    const {
      document,
      notices,
      exitCode,
      found: repositories,
    } = await found(tank, "--password-file", passwordFile("radarr-pw"))
    expect(document?.repositories.map(({ password }) => password)).toEqual([undefined])
    const closed = notices.filter(({ code }) => code === "not_opened").map(({ path }) => path)
    expect(closed).toEqual(
      ["databases/postgres", "home/home-assistant", "home/initialised-only", "media/sonarr"].map((path) =>
        join(tank, path),
      ),
    )
    expect(repositories.find(({ path }) => path.endsWith("radarr"))?.["password"]).not.toBeNull()
    expect(exitCode).toBe(3)
  })

  it("that open the first of a tree and not the last are left out as well", async () => {
    const tank = scratch()
    for (const [volume, password] of [
      ["a/first", "one"],
      ["b/last", "two"],
    ] as const)
      writeSyntheticRestic(join(tank, volume), { password, snapshots: 1, cost: CHEAP_COST })
    const one = await found(tank, "--password-file", passwordFile("one"))
    expect(one.document?.repositories.map(({ password }) => password)).toEqual([undefined])
    const both = await found(
      tank,
      "--password-file",
      passwordFile("one"),
      "--password-file",
      passwordFile("two"),
    )
    expect(both.document?.repositories.map(({ password }) => password)).toEqual([undefined])
    expect(both.found.map(({ password }) => password)).not.toContain(null)
  })

  it("are read as the daemon reads them", async () => {
    const tank = putRepository("restic/two-keys", join(scratch(), "media/radarr"))
    const file = join(scratch(), "password")
    writeFileSync(file, " \tfirst password \n\n")
    expect((await found(dirname(dirname(tank)), "--password-file", file)).exitCode).toBe(0)
  })
})

describe("adopt ends with", () => {
  it("1 where there is nothing, and prints no document", async () => {
    const { exitCode, stdout, stderr } = await adopt(scratch())
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" })
    expect(stderr).toContain("No repository was found")
    expect(await found(scratch())).toMatchObject({ exitCode: 1, document: null, found: [] })
  })

  it("1 where there are plain copies only, which it guesses", async () => {
    const tank = scratch()
    mkdirSync(join(tank, "rclone/media/plex"), { recursive: true })
    writeFileSync(join(tank, "rclone/media/plex/permissions.facl"), "")
    const { exitCode, notices } = await found(tank)
    expect(exitCode).toBe(1)
    expect(notices.find(({ code }) => code === "copy")?.message).toContain(
      "likely a plain copy of media/plex",
    )
  })

  it("3 where there may be something that could not be looked at", async () => {
    const tank = scratch()
    mkdirSync(join(tank, "a/b/c"), { recursive: true })
    expect((await adopt(tank, "--depth", "1")).exitCode).toBe(3)
    expect((await adopt(tank)).exitCode).toBe(1)
  })

  it("1 where something is damaged, even when something else was not looked at", async () => {
    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    rmSync(join(tank, "media/radarr/keys"), { recursive: true })
    mkdirSync(join(tank, "a/b/c/d"), { recursive: true })
    const { exitCode, notices, unlooked } = await found(tank, "--depth", "3")
    expect(notices.map(({ code }) => code)).toContain("damaged")
    expect(unlooked.map(({ code }) => code)).toContain("limit")
    expect(exitCode).toBe(1)
  })

  it("1 where two repositories are in one place, which is declared so that nothing there is fresh", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "both"))
    putRepository("restic/two-keys", join(tank, "both"))
    const { exitCode, repositories, stdout } = await proposed(tank, ...kopiaPassword())
    expect(repositories).toEqual(["home/both: restore kopia both"])
    expect(stdout).toContain("holds a Kopia and a restic repository, mixed")
    expect(exitCode).toBe(1)
  })

  it("3 where there are only beginnings of repositories, and declares none", async () => {
    const tank = scratch()
    mkdirSync(join(tank, "kopia"))
    writeFileSync(join(tank, "kopia/.shards"), "{}")
    for (const folder of ["keys", "snapshots", "index", "data", "locks"])
      mkdirSync(join(tank, "restic", folder), { recursive: true })
    const { exitCode, stdout, stderr } = await adopt(tank)
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" })
    expect(stderr.match(/\[half_made\]/g)).toHaveLength(2)
  })

  it.each([
    ["the place is not there", ["/nonexistent/tank"], 1],
    ["the password file is not there", ["/", "--password-file", "/nonexistent"], 3],
    ["the variable is not set", ["/", "--password-env", "NOT_SET"], 3],
  ] as const)("an error where %s", async (_, args, code) => {
    const { exitCode, stdout, stderr } = await cli(["adopt", ...args])
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" })
    expect(stderr).toMatch(/^error: /)
  })

  it("2 where networks are not of a cluster that is there", async () => {
    const tank = scratch()
    for (const cluster of ["cabin", "office"]) putRepository("kopia/format-3", join(tank, cluster, "kopia"))
    expect((await adopt(tank, "--networks", "10.0.0.0/8")).stderr).toContain("of which cluster?")
    expect((await adopt(tank, "--networks", "boat=10.0.0.0/8")).exitCode).toBe(2)
    expect((await adopt(tank, "--networks", "cabin=10.0.0.0/8", "office=10.1.0.0/16")).exitCode).toBe(2)
  })
})

describe("when the time is over", () => {
  it("repositories that were found are not opened any more, which is said", async () => {
    const tank = scratch()
    for (const volume of ["a/one", "b/two"])
      writeSyntheticRestic(join(tank, volume), { password: "pw", snapshots: 1, cost: CHEAP_COST })
    const limits = { depth: 9, names: 999, namesInFolder: 99 }
    let looks = 0
    const now = (): number => looks++
    surveyTree(tank, { ...limits, now, deadline: 1_000 })
    const deadline = 2 * looks + 1
    const { contents, unlooked } = await gatherEvidence(tank, [], { ...limits, now, deadline })
    expect(contents.map(({ path, snapshots }) => [path, snapshots])).toEqual([
      ["a/one", 1],
      ["b/two", undefined],
    ])
    expect(unlooked).toEqual([{ path: "b/two", code: "limit", message: "not opened: the time was over" }])
  })
})

describe("exports", () => {
  it("are shown in a comment, and proposed where networks are given, for whoever owns the files", async () => {
    const tank = scratch()
    putRepository("restic/movers", join(tank, "restic"))
    execFileSync("chown", ["-R", "568:568", tank])
    const shown = await proposed(tank)
    expect(shown.document.exports).toEqual([])
    expect(shown.stdout).toContain("#     - store: ")
    expect(shown.stdout).toContain("#       squash: { uid: 568, gid: 568 }")
    const { document } = await proposed(tank, "--networks", "192.168.10.0/24", "10.0.0.0/8")
    expect(document.clusters).toMatchObject([{ networks: ["192.168.10.0/24", "10.0.0.0/8"] }])
    expect(document.exports).toMatchObject([
      { path: "restic", cluster: "home", access: "readWrite", squash: { uid: 568, gid: 568 } },
    ])
  })

  it("never make everybody root", async () => {
    const tank = scratch()
    putRepository("restic/movers", join(tank, "restic"))
    execFileSync("chown", ["-R", "0:0", tank])
    const { document, stdout } = await proposed(tank, "--networks", "192.168.10.0/24")
    expect(document.exports).toMatchObject([{ squash: undefined }])
    expect(stdout).toContain("Nobody should be root through an export")
  })

  it("are never one in another", async () => {
    const nested = scratch()
    for (const volume of ["media/radarr", "home/plex"])
      putRepository("restic/two-keys", join(nested, "a", volume, "restic"))
    putRepository("kopia/cluster-shared", join(nested, "a/home/all/kopia"))
    const both = await proposed(nested, "--networks", "192.168.10.0/24", ...kopiaPassword())
    expect(both.repositories).toEqual([
      "home/a-home-all-kopia: restore kopia a/home/all/kopia",
      "home/a-restic: guard restic a/{namespace}/{pvc}/restic",
    ])
    // Movers write to Kopia's, which they reach through the one around it.
    expect(both.document.exports).toMatchObject([{ path: "a", access: "readWrite" }])

    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    const { document, stdout } = await proposed(tank, "--networks", "192.168.10.0/24")
    expect(document.exports.map(({ path }) => path)).toEqual([""])
    expect(stdout).toContain("clients also see Cistern's own folder")
  })
})

describe("names that were chosen to do harm", () => {
  const hostile = [
    "a\nstores: []\nb",
    "esc\u001b[31mred",
    "bell\u0007",
    "bidi\u202e",
    "line\u2028sep",
    "# comment",
    "*alias",
    "&anchor",
    "!tag",
    "'quo\"te",
    "{brace}",
    "back\\slash",
    "- item",
    "key: value",
    "---",
    "é",
    "x".repeat(200),
  ]

  it("break out of no comment and change no entry", async () => {
    const tank = scratch()
    for (const name of hostile) {
      putRepository("restic/two-keys", join(tank, "r", name, "app"))
      putRepository("kopia/format-3", join(tank, "k", name))
      mkdirSync(join(tank, "empty", name, "kopia"), { recursive: true })
      mkdirSync(join(tank, "rclone/ns", name), { recursive: true })
      writeFileSync(join(tank, "rclone/ns", name, "permissions.facl"), "")
    }
    const { stdout, stderr, document } = await proposed(tank)
    // Every line of the document is of the document or a comment; what can move a terminal is nowhere.
    const unshown = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u
    for (const line of [...stdout.split("\n"), ...stderr.split("\n")]) expect(line).not.toMatch(unshown)
    expect(document.stores).toHaveLength(1)
    const declared = document.repositories.flatMap(({ place }) => (place.kind === "store" ? place.path : []))
    const plain = hostile.filter((name) => !unshown.test(name) && !/[{}\\]/.test(name))
    expect(declared.filter((path) => path.startsWith("k/")).sort()).toEqual(
      plain.map((name) => `k/${name}`).sort(),
    )
    expect(Object.keys(parse(stdout) as object)).toEqual(["stores", "clusters", "repositories"])
    const { notices } = await found(tank)
    const left = notices.filter(({ code }) => code === "left_out").map(({ path }) => path)
    expect(left.length).toBe(2 * (hostile.length - plain.length))
  })

  it("in identities do no harm either", async () => {
    const tank = scratch()
    const identities = hostile.flatMap((name, at) => [
      { user: name.replace(/@/g, ""), host: `ns${at}`, path: "/data" },
      { user: "app", host: name.replace(/:/g, ""), path: "/data" },
      { user: "app", host: `ns${at}`, path: `/${name}` },
    ])
    writeSyntheticKopia(join(tank, "kopia"), { password: "pw", snapshots: identities.length, identities })
    const { stdout, document } = await proposed(tank, "--password-file", passwordFile("pw"))
    expect(document.repositories).toHaveLength(1)
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  })
})

describe("adopt changes nothing", () => {
  function fleet(tank: string): void {
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    putRepository("restic/movers", join(tank, "restic"))
    putRepository("kopia/format-3", join(tank, "half"))
    rmSync(join(tank, "half/kopia.repository.f"))
    mkdirSync(join(tank, "empty/kopia"), { recursive: true })
    mkdirSync(join(tank, ".cistern"))
    writeFileSync(join(tank, ".cistern/store.json"), "{}")
    symlinkSync("restic", join(tank, "link"))
    execFileSync("mkfifo", [join(tank, "fifo")])
    forgetAccesses(tank, (path) => {
      chmodSync(path, 0o600)
      utimesSync(path, 1, 1_700_000_000)
    })
  }

  it("in the tree: no name, byte, mode or time, and no file's time of last access", async () => {
    const tank = scratch()
    fleet(tank)
    const before = treeState(tank)
    const { repositories } = await proposed(tank, ...kopiaPassword(), "--networks", "10.0.0.0/8")
    expect(repositories).toHaveLength(3)
    expect(treeState(tank)).toEqual(before)
  })

  it("and needs no right to", async () => {
    requireRoot()
    const tank = join(scratch(), "tank")
    mkdirSync(tank)
    fleet(tank)
    const readOnly = join(scratch(), "tank")
    mountBind(tank, readOnly)
    execFileSync("mount", ["-o", "remount,bind,ro", readOnly])
    const before = treeState(tank)
    const { repositories, stdout } = await proposed(readOnly, ...kopiaPassword())
    expect(repositories).toHaveLength(3)
    expect(stdout).toContain("read-only")
    expect(treeState(tank)).toEqual(before)
  })

  it("and says the same each time", async () => {
    const tank = scratch()
    fleet(tank)
    const first = await adopt(tank, ...kopiaPassword())
    const password = first.stdout.match(/file: (\S+)/)?.[1] ?? ""
    expect(await adopt(tank, "--password-file", password)).toEqual(first)
  })
})

describe("--json", () => {
  it("has the document, what was found, what was noticed and what was not looked at", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    putRepository("restic/movers", join(tank, "deep/er/restic"))
    mkdirSync(join(tank, "kopia-new"))
    const answer = await found(tank, ...kopiaPassword(), "--depth", "3")
    expect(applied(JSON.stringify(answer.document)).repositories).toHaveLength(1)
    expect(answer.found).toMatchObject([
      {
        path: join(tank, "kopia"),
        engine: "kopia",
        formatVersion: 3,
        layout: [1, 3],
        snapshots: 63,
        newest: "2026-11-20T03:00:00Z",
        error: null,
        repository: "kopia",
      },
    ])
    expect(answer.notices.map(({ code, path }) => `${code} ${path ?? ""}`)).toContain(
      `prepared ${join(tank, "kopia-new")}`,
    )
    expect(answer.unlooked.map(({ code }) => code)).toEqual(["limit", "limit", "limit"])
    expect(answer.exitCode).toBe(3)
  })
})
