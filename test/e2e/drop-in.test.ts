import { execFileSync } from "node:child_process"
import { createServer } from "node:net"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { refusedStart, startDaemon } from "../support/daemon.js"
import { fixture, fixtureCopy, scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, mountTmpfs, unmount } from "../support/mounts.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { until } from "../support/until.js"
import { giveTo, NOBODY, SHARED_PASSWORD } from "./fleet.js"

/** What a Deployment of pvc-plumber 1.7 sets. */
function plumber(path: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    BACKEND_TYPE: "kopia-fs",
    KOPIA_REPOSITORY_PATH: path,
    KOPIA_PASSWORD: SHARED_PASSWORD,
    PORT: "0",
    CISTERN_LISTEN: "",
    ...more,
  }
}

describe("in pvc-plumber's place, with its variables alone, the daemon", () => {
  it("answers on PORT of all addresses: restore, fresh, and what stands in the way", async () => {
    const port = await freePort()
    const daemon = await startDaemon({
      environment: plumber(fixtureCopy("kopia/cluster-shared"), { PORT: String(port) }),
    })
    expect(daemon).toMatchObject({ host: "::", port })
    expect(await daemon.answers("media/radarr", "restore")).toMatchObject({
      status: 200,
      source: "radarr-backup@media:/data",
    })
    expect(await daemon.exists("media/brand-new")).toMatchObject({ status: 200, decision: "fresh" })
    // Its own name in the repository is the bare one, which the mover of this cluster does not look up.
    expect(await daemon.exists("home/paperless")).toMatchObject({ status: 503, reason: "similar_identity" })
    expect(await daemon.get("/readyz")).toMatchObject({ status: 200, body: '{"status":"ok"}\n' })
    expect(await daemon.get("/healthz")).toMatchObject({ status: 200, body: '{"status":"ok"}\n' })
    expect((await daemon.get("/metrics")).body).toContain(
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="restore"}',
    )
  })

  it("writes nothing into the repository that it was lent", async () => {
    const repository = fixtureCopy("kopia/change-password")
    const environment = plumber(repository, { KOPIA_PASSWORD: 'nëw pässword "2" 🔑' })
    const before = treeOf(repository)
    const daemon = await startDaemon({ environment })
    await until(
      () => daemon.get("/readyz"),
      ({ status }) => status === 200,
      "readiness",
    )
    await daemon.exists("a/b")
    await daemon.stop()
    expect(treeOf(repository)).toEqual(before)
  })

  it("answers HEAD and POST alike, as pvc-plumber does", async () => {
    const daemon = await startDaemon({ environment: plumber(fixtureCopy("kopia/cluster-shared")) })
    await daemon.answers("media/radarr", "restore")
    const response = await fetch(`http://127.0.0.1:${daemon.port}/exists/media/radarr`, { method: "POST" })
    expect(response.status).toBe(200)
  })

  it.each([
    [{ HTTP_TIMEOUT: "soon" }, 'HTTP_TIMEOUT="soon" is not a duration such as 500ms, 3s or 1m30s'],
    [{ RE_WARM_INTERVAL: "-30s" }, 'RE_WARM_INTERVAL="-30s" must not be negative; 0s switches it off'],
    [{ PORT: "http" }, 'PORT="http" is not a port from 0 to 65535'],
    [{ KOPIA_PASSWORD: "" }, "KOPIA_PASSWORD is required for kopia-fs, and it is not set"],
    [{ KOPIA_REPOSITORY_PATH: "/nonexistent/repository" }, "does not exist: mount the repository there"],
    [{ BACKEND_TYPE: "invalid" }, 'BACKEND_TYPE="invalid" must be one of s3, kopia-fs, kopia-s3'],
  ])("does not start with %o and says why", async (wrong, message) => {
    const { exitCode, stderr } = await refusedStart({ environment: plumber("/", wrong) })
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  })

  it.each([
    { S3_ENDPOINT: "nas:9000", S3_BUCKET: "volsync", S3_ACCESS_KEY: "AK", S3_SECRET_KEY: "hidden-sk" },
    {
      BACKEND_TYPE: "kopia-s3",
      KOPIA_S3_ENDPOINT: "nas:9000",
      KOPIA_S3_BUCKET: "volsync",
      KOPIA_PASSWORD: "hidden-sk",
    },
  ])(
    "does not start for a repository in S3, whose variables are right, and says that it cannot yet",
    async (environment) => {
      const { exitCode, stdout, stderr } = await refusedStart({ environment })
      expect(exitCode).toBe(2)
      expect(stderr).toContain("reading repositories in S3 has not landed yet")
      expect(stdout + stderr).not.toContain("hidden-sk")
    },
  )

  it("says unknown while another disk or none is mounted, and after a restart knows the repository by its pin", async () => {
    const mountPoint = join(scratch(), "repository")
    const filled = () => {
      mountImage(ext4Image(24), mountPoint)
      execFileSync("cp", ["-a", `${fixture("kopia/cluster-shared")}/.`, mountPoint])
    }
    filled()
    const first = await startDaemon({ environment: plumber(mountPoint) })
    await first.answers("media/radarr", "restore")
    await first.answers("media/brand-new", "fresh")
    unmount(mountPoint)
    await first.answers("media/brand-new", "store_fenced")
    await first.answers("media/radarr", "store_fenced")
    expect((await first.get("/readyz")).status).toBe(503)
    filled()
    await first.answers("media/radarr", "store_fenced")
    await first.stop()
    const second = await startDaemon({ state: first.state, environment: plumber(mountPoint) })
    await second.answers("media/radarr", "restore")
    await second.answers("media/brand-new", "fresh")
  })

  it("says unknown, not fresh, while the directory is empty", async () => {
    const daemon = await startDaemon({ environment: plumber(scratch()) })
    await daemon.answers("media/radarr", "repository_missing")
    expect((await daemon.get("/readyz")).status).toBe(503)
  })
})

describe("in pvc-plumber's place, where nothing that is written lasts, the daemon", () => {
  it("names the volume to add, and says fresh only because the repository holds a backup of long ago", async () => {
    const state = join(scratch(), "state")
    mountTmpfs(state, "8m")
    const daemon = await startDaemon({ state, environment: plumber(fixtureCopy("kopia/cluster-shared")) })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/brand-new", "fresh")
    const warning = daemon.log.find(({ msg }) => String(msg).startsWith("the state directory does not last"))
    expect(warning).toMatchObject({ level: "warn", state })
  })

  it("says unknown instead of fresh in a repository of yesterday, which may have been swapped meanwhile", async () => {
    const state = join(scratch(), "state")
    mountTmpfs(state, "8m")
    const repository = scratch()
    const identity = { user: "radarr-backup", host: "media", path: "/data" }
    const newest = new Date(Date.now() - 20 * 3_600_000)
    writeSyntheticKopia(repository, {
      password: SHARED_PASSWORD,
      snapshots: 2,
      identities: [identity],
      newest,
    })
    const daemon = await startDaemon({ state, environment: plumber(repository) })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/brand-new", "state_not_durable")
  })

  it("runs without any state directory that it may write to", async () => {
    const state = scratch()
    const repository = fixtureCopy("kopia/cluster-shared")
    giveTo(NOBODY, dirname(repository))
    const daemon = await startDaemon({ state, uid: NOBODY, environment: plumber(repository) })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/brand-new", "fresh")
  })

  it("runs where the whole filesystem of its container is read-only", async () => {
    const container = join(scratch(), "container")
    mountTmpfs(container, "2m,ro")
    const repository = fixture("kopia/cluster-shared")
    const environment = {
      ...plumber(repository),
      CISTERN_STATE: join(container, "var/lib/cistern"),
      TMPDIR: container,
    }
    const passing = () => readdirSync("/dev/shm").filter((name) => name.startsWith("cistern-"))
    const before = passing()
    const daemon = await startDaemon({ environment })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/brand-new", "fresh")
    expect(passing()).toHaveLength(before.length + 1)
    await daemon.stop()
    expect(passing()).toEqual(before)
  })
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("a TCP socket has a port")
  return address.port
}

/** Every name below a directory with its size and times. */
function treeOf(directory: string): string {
  return execFileSync("find", [directory, "-printf", "%P %y %s %T@ %C@\\n"], { encoding: "utf8" })
}
