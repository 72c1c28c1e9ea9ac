import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, refusedStart, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import {
  documentOf,
  moversStore,
  perVolumeRestic,
  place,
  SHARED_PASSWORD,
  sharedKopia,
  sharedStore,
} from "./fleet.js"

interface Applied {
  readonly applied: boolean
  readonly changes: { kind: string; of: string; name: string }[]
  readonly acknowledgements: { id: string; accepted: boolean }[]
}

async function apply(daemon: DaemonProcess, document: object | string, more: object = {}) {
  const text = typeof document === "string" ? document : JSON.stringify(document)
  const { status, body } = await daemon.admin("POST", "/api/v1/apply", { document: text, ...more })
  return { status, ...(JSON.parse(body) as Applied) }
}

function kinds({ changes }: Applied): string[] {
  return changes.map(({ kind, of, name }) => `${kind} ${of} ${name}`)
}

describe("a document that is applied to a running daemon", () => {
  it("is shown as a diff and changes nothing when it is a dry run, then answers at once when it is applied", async () => {
    const { store } = sharedStore()
    const document = documentOf(store, [sharedKopia])
    const daemon = await startDaemon()
    const dry = await apply(daemon, document, { dryRun: true })
    expect(dry).toMatchObject({ status: 200, applied: false })
    expect(kinds(dry)).toEqual(["added store tank", "added cluster home", "added repository shared"])
    expect(readdirSync(store)).toEqual(["kopia"])
    expect((await daemon.exists("home/home-assistant")).decision).toBe("unknown")

    expect(await apply(daemon, document)).toMatchObject({ status: 200, applied: true })
    await daemon.answers("home/home-assistant", "restore")
    const again = await apply(daemon, document)
    expect(kinds(again)).toEqual([
      "unchanged store tank",
      "unchanged cluster home",
      "unchanged repository shared",
    ])
  })

  it("is refused until what loosens a decision is accepted by name", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("media/radarr", "similar_identity")
    const dismissed = ["radarr-backup@media:/data"]
    const looser = documentOf(store, [{ ...sharedKopia, dismissed }])
    const refused = await apply(daemon, looser)
    expect(refused).toMatchObject({ status: 409, applied: false })
    expect(await daemon.exists("media/radarr")).toMatchObject({ reason: "similar_identity" })
    const accept = refused.acknowledgements.map(({ id }) => id)
    expect(await apply(daemon, looser, { accept })).toMatchObject({ status: 200, applied: true })
    await daemon.answers("media/radarr", "fresh")
  })

  it("with a fault names the line, and changes nothing", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const { status, body } = await daemon.admin("POST", "/api/v1/apply", {
      document: "stores:\n  - name: tank\n    path: /mnt\n    alowRoot: true\n",
    })
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ code: "invalid_document", problems: [{ line: 4 }] })
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
  })

  it("comes back by export as what can be applied again, with references in place of secrets", async () => {
    const { store } = sharedStore()
    const movers = moversStore()
    const file = join(scratch(), "password")
    writeFileSync(file, "radarr-pw")
    const document = documentOf(store, [{ ...sharedKopia, namespaces: ["*", "!media"] }]) as {
      stores: object[]
      repositories: object[]
    }
    document.stores.push({ name: "movers", path: movers.store, allowRoot: true })
    document.repositories.push({
      ...perVolumeRestic,
      cluster: "home",
      store: "movers",
      decides: "restore",
      namespaces: ["media"],
      password: { file },
    })
    const daemon = await startDaemon({ document })
    await daemon.answers("media/radarr", "restore")
    const { body } = await daemon.admin("GET", "/api/v1/document")
    expect(body).not.toContain(SHARED_PASSWORD)
    expect(body).toContain(file)
    const exported = (JSON.parse(body) as { document: object }).document
    const again = await apply(daemon, exported)
    expect(again.applied).toBe(true)
    expect(kinds(again).filter((line) => !line.startsWith("unchanged"))).toEqual([])
    await daemon.answers("home/home-assistant", "restore")
  })

  it("at the start, from a file that cannot be applied, keeps the daemon from starting and says why", async () => {
    const broken = await refusedStart({ document: { stores: [{ name: "tank", path: "relative" }] } })
    expect(broken.exitCode).toBe(2)
    expect(broken.stderr).toContain("an absolute path is wanted")
    const { store } = sharedStore()
    const unmounted = documentOf(store, [sharedKopia], { store: { allowRoot: false } })
    const refused = await refusedStart({ document: unmounted })
    expect(refused.exitCode).not.toBe(0)
    expect(refused.stderr).toContain("is not on a mounted filesystem")
    expect(readdirSync(store)).toEqual(["kopia"])
  })
})

describe("a secret", () => {
  it("is in no log, error, metric, export, argument, environment or file of the state, other than sealed", async () => {
    const passwords = { kopia: SHARED_PASSWORD, restic: "radarr-pw", token: "token-of-the-cluster-7f" }
    const { store } = sharedStore()
    const movers = moversStore()
    const document = documentOf(store, [{ ...sharedKopia, namespaces: ["*", "!media", "!wrong"] }], {
      cluster: { tokens: [{ value: passwords.token }] },
    }) as { stores: object[]; repositories: object[] }
    document.stores.push({ name: "movers", path: movers.store, allowRoot: true })
    const restic = { ...perVolumeRestic, cluster: "home", store: "movers", decides: "restore" }
    document.repositories.push(
      { ...restic, namespaces: ["media"] },
      {
        ...sharedKopia,
        name: "wrong",
        path: "locked",
        cluster: "home",
        store: "tank",
        decides: "restore",
        namespaces: ["wrong"],
        password: { value: "a-wrong-password-91" },
      },
    )
    place("kopia/change-password", join(store, "locked"))
    const daemon = await startDaemon({ environment: { LOG_LEVEL: "trace" } })
    const seen: string[] = []
    const applied = await daemon.admin("POST", "/api/v1/apply", { document: JSON.stringify(document) })
    seen.push(applied.body)
    expect(applied.status, applied.body).toBe(200)
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/sonarr", "wrong_password")
    await daemon.answers("wrong/data", "wrong_password")
    await daemon.exists("home/home-assistant", { headers: { authorization: `Bearer ${passwords.token}` } })
    await apply(daemon, document, { dryRun: true })
    for (const path of [
      "document",
      "repositories",
      "volumes",
      "stores",
      "doctor",
      "snapshots?repository=shared",
    ]) {
      const { status, body } = await daemon.admin("GET", `/api/v1/${path}`)
      expect(status, path).toBe(200)
      seen.push(body)
    }
    // A document with a fault is quoted back; the secret in it must not be.
    const faulty = `repositories: [{name: x, password: {value: ${passwords.restic}, file: relative}}]`
    seen.push((await daemon.admin("POST", "/api/v1/apply", { document: faulty })).body)
    seen.push((await daemon.get("/metrics")).body, (await daemon.get("/readyz")).body)
    seen.push(readFileSync(`/proc/${daemon.pid}/cmdline`, "latin1"))
    seen.push(readFileSync(`/proc/${daemon.pid}/environ`, "latin1"))
    await daemon.stop()
    seen.push(daemon.output)
    for (const secret of [...Object.values(passwords), "a-wrong-password-91"]) {
      for (const text of seen) expect(text).not.toContain(secret)
      // grep exits with 1 where it finds nothing; the sealed values are there, so there is something to look through.
      const found = (pattern: string) => grep(pattern, daemon.state)
      expect(found(secret)).toEqual([])
      expect(found(Buffer.from(secret).toString("base64").replace(/=+$/, "").slice(0, -1))).toEqual([])
    }
    expect(readdirSync(daemon.state)).toEqual(expect.arrayContaining(["state.sqlite", "key"]))
    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/home-assistant", "restore")
  })

  it("that was sealed under another key file keeps the daemon from starting, with nothing changed", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    await daemon.stop()
    const other = await startDaemon()
    await other.stop()
    const refused = await refusedStart({
      state: daemon.state,
      environment: { CISTERN_KEY_FILE: join(other.state, "key") },
    })
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain("key")
    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/home-assistant", "restore")
  })
})

function grep(pattern: string, directory: string): string[] {
  try {
    return execFileSync("grep", ["-rlaF", "-e", pattern, directory], { encoding: "utf8" }).trim().split("\n")
  } catch (error) {
    if ((error as { status?: number }).status === 1) return []
    throw error
  }
}
