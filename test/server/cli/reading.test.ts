import { describe, expect, it } from "vitest"
import { parseDocument, plainDocument } from "../../../server/config/index.js"
import {
  type RepositoryJson,
  repositoriesJson,
  type StoreJson,
  exportsJson,
  storesJson,
  type VolumeJson,
  volumesJson,
} from "../../../server/http/contract/admin.js"
import { type ExistsBody, existsBody } from "../../../server/http/contract/exists.js"
import { answering } from "../../support/admin-socket.js"
import { cli, type CliInput } from "../../support/cli.js"

async function asked(args: readonly string[], status: number, body: unknown, input: CliInput = {}) {
  const { state, requests } = await answering(() => ({ status, body }))
  const result = await cli(args, { ...input, environment: { CISTERN_STATE: state, ...input.environment } })
  return { ...result, requests }
}

const restore: ExistsBody = existsBody.parse({
  exists: true,
  decision: "restore",
  authoritative: true,
  namespace: "media",
  pvc: "radarr",
  backend: "kopia-fs",
  source: "radarr-backup@media:/data",
  evidence: {
    repository: "shared",
    snapshots: 12,
    newest: "2026-11-20T03:00:00Z",
    oldest: "2026-01-01T03:00:00.5Z",
    bytes: 1_500_000_000,
    files: 17,
    verified: null,
    drilled: null,
    reason: "newest_complete",
  },
})
const unknown: ExistsBody = existsBody.parse({
  exists: false,
  decision: "unknown",
  authoritative: false,
  namespace: "media",
  pvc: "radarr",
  backend: "kopia-fs",
  error: "the store is fenced",
})

describe("cistern exists", () => {
  it("prints the decision and what it rests on", async () => {
    const { exitCode, stdout, requests } = await asked(["exists", "media/radarr"], 200, restore)
    expect(requests.map(({ url }) => url)).toEqual(["/exists/media/radarr?evidence=1"])
    expect(exitCode).toBe(0)
    expect(stdout).toBe(`restore  media/radarr
reason      newest_complete
source      radarr-backup@media:/data
repository  shared
snapshots   12
newest      2026-11-20 03:00:00
oldest      2026-01-01 03:00:00
size        1.4 GiB
files       17
verified    never
drilled     never
`)
  })

  it("prints the body with --json, key by key as it came", async () => {
    const { stdout } = await asked(["exists", "media/radarr", "--json"], 200, restore)
    expect(stdout).toBe(JSON.stringify(restore, undefined, 2) + "\n")
  })

  it("ends with 3 when the answer is unknown", async () => {
    const { exitCode, stdout } = await asked(["exists", "media/radarr"], 503, unknown)
    expect(exitCode).toBe(3)
    expect(stdout).toBe("unknown  media/radarr\nerror       the store is fenced\n")
  })

  it("asks for a cluster by its path", async () => {
    const { requests } = await asked(["exists", "a/b", "--cluster", "home"], 503, unknown)
    expect(requests.map(({ url }) => url)).toEqual(["/clusters/home/exists/a/b?evidence=1"])
  })

  it.each(["radarr", "a/b/c", "A/b", "a/--log-dir=x", "../b", "a/", "/b", ""])(
    "refuses what is no volume: %s",
    async (argument) => {
      const { exitCode, stdout, stderr } = await cli(["exists", argument])
      expect(exitCode).toBe(2)
      expect(stdout).toBe("")
      expect(stderr).toContain("error: ")
    },
  )
})

const volume: VolumeJson = {
  cluster: "home",
  namespace: "media",
  pvc: "radarr",
  decision: "restore",
  reason: "newest_complete",
  repository: "shared",
  identity: "radarr-backup@media:/data",
  snapshots: 12,
  newest: "2026-11-20T03:00:00Z",
  oldest: null,
  bytes: 2048,
  files: null,
  verified: null,
  drilled: null,
}

describe("cistern volumes", () => {
  it("prints a table", async () => {
    const other = {
      ...volume,
      namespace: "home",
      pvc: "new",
      decision: "fresh",
      repository: null,
      bytes: null,
    }
    const body = volumesJson.parse({ volumes: [volume, other], uncertain: [] })
    const { exitCode, stdout, stderr } = await asked(["volumes"], 200, body)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    expect(stdout)
      .toBe(`CLUSTER  VOLUME        DECISION  REASON           SNAPSHOTS  NEWEST (UTC)            SIZE  VERIFIED  REPOSITORY
home     media/radarr  restore   newest_complete         12  2026-11-20 03:00:00  2.0 KiB  -         shared
home     home/new      fresh     newest_complete         12  2026-11-20 03:00:00        -  -         -
`)
  })

  it("says that some may be missing, and ends with 3", async () => {
    const body = volumesJson.parse({ volumes: [volume], uncertain: ["offsite"] })
    const { exitCode, stderr } = await asked(["volumes", "--json"], 200, body)
    expect(exitCode).toBe(3)
    expect(stderr).toBe("Not all may be here, because not certain: offsite\n")
  })

  it("passes the filters on", async () => {
    const body = volumesJson.parse({ volumes: [], uncertain: [] })
    const { requests, stdout } = await asked(["volumes", "--cluster", "a b", "--namespace", "n"], 200, body)
    expect(requests.map(({ url }) => url)).toEqual(["/api/v1/volumes?cluster=a+b&namespace=n"])
    expect(stdout).toBe("No volume is known yet.\n")
  })
})

describe("cistern repositories", () => {
  const repository: RepositoryJson = {
    name: "shared",
    cluster: "home",
    engine: "kopia",
    store: "tank",
    path: "kopia",
    decides: "restore",
    state: "failed",
    problem: { code: "wrong_password", message: "m", hint: null },
    places: { total: 1, listed: 0, failed: 1 },
    id: null,
    formatVersion: null,
    snapshots: null,
    incomplete: null,
    volumes: null,
    listedAt: null,
    newest: null,
  }

  it("prints what is not known as a dash and why", async () => {
    const body = repositoriesJson.parse({ repositories: [repository] })
    const { stdout } = await asked(["repositories", "list"], 200, body)
    expect(stdout)
      .toBe(`NAME    CLUSTER  ENGINE  DECIDES  STATE                   LISTED  VOLUMES  SNAPSHOTS  NEWEST (UTC)  PLACE
shared  home     kopia   restore  failed: wrong_password  0 of 1        -          -  -             tank:kopia

shared: m
`)
  })
})

describe("cistern repositories accept", () => {
  it("passes on exactly what is acknowledged", async () => {
    const args = ["repositories", "accept", "shared", "--id", "abc", "--path", "restic/a/b"]
    const { stdout, requests } = await asked(args, 200, { changes: ["Repository abc is now the one."] })
    expect(requests).toEqual([
      { method: "POST", url: "/api/v1/repositories/shared/accept", body: { id: "abc", path: "restic/a/b" } },
    ])
    expect(stdout).toBe("Repository abc is now the one.\n")
  })

  it("of nothing in particular is wrong use", async () => {
    expect((await cli(["repositories", "accept", "shared"])).exitCode).toBe(2)
  })
})

describe("cistern stores", () => {
  const store: StoreJson = {
    name: "tank",
    path: "/mnt/tank",
    state: "fenced",
    problem: {
      code: "filesystem_changed",
      message: "another filesystem is mounted here",
      hint: "Mount the right one.",
    },
    since: "2026-11-20T03:00:00Z",
    filesystem: "zfs",
    totalBytes: 2 ** 40,
    freeBytes: 2 ** 39,
    facts: null,
    advice: [],
    repositories: ["shared"],
  }

  it("prints why a store is fenced", async () => {
    const { stdout } = await asked(["stores"], 200, storesJson.parse({ stores: [store] }))
    expect(stdout).toBe(`NAME  STATE   SINCE (UTC)             FREE     SIZE  FILESYSTEM  ADVICE   PATH
tank  fenced  2026-11-20 03:00:00  512 GiB  1.0 TiB  zfs         unknown  /mnt/tank

tank: another filesystem is mounted here
  Mount the right one.
`)
  })

  it("accepts one by name and says what had changed", async () => {
    const body = {
      store: { ...store, state: "ok", problem: null },
      changes: ["its filesystem is another one"],
      notices: ["Store tank: the copy of the ledger of yesterday was adopted."],
    }
    const { stdout, requests } = await asked(["stores", "accept", "tank"], 200, body)
    expect(requests).toMatchObject([{ method: "POST", url: "/api/v1/stores/tank/accept" }])
    expect(stdout).toBe(
      "Store tank is accepted as it is now:\n  its filesystem is another one\nStore tank: the copy of the ledger of yesterday was adopted.\n",
    )
  })
})

describe("cistern exports", () => {
  const answer = exportsJson.parse({
    server: { kind: "kernel", running: true },
    problem: null,
    exports: [
      {
        store: "tank",
        path: "kopia",
        cluster: "home",
        directory: "/mnt/tank/kopia",
        networks: ["192.168.10.0/24", "fd00:1::/64"],
        hosts: [{ name: "backup.lan", addresses: ["10.9.8.7/32"], problem: null }],
        netgroups: ["@movers"],
        everybody: false,
        access: "readWrite",
        squash: { uid: 568, gid: 568 },
        state: "exported",
        problem: null,
      },
      {
        store: "tank",
        path: "restic",
        cluster: "lab",
        directory: "/mnt/tank/restic",
        networks: [],
        hosts: [],
        netgroups: [],
        everybody: true,
        access: "readOnly",
        squash: null,
        state: "refused",
        problem: { code: "invalid", message: "nobody may mount it", hint: null },
      },
    ],
    file: "# Written by Cistern.\n/mnt/tank/kopia 192.168.10.0/24(rw)\n",
  })

  it("prints who may mount what, and once what is wrong with it", async () => {
    const refused = answer.exports.slice(1)
    const body = {
      ...answer,
      exports: [...answer.exports, ...refused.map((one) => ({ ...one, directory: "/mnt/b" }))],
    }
    const { stdout, requests } = await asked(["exports"], 200, body)
    expect(requests).toMatchObject([{ method: "GET", url: "/api/v1/exports" }])
    expect(stdout)
      .toBe(`STATE     DIRECTORY         CLUSTER  CLIENTS                                                       ACCESS                    EVERYBODY IS
exported  /mnt/tank/kopia   home     192.168.10.0/24 fd00:1::/64 backup.lan (10.9.8.7/32) @movers  read-write                568:568
refused   /mnt/tank/restic  lab                                                                    read-write for EVERYBODY  -
refused   /mnt/b            lab                                                                    read-write for EVERYBODY  -

/mnt/tank/restic, /mnt/b: nobody may mount it
`)
  })

  it.each([
    [{ differences: ["a is missing"], unreadable: null }, 1, "Read back: it is not so yet.\n  a is missing"],
    [{ differences: [], unreadable: null }, 0, "Read back: it is exported exactly so."],
    [
      { differences: null, unreadable: "no account" },
      3,
      "(no account). That it works is seen by who is connected:\n  b",
    ],
  ])("prints the steps by hand and what is left of them: %j", async (read, code, said) => {
    const steps = { system: "synology", steps: ["Control Panel > x"], left: ["c"], connected: ["b"], ...read }
    const { stdout, exitCode, requests } = await asked(
      ["exports", "steps", "--system", "synology"],
      200,
      steps,
    )
    expect(requests).toMatchObject([{ method: "GET", url: "/api/v1/exports/steps?system=synology" }])
    expect({ exitCode, stdout }).toEqual({
      exitCode: code,
      stdout: expect.stringContaining(said) as string,
    })
    expect(stdout).toMatch(/^Control Panel > x\n\nnot to be exported: c\n/)
  })

  it("prints the file and nothing else", async () => {
    const { stdout, stderr } = await asked(["exports", "show"], 200, answer)
    expect({ stdout, stderr }).toEqual({ stdout: answer.file, stderr: "" })
  })

  it("applies them after saying what changes", async () => {
    const plan = {
      applied: false,
      added: ["/b x(rw)"],
      removed: ["/a x(rw)"],
      notLoaded: false,
      withheld: ["nas:c for lab: no"],
      everybody: [],
      basis: "1",
    }
    const { stdout, requests } = await asked(["exports", "apply", "--replace"], 200, plan)
    expect(requests).toMatchObject([
      { method: "POST", url: "/api/v1/exports/apply", body: { dryRun: true, replace: true } },
      { method: "POST", url: "/api/v1/exports/apply", body: { replace: true, basis: "1" } },
    ])
    expect(stdout).toBe("- /a x(rw)\n+ /b x(rw)\nnot exported: nas:c for lab: no\nApplied, and read back.\n")
  })

  it.each([
    [["--dry-run"], { added: ["/b x(rw)"], notLoaded: false }, "+ /b x(rw)\n"],
    [[], { added: [], notLoaded: false }, "Nothing changes.\n"],
  ])("applies nothing by %j", async (words, changes, said) => {
    const plan = { applied: false, removed: [], withheld: [], everybody: [], basis: "1", ...changes }
    const { stdout, requests } = await asked(["exports", "apply", ...words], 200, plan)
    expect(requests).toHaveLength(1)
    expect(stdout).toBe(said)
  })

  it("says when none is declared", async () => {
    const { stdout } = await asked(["exports"], 200, { ...answer, exports: [] })
    expect(stdout).toBe("No export is declared.\n")
  })
})

describe("cistern fresh-once", () => {
  it("says until when", async () => {
    const body = { cluster: "home", namespace: "media", pvc: "radarr", until: "2026-11-20T03:15:00Z" }
    const { stdout, requests } = await asked(["fresh-once", "media/radarr"], 200, body)
    expect(requests[0]?.body).toEqual({ namespace: "media", pvc: "radarr" })
    expect(stdout).toBe(
      "home/media/radarr may be fresh until 2026-11-20 03:15:00 UTC, or until its first complete snapshot.\n",
    )
  })
})

describe("cistern export", () => {
  const text = "clusters:\n  - name: home\n    networks: [10.0.0.0/8]\n"
  const document = plainDocument(parseDocument(text).document)

  it("prints YAML that is the same document", async () => {
    const { stdout } = await asked(["export"], 200, { document })
    expect(parseDocument(stdout).document).toEqual(parseDocument(text).document)
  })

  it("prints JSON that is the same document", async () => {
    const { stdout } = await asked(["export", "--json"], 200, { document })
    expect(JSON.parse(stdout)).toEqual(document)
  })

  it("prints the schema without any daemon", async () => {
    const { exitCode, stdout } = await cli(["export", "--schema"])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ title: "Cistern document", additionalProperties: false })
    expect((await cli(["schema"])).stdout).toBe(stdout)
  })
})

describe("a command that the daemon refuses", () => {
  it.each([
    [400, 2],
    [404, 1],
    [409, 4],
    [422, 1],
    [500, 3],
    [503, 3],
  ])("with status %i ends with %i and the daemon's own words", async (status, expected) => {
    const body = { code: "some_code", message: "what happened", hint: "what to do" }
    const { exitCode, stdout, stderr } = await asked(["stores", "--json"], status, body)
    expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: "" })
    expect(stderr).toBe("error: what happened [some_code]\nhint: what to do\n")
  })

  it("or answers in another shape is of another version", async () => {
    const { exitCode, stderr } = await asked(["stores"], 200, { shops: [] })
    expect(exitCode).toBe(3)
    expect(stderr).toContain("[other_version]")
  })
})

describe("a command without a daemon", () => {
  it.each([
    ["exists", "a/b"],
    ["volumes"],
    ["repositories"],
    ["stores"],
    ["exports"],
    ["exports", "show"],
    ["exports", "apply"],
    ["export"],
    ["snapshots"],
    ["fresh-once", "a/b"],
  ])("says so and what to do: %s", async (...args) => {
    const { exitCode, stdout, stderr } = await cli(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" })
    expect(stderr).toBe(
      "error: no daemon answers at /nonexistent/cistern/cistern.sock [no_daemon]\n" +
        "hint: Start it with `cistern serve`, or say where its state is with CISTERN_STATE.\n",
    )
  })
})

describe("text from a repository", () => {
  it("cannot steer the terminal", async () => {
    const body = volumesJson.parse({
      volumes: [{ ...volume, reason: "\u001b]0;owned\u0007\nx\u202e" }],
      uncertain: [],
    })
    const { stdout } = await asked(["volumes"], 200, body, { terminal: true })
    expect(stdout).toContain("\\u{1b}]0;owned\\u{7}\\u{a}x\\u{202e}")
    expect(stdout.split("\n")).toHaveLength(3)
  })

  it("has its columns kept by wide characters", async () => {
    const volumes = [{ ...volume, cluster: "倉庫" }, volume]
    const { stdout } = await asked(["volumes"], 200, volumesJson.parse({ volumes, uncertain: [] }))
    expect(stdout).toContain("\n倉庫     media/radarr")
  })
})

describe("colours", () => {
  const coloured = "\u001b[32mrestore\u001b[39m"

  it("are on a terminal", async () => {
    const { stdout } = await asked(["exists", "a/b"], 200, restore, {
      terminal: true,
      environment: { NO_COLOR: "" },
    })
    expect(stdout).toContain(coloured)
  })

  it.each([
    [{ terminal: true, environment: { NO_COLOR: "1" } }],
    [{ terminal: true, environment: { NO_COLOR: "", TERM: "dumb" } }],
    [{ terminal: false, environment: { NO_COLOR: "" } }],
  ])("are off otherwise: %j", async (input) => {
    const { stdout } = await asked(["exists", "a/b"], 200, restore, input)
    expect(stdout).not.toContain("\u001b")
  })
})
