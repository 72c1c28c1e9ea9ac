import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { anomaliesAt, type Anomaly, usualLimits } from "../../../server/anomalies/index.js"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"
import { findProgram, runRestic } from "../../support/programs.js"

const whenMade = Date.parse("2026-11-19T12:00:00Z")

async function anomaliesIn(
  place: string,
  password: string,
  now: number,
  allSteps = true,
): Promise<Map<string, Anomaly[]>> {
  const repository = await openRepository({ files: new DirectoryTree(place), password: new Secret(password) })
  const [listing, contents] = [await repository.list(), await repository.openContents()]
  const found = new Map<string, Anomaly[]>()
  for await (const { source, anomalies } of anomaliesAt({
    listing,
    contents,
    now,
    limits: usualLimits,
    allSteps,
  })) {
    if (anomalies.length > 0) found.set(source, [...anomalies])
  }
  return found
}

describe("in repositories of the real programs", () => {
  it("zeros and losses that kopia stored are told, with the right files, and nothing else", async () => {
    const name = "kopia/zero-files"
    const found = await anomaliesIn(fixture(name), expectedOf(name)["password"] as string, whenMade)
    const { zeroed } = expectedOf(name)["facts"] as { zeroed: string[] }
    expect([...found.keys()].sort()).toEqual([
      "nextcloud@cloud:/data",
      "shrunk@cloud:/data",
      "touched@cloud:/data",
    ])
    expect(found.get("nextcloud@cloud:/data")).toMatchObject([
      {
        code: "file_zeroed",
        evidence: { paths: zeroed.sort(), afterStart: "2026-11-19T03:00:00Z", bytes: 260_000 },
      },
    ])
    expect(found.get("shrunk@cloud:/data")).toMatchObject([
      { code: "files_lost", evidence: { value: 33, usual: 107.5 } },
      { code: "mass_deletion", evidence: { removed: 75, moved: 0, filesBefore: 108 } },
    ])
    expect(found.get("touched@cloud:/data")).toMatchObject([{ code: "file_zeroed" }])
  })

  it("zeros and losses that restic stored are told, with the right files, and nothing else", async () => {
    const name = "restic/zero-files"
    const found = await anomaliesIn(fixture(name), expectedOf(name)["password"] as string, whenMade)
    const { zeroed } = expectedOf(name)["facts"] as { zeroed: string[] }
    expect([...found]).toMatchObject([
      [
        "/data",
        [
          { code: "files_lost" },
          { code: "file_zeroed", evidence: { paths: zeroed.sort(), afterStart: "2026-11-17T03:00:00Z" } },
          { code: "mass_deletion", evidence: { removed: 36, filesBefore: 50 } },
        ],
      ],
    ])
  })

  it("each kind of sorry history in a fleet's repository is told, and the sound ones are quiet", async () => {
    const name = "kopia/cluster-shared"
    const found = await anomaliesIn(
      fixture(name),
      expectedOf(name)["password"] as string,
      Date.parse("2026-11-22T02:00:00Z"),
      false,
    )
    const told = [...found].map(
      ([source, anomalies]) => `${source} ${anomalies.map(({ code }) => code).join(" ")}`,
    )
    expect(told.sort()).toEqual([
      "myapp@home:/data backup_missed",
      "source@media-lidarr:/data backup_missed",
      "zigbee2mqtt@home:/data backup_missed",
    ])
    const later = await anomaliesIn(
      fixture(name),
      expectedOf(name)["password"] as string,
      Date.parse("2026-11-22T12:00:00Z"),
      false,
    )
    const never = [...later].filter(([, anomalies]) =>
      anomalies.some(({ code }) => code === "never_complete"),
    )
    expect(never.map(([source]) => source).sort()).toEqual(["immich@media:/data", "paperless@home:/data"])
  })
})

describe("with the real restic, which records no sizes at 0.14", () => {
  const restic = () => {
    const [repository, data] = [scratch(), join(scratch(), "data")]
    mkdirSync(data)
    runRestic(repository, "secret", "init")
    return {
      repository,
      data,
      backup: (...more: string[]) =>
        runRestic(repository, "secret", "backup", "--host", "volsync", ...more, data),
      found: async () => (await anomaliesIn(repository, "secret", Date.now())).get(data) ?? [],
    }
  }

  it("a file that turned into zeros is told where its time changed, and is not seen where size and time stayed: restic stores the old contents again", async () => {
    const { repository, data, backup, found } = restic()
    const file = join(data, "app.db")
    writeFileSync(file, Buffer.alloc(600_000, "data"))
    backup()
    execFileSync("cp", ["-a", file, `${data}-before`])
    // Written in place: restic also looks at the inode and its change time, so that the blind case is its --ignore-ctime.
    execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=600000", "count=1", "conv=notrunc", "status=none"])
    execFileSync("touch", ["-r", `${data}-before`, file])
    backup("--ignore-ctime", "--ignore-inode")
    expect(await found()).toEqual([])
    expect(runRestic(repository, "secret", "dump", "latest", file)).toBe("data".repeat(150_000))
    backup("--force")
    expect(await found()).toMatchObject([
      { code: "file_zeroed", evidence: { paths: [join(data, "app.db").slice(1)] } },
    ])
    rmSync(`${data}-before`)
  })

  it("restic sees by its change time what a program zeroed and set back", async () => {
    const { data, backup, found } = restic()
    const file = join(data, "app.db")
    writeFileSync(file, Buffer.alloc(600_000, "data"))
    backup()
    execFileSync("cp", ["-a", file, `${data}-before`])
    execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=600000", "count=1", "conv=notrunc", "status=none"])
    execFileSync("touch", ["-r", `${data}-before`, file])
    backup()
    expect(await found()).toMatchObject([{ code: "file_zeroed" }])
    rmSync(`${data}-before`)
  })

  it("a deletion of most files is told by the trees", async () => {
    const { data, backup, found } = restic()
    for (let at = 0; at < 60; at++) writeFileSync(join(data, `f${at}`), `content ${at}`)
    backup()
    for (let at = 0; at < 50; at++) rmSync(join(data, `f${at}`))
    backup()
    expect(await found()).toMatchObject([
      { code: "mass_deletion", evidence: { removed: 50, filesBefore: 60 } },
    ])
  })
})

const kopia = findProgram("kopia")

describe.skipIf(kopia === undefined)("with the real kopia", () => {
  it("a file that was zeroed with its old size and time is reused, and does not show", async () => {
    const [repository, home, data] = [scratch(), scratch(), join(scratch(), "data")]
    const run = (...words: string[]) =>
      execFileSync(kopia ?? "", words, {
        env: {
          PATH: process.env["PATH"],
          HOME: home,
          KOPIA_PASSWORD: "secret",
          KOPIA_CONFIG_PATH: join(home, "repository.config"),
          KOPIA_CACHE_DIRECTORY: join(home, "cache"),
          KOPIA_LOG_DIR: join(home, "log"),
          KOPIA_CHECK_FOR_UPDATES: "false",
        },
        stdio: ["ignore", "pipe", "pipe"],
      })
    mkdirSync(data)
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000, "data"))
    run("repository", "create", "filesystem", "--path", repository)
    run("snapshot", "create", data)
    execFileSync("cp", ["-a", join(data, "app.db"), `${data}-before`])
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000))
    execFileSync("touch", ["-r", `${data}-before`, join(data, "app.db")])
    run("snapshot", "create", data)
    const found = async () => [...(await anomaliesIn(repository, "secret", Date.now())).values()].flat()
    expect(await found()).toEqual([])
    run("snapshot", "create", "--force-hash=100", data)
    expect(await found()).toMatchObject([{ code: "file_zeroed", evidence: { paths: ["app.db"] } }])
  })
})
