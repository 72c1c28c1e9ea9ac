import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { cli, type CliResult } from "../support/cli.js"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountHung, mountImage, unmount } from "../support/mounts.js"
import { beginSocketRequest, socketRequest } from "../support/socket-request.js"
import { documentOf, place, SHARED_PASSWORD, sharedKopia } from "./fleet.js"

// What is in snapshots, asked of the built daemon over its socket, beside the same read without it and by the real restic.

const PASSWORD = "of this volume"
const MiB = 1024 * 1024

interface Scene {
  readonly store: string
  readonly repository: string
  readonly volume: string
  readonly restic: (...words: string[]) => Buffer
}

/** An ext4 filesystem with one volume's restic repository of two backups in it. */
function scene(): Scene {
  const store = join(scratch(), "store")
  mountImage(ext4Image(256), store)
  const repository = join(store, "restic/media/radarr")
  const volume = scratch()
  const restic = (...words: string[]): Buffer =>
    execFileSync("restic", ["--no-cache", "--repo", repository, ...words], {
      cwd: volume,
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", RESTIC_PASSWORD: PASSWORD },
      maxBuffer: 512 * MiB,
      stdio: ["ignore", "pipe", "pipe"],
    })
  mkdirSync(join(store, "restic/media"), { recursive: true })
  restic("init")
  mkdirSync(join(volume, "app/empty"), { recursive: true })
  writeFileSync(join(volume, "app/movie.bin"), randomBytes(24 * MiB))
  writeFileSync(join(volume, "app/config.xml"), "<a/>")
  for (const name of [
    "wei\u00df \u{1f600}.txt",
    "new\nline",
    "\u001b[31mred",
    "..hidden",
    "back\\slash",
    '"quoted"',
  ])
    writeFileSync(join(volume, "app", name), name)
  writeFileSync(Buffer.concat([Buffer.from(join(volume, "app/latin-")), Buffer.from([0xe9])]), "latin")
  execFileSync("ln", ["-s", "../../etc/passwd", join(volume, "app/link")])
  restic("backup", "--host", "volsync", ".")
  writeFileSync(join(volume, "app/config.xml"), "<a>changed</a>")
  writeFileSync(join(volume, "app/added.db"), randomBytes(1000))
  restic("backup", "--host", "volsync", ".")
  return { store, repository, volume, restic }
}

const perVolume = {
  name: "own",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
}

async function startedWith(store: string, repositories = [perVolume as never]): Promise<DaemonProcess> {
  const daemon = await startDaemon({ document: documentOf(store, repositories) })
  await isListed(daemon)
  return daemon
}

/** A backup of a directory that is not called /data is told from a mover's: that says that it was listed. */
async function isListed(daemon: DaemonProcess): Promise<void> {
  await daemon.answers("media/radarr", "convention_mismatch")
}

function asking({ state }: DaemonProcess) {
  return (...args: string[]): Promise<CliResult> => cli(args, { environment: { CISTERN_STATE: state } })
}

const OF_VOLUME = ["--volume", "media/radarr"]
const target = { namespace: "media", pvc: "radarr", snapshot: "latest" }

describe("a snapshot that is read by the daemon", () => {
  it("is listed, compared, searched and handed out as it is without the daemon, and as restic itself has it", async () => {
    const { store, repository, restic, volume } = scene()
    const daemon = await startedWith(store)
    const cistern = asking(daemon)
    const file = join(scratch(), "password")
    writeFileSync(file, PASSWORD)
    const ids = (JSON.parse(restic("snapshots", "--json").toString()) as { id: string }[]).map(({ id }) => id)
    const [first = "", second = ""] = ids
    const pack = readdirSync(join(repository, "data"), { recursive: true, encoding: "utf8" }).find((name) =>
      name.includes("/"),
    )
    const commands = [
      ["ls", "latest", "-R", "--sha256", "--json"],
      ["ls", "latest:app"],
      ["ls", `${first.slice(0, 10)}:/app/config.xml`, "--json"],
      ["ls", "latest:/nothing"],
      ["ls", "ffffffffff"],
      ["find", "*.db"],
      ["find", "config.xml", "--json"],
      ["find", "CONFIG.*", "-i", "--path", "app", "--snapshot", second],
      ["find", "nothing*"],
      ["find", "*", "--identity", "nobody@nowhere:/data"],
      ["find", ".."],
      ["diff", first, second],
      ["diff", `${first}:app`, `${second}:app`, "--metadata", "--json"],
      ["get", "latest:/app/movie.bin"],
      ["get", "latest:app/movie.bin", "--range", "1048570-9437190"],
      ["get", "latest:app/config.xml", "--range", "-3"],
      ["get", "latest:app/config.xml", "--range", "900-"],
      ["get", "latest:app/config.xml", "--range", "1-2,4-5"],
      ["get", "latest", "--format", "tar"],
      ["get", "latest:app", "--format", "zip"],
      ["impact", `data/${pack ?? ""}`, "--json", "--progress", "none"],
      ["impact", `data/${pack ?? ""}`, "--progress", "none"],
      ["impact", "0000000000", "--progress", "none"],
    ]
    for (const words of commands) {
      const here = await cli([...words, "--at", repository, "--password-file", file])
      const there = await cistern(...words, ...OF_VOLUME)
      const name = words.join(" ")
      expect(there.exitCode, `${name}: ${there.stderr}`).toBe(here.exitCode)
      expect(hash(there.bytes), name).toBe(hash(here.bytes))
      expect(there.stderr, name).toBe(here.stderr)
    }
    const dumped = restic("dump", "latest", "/app/movie.bin")
    expect(hash((await cistern("get", "latest:app/movie.bin", ...OF_VOLUME)).bytes)).toBe(hash(dumped))
    expect(hash(dumped)).toBe(hash(readFileSync(join(volume, "app/movie.bin"))))
    const { bytes } = await cistern("get", "latest", "--format", "tar", "--repository", "own")
    const [ours, theirs] = [unpackTar(bytes), unpackTar(restic("dump", "latest", "/"))]
    for (const tree of [ours, theirs])
      expect(execFileSync("diff", ["-r", "--no-dereference", tree, volume]).toString()).toBe("")
  })

  it("is not listed for anybody by a path that no path is, or under a name that is not declared", async () => {
    const { store } = scene()
    const daemon = await startedWith(store)
    const refused: [Record<string, string>, number][] = [
      [{ ...target, path: "app/../../etc" }, 400],
      [{ ...target, path: "app/\0" }, 400],
      [{ ...target, path: "./app" }, 400],
      [{ ...target, snapshot: "../latest" }, 400],
      [{ ...target, snapshot: "" }, 400],
      [{ ...target, namespace: "../media" }, 400],
      [{ namespace: "media", snapshot: "latest" }, 400],
      [{ ...target, recursive: "maybe" }, 400],
      [{ repository: "nobody", snapshot: "latest" }, 404],
      [{ repository: "own", repositoryPath: "../restic/media/radarr", snapshot: "latest" }, 404],
      [{ namespace: "media", pvc: "sonarr", snapshot: "latest" }, 404],
      [{ ...target, cluster: "elsewhere" }, 404],
    ]
    for (const [query, status] of refused) {
      const reply = await socketRequest(daemon.state, "/api/v1/contents/entries", query)
      expect(reply.status, JSON.stringify(query)).toBe(status)
      expect(JSON.parse(reply.bytes.toString())).toMatchObject({ code: expect.any(String) as string })
    }
    const file = await socketRequest(daemon.state, "/api/v1/contents/impact", {
      ...target,
      file: "../../etc/passwd",
    })
    expect(file.status).toBe(400)
  })

  it("is shown page by page, with names that are no text as their bytes", async () => {
    const { store, volume } = scene()
    const daemon = await startedWith(store)
    const names: string[] = []
    for (let after: string | undefined, turns = 0; turns < 20; turns++) {
      const query = { ...target, path: "app", limit: "3", ...(after === undefined ? {} : { after }) }
      const { bytes } = await socketRequest(daemon.state, "/api/v1/contents/page", query)
      const page = JSON.parse(bytes.toString()) as {
        entries: { path?: string; pathBase64?: string }[]
        next: string | null
        total: number
      }
      expect(page.total).toBe(readdirSync(join(volume, "app")).length)
      expect(page.entries.length).toBeLessThanOrEqual(3)
      names.push(
        ...page.entries.map(
          ({ path, pathBase64 }) => path ?? Buffer.from(pathBase64 ?? "", "base64").toString("latin1"),
        ),
      )
      if (page.next === null) break
      after = page.next
    }
    expect(names).toHaveLength(readdirSync(join(volume, "app")).length)
    expect(names).toContain("app/latin-\u00e9")
    expect(names).toContain("app/new\nline")
  })
})

describe("a file that is downloaded from the daemon", () => {
  it("comes in ranges as HTTP has them, to be saved under a safe name and never shown", async () => {
    const { store, volume } = scene()
    const daemon = await startedWith(store)
    const movie = readFileSync(join(volume, "app/movie.bin"))
    const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
      socketRequest(daemon.state, "/api/v1/contents/file", { ...target, path }, headers, method)
    const whole = await get("app/movie.bin")
    expect(whole.headers).toMatchObject({
      "content-length": String(movie.length),
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      "content-disposition": `attachment; filename="movie.bin"; filename*=UTF-8''movie.bin`,
    })
    expect(hash(whole.bytes)).toBe(hash(movie))
    const etag = whole.headers.etag ?? ""
    const part = await get("app/movie.bin", { range: "bytes=5000000-5999999", "if-range": etag })
    expect(part).toMatchObject({
      status: 206,
      headers: { "content-range": `bytes 5000000-5999999/${movie.length}` },
    })
    expect(part.bytes.equals(movie.subarray(5_000_000, 6_000_000))).toBe(true)
    expect((await get("app/movie.bin", { range: "bytes=0-9", "if-range": '"another"' })).status).toBe(200)
    expect((await get("app/movie.bin", { range: "bytes=0-9,20-29" })).status).toBe(200)
    const beyond = await get("app/config.xml", { range: "bytes=900-" })
    expect(beyond).toMatchObject({ status: 416, headers: { "content-range": "bytes */14" } })
    const head = await get("app/movie.bin", {}, "HEAD")
    expect(head).toMatchObject({ status: 200, headers: { "content-length": String(movie.length) } })
    expect(head.bytes).toHaveLength(0)
    const hostile = await get("app/new\nline")
    expect(hostile.headers["content-disposition"]).toBe(
      `attachment; filename="new_line"; filename*=UTF-8''new_line`,
    )
    expect((await get('app/"quoted"')).headers["content-disposition"]).toContain('filename="_quoted_"')
    expect((await get("app")).status).toBe(400)
  })

  it("ends when its client goes, and one who takes nothing fills no memory and holds up nobody", async () => {
    const { store, volume, restic } = scene()
    writeFileSync(join(volume, "large"), randomBytes(120 * MiB))
    restic("backup", "--host", "volsync", ".")
    const daemon = await startedWith(store)
    const path = "/api/v1/contents/file"
    await socketRequest(daemon.state, path, { ...target, path: "app/config.xml" })
    const before = residentMiB(daemon)
    const slow = await Promise.all(
      [1, 2, 3, 4].map(() => beginSocketRequest(daemon.state, path, { ...target, path: "large" })),
    )
    for (const { incoming } of slow) await new Promise((resolve) => incoming.once("readable", resolve))
    // Whole requests go through meanwhile, by the same thread.
    for (let times = 0; times < 20; times++) {
      expect((await daemon.exists("media/radarr")).milliseconds).toBeLessThan(500)
      expect((await socketRequest(daemon.state, path, { ...target, path: "app/config.xml" })).status).toBe(
        200,
      )
    }
    expect(residentMiB(daemon) - before).toBeLessThan(100)
    for (const { outgoing } of slow) outgoing.destroy()
    // More than may be under way at once can follow: those who went were forgotten.
    for (let times = 0; times < 12; times++) {
      const { outgoing, incoming } = await beginSocketRequest(daemon.state, path, {
        ...target,
        path: "large",
      })
      expect(incoming.statusCode).toBe(200)
      outgoing.destroy()
    }
    const again = await socketRequest(daemon.state, path, { ...target, path: "large" })
    expect(hash(again.bytes)).toBe(hash(readFileSync(join(volume, "large"))))
  })

  it("breaks off where its pack is damaged, and so does an archive, which the command line explains", async () => {
    const { store, repository } = scene()
    const daemon = await startedWith(store)
    const cistern = asking(daemon)
    damageLargestPacks(repository)
    const file = await socketRequest(daemon.state, "/api/v1/contents/file", {
      ...target,
      path: "app/movie.bin",
    })
    expect(file).toMatchObject({ status: 200, brokeOff: true })
    const tar = await socketRequest(daemon.state, "/api/v1/contents/archive", { ...target, format: "tar" })
    expect(tar).toMatchObject({ status: 200, brokeOff: true })
    const told = await cistern("get", "latest", "--format", "tar", ...OF_VOLUME)
    expect(told).toMatchObject({ exitCode: 1 })
    expect(told.stderr).toMatch(/error: data\/[^]*\[corrupt\]/)
    const skipped = await cistern("get", "latest", "--format", "tar", "--skip-damaged", ...OF_VOLUME)
    expect(skipped.exitCode).toBe(1)
    expect(skipped.stderr).toMatch(/left out: app\/movie.bin: /)
    expect(readdirSync(join(unpackTar(skipped.bytes), "app"))).toContain("config.xml")
  })
})

describe("while something is wrong with the disk, browsing", () => {
  it("says that the filesystem is gone and lists nothing, and lets it be unmounted in peace before", async () => {
    const { store } = scene()
    const daemon = await startedWith(store)
    const cistern = asking(daemon)
    expect((await cistern("ls", "latest", ...OF_VOLUME)).exitCode).toBe(0)
    unmount(store)
    const gone = await cistern("ls", "latest", "--json", ...OF_VOLUME)
    expect(gone).toMatchObject({ exitCode: 3, stdout: "" })
    expect(gone.stderr).toContain("nothing is mounted at")
  })

  it("has no end when the filesystem goes in the middle", async () => {
    const { store } = scene()
    const daemon = await startedWith(store)
    const query = { ...target, recursive: "true", sha256: "true" }
    const { incoming } = await beginSocketRequest(daemon.state, "/api/v1/contents/file", {
      ...target,
      path: "app/movie.bin",
    })
    await new Promise((resolve) => incoming.once("readable", resolve))
    unmount(store, "by force")
    await expect(
      (async () => {
        for await (const piece of incoming) expect(piece).toBeDefined()
      })(),
    ).rejects.toThrow()
    const listed = await socketRequest(daemon.state, "/api/v1/contents/entries", query)
    expect(listed.status).toBe(503)
    expect(listed.bytes.toString()).not.toContain('"end"')
  })

  it("waits for a mount that hangs in its own store alone, and says so", async () => {
    const { store } = scene()
    const other = scratch()
    place("kopia/cluster-shared", join(other, "kopia"))
    const document = {
      ...documentOf(store, [
        { ...perVolume, namespaces: ["media"] },
        { ...sharedKopia, store: "second", namespaces: ["home"], password: { value: SHARED_PASSWORD } },
      ]),
      stores: [
        { name: "tank", path: store, allowRoot: true },
        { name: "second", path: other, allowRoot: true },
      ],
    }
    const daemon = await startDaemon({ document })
    await isListed(daemon)
    await daemon.answers("home/home-assistant", "restore")
    const cistern = asking(daemon)
    const kopia = ["--volume", "home/home-assistant"]
    expect((await cistern("ls", "latest", ...kopia)).exitCode).toBe(0)
    mountHung(join(other, "kopia"))
    const waiting = cistern("ls", "latest", ...kopia)
    const at = performance.now()
    expect((await cistern("ls", "latest", ...OF_VOLUME)).exitCode).toBe(0)
    expect(performance.now() - at).toBeLessThan(3_000)
    expect((await daemon.exists("media/radarr")).milliseconds).toBeLessThan(500)
    const hung = await waiting
    expect(hung).toMatchObject({ exitCode: 3, stdout: "" })
    expect(hung.stderr).toContain('The filesystem of store "second" has not answered since')
    const soon = performance.now()
    expect((await cistern("ls", "latest", ...kopia)).exitCode).toBe(3)
    expect(performance.now() - soon).toBeLessThan(2_000)
  }, 60_000)

  it("says that the password is wrong, and reads when it is right again", async () => {
    const { store } = scene()
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...perVolume, password: { value: "not-the-right-one" } }]),
    })
    await daemon.answers("media/radarr", "wrong_password")
    const cistern = asking(daemon)
    const wrong = await cistern("ls", "latest", ...OF_VOLUME)
    expect(wrong).toMatchObject({ exitCode: 3, stdout: "" })
    expect(wrong.stderr).toContain("[wrong_password]")
    expect(wrong.stderr + daemon.output).not.toContain("not-the-right-one")
  })

  it("goes on in a repository that restic prunes meanwhile", async () => {
    const { store, volume, restic } = scene()
    const daemon = await startedWith(store)
    const cistern = asking(daemon)
    expect((await cistern("ls", "latest", ...OF_VOLUME)).exitCode).toBe(0)
    writeFileSync(join(volume, "app/movie.bin"), randomBytes(2 * MiB))
    restic("backup", "--host", "volsync", ".")
    restic("forget", "--keep-last", "1", "--group-by", "", "--prune", "--max-unused", "0")
    const { bytes, exitCode } = await cistern("get", "latest:app/movie.bin", ...OF_VOLUME)
    expect(exitCode).toBe(0)
    expect(hash(bytes)).toBe(hash(readFileSync(join(volume, "app/movie.bin"))))
  })
})

describe("a volume in a repository that many share", () => {
  it("has its own latest snapshot, and no other volume's", async () => {
    const store = scratch()
    place("kopia/cluster-shared", join(store, "kopia"))
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const cistern = asking(daemon)
    const { stdout } = await cistern("snapshots", "--json")
    const { snapshots } = JSON.parse(stdout) as { snapshots: { id: string; pvc: string | null }[] }
    const own = snapshots.filter(({ pvc }) => pvc === "home-assistant").map(({ id }) => id)
    const other = snapshots.find(({ pvc }) => pvc === "zigbee2mqtt")?.id ?? ""
    const volume = ["--volume", "home/home-assistant"]
    const found = await cistern("find", "*", "--json", ...volume)
    const rows = (JSON.parse(found.stdout) as { found: { identity: string; last: { id: string } }[] }).found
    expect(new Set(rows.map(({ identity }) => identity))).toEqual(new Set(["home-assistant@home:/data"]))
    expect(rows.map(({ last }) => last.id)).toContain(own.at(-1))
    expect((await cistern("ls", other, ...volume)).exitCode).toBe(1)
    expect((await cistern("ls", other, "--repository", "shared")).exitCode).toBe(0)
    const named = await cistern("ls", own.at(-1) ?? "", "--json")
    expect((await cistern("ls", "latest", "--json", ...volume)).stdout).toBe(named.stdout)
  })
})

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function residentMiB({ pid }: DaemonProcess): number {
  const status = readFileSync(`/proc/${childOf(pid)}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** The program is a script that may have started the daemon, or become it. */
function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
  return children === "" ? pid : Number(children.split(" ")[0])
}

/** Flips a byte in the middle of every pack that holds files' bytes. */
function damageLargestPacks(repository: string): void {
  const data = join(repository, "data")
  for (const name of readdirSync(data, { recursive: true, encoding: "utf8" })) {
    const file = join(data, name)
    if (!statSync(file).isFile() || statSync(file).size < MiB) continue
    const bytes = readFileSync(file)
    const at = bytes.length >> 1
    bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at)
    execFileSync("chmod", ["u+w", file])
    writeFileSync(file, bytes)
  }
}

/** The directory that the real tar makes of an archive. */
function unpackTar(bytes: Buffer): string {
  const directory = scratch()
  execFileSync("tar", ["-x", "-C", directory], { input: bytes, stdio: ["pipe", "ignore", "ignore"] })
  return directory
}
