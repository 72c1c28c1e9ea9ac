import { describe, expect, it } from "vitest"
import type {
  DirectoryJson,
  QuarantineJson,
  RepairJson,
  RetiredJson,
} from "../../../server/http/contract/directories.js"
import { type AdminRequest, answering } from "../../support/admin-socket.js"
import { cli, type CliInput } from "../../support/cli.js"

const plan: RepairJson = {
  applied: false,
  id: null,
  store: "nas",
  path: "kopia",
  directory: "/nas/kopia",
  looked: 40,
  changes: 30,
  examples: [
    {
      path: "/nas/kopia",
      from: { uid: 0, gid: 0, mode: "0755" },
      to: { uid: 568, gid: 568, mode: "0750" },
    },
    {
      path: "/nas/kopia/p\u001b[2Jx",
      from: { uid: 0, gid: 0, mode: "0600" },
      to: { uid: 568, gid: 568, mode: "0600" },
    },
  ],
  leftAlone: ["1 are on other filesystems, such as /nas/kopia/x"],
  basis: "agreed",
  changed: 0,
  otherwise: { count: 0, example: null },
}
const done: RepairJson = { ...plan, applied: true, id: "20261121T030000Z-0a1b2c", changed: 30 }

const retired: RetiredJson = {
  retired: false,
  store: "nas",
  path: "kopia",
  directory: "/nas/kopia",
  id: null,
  holdUntil: "2026-12-21T03:00:00.000Z",
  acknowledgements: [],
  basis: "agreed",
}

const row: DirectoryJson = {
  store: "nas",
  repository: "shared",
  path: "kopia",
  directory: "/nas/kopia",
  volume: null,
  state: "ok",
  expected: { uid: 568, gid: 568, mode: null, from: "export" },
  actual: { uid: 568, gid: 568, mode: "0700" },
  problem: null,
  findings: [],
}

const held: QuarantineJson["directories"][number] = {
  store: "nas",
  id: "20261121T030000Z-x",
  path: "x",
  retiredAt: "2026-11-21T03:00:00.000Z",
  by: "somebody",
  holdUntil: "2026-12-21T03:00:00.000Z",
  state: "held",
}

/** Answers by path, each answer once and the last one from then on. */
async function daemon(answers: Readonly<Record<string, readonly [number, unknown][]>>) {
  const rest = new Map(Object.entries(answers).map(([path, list]) => [path, [...list]]))
  const { state, requests } = await answering(({ url }: AdminRequest) => {
    const list = rest.get(url) ?? []
    const [status, body] = (list.length > 1 ? list.shift() : list[0]) ?? [500, {}]
    return { status, body }
  })
  const run = (args: readonly string[], input: CliInput = {}) =>
    cli(["directories", ...args], { ...input, environment: { CISTERN_STATE: state } })
  return { run, requests }
}

const repairPath = "/api/v1/directories/repair"
const result = (value: unknown): [number, unknown] => [200, { run: null, result: value }]

describe("cistern directories repair", () => {
  it("shows the changes, harmless for a terminal, and does what was shown", async () => {
    const { run, requests } = await daemon({ [repairPath]: [result(plan), result(done)] })
    const { exitCode, stdout } = await run(["repair", "nas:kopia/", "--recursive"])
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      [
        "~ /nas/kopia: 0:0 -> 568:568, mode 0755 -> 0750",
        "~ /nas/kopia/p\\u{1b}[2Jx: 0:0 -> 568:568, mode 0600",
        "  and 28 more",
        "30 of 40 looked at change. Contents and names stay as they are.",
        "left alone: 1 are on other filesystems, such as /nas/kopia/x",
        "Changed 30. `cistern directories undo 20261121T030000Z-0a1b2c` takes it back.",
        "",
      ].join("\n"),
    )
    const common = { store: "nas", path: "kopia", recursive: true, hardLinks: false, force: false }
    expect(requests.map(({ body }) => body)).toEqual([
      { ...common, dryRun: true },
      { ...common, basis: "agreed" },
    ])
  })

  it("asks somebody at a terminal, and without a yes changes nothing", async () => {
    const { run, requests } = await daemon({ [repairPath]: [result(plan), result(done)] })
    const asked = await run(["repair", "nas:kopia"], { terminal: true, stdin: "n\n" })
    expect(asked.exitCode).toBe(0)
    expect(asked.stderr).toContain("Nothing was changed.")
    expect(requests).toHaveLength(1)
  })

  it("with --dry-run only looks, and of a volume names its repository and cluster", async () => {
    const { run, requests } = await daemon({ [repairPath]: [result(plan)] })
    await run(["repair", "media/radarr", "--dry-run", "--cluster", "home", "--repository", "per-pvc"])
    expect(requests.map(({ body }) => body)).toEqual([
      expect.objectContaining({
        namespace: "media",
        pvc: "radarr",
        cluster: "home",
        repository: "per-pvc",
        dryRun: true,
      }),
    ])
  })

  it("waits for a run that takes longer than a request", async () => {
    const { run, requests } = await daemon({
      [repairPath]: [result(plan), [200, { run: { id: "r1", files: 0 }, result: null }]],
      "/api/v1/directories/runs/r1": [[200, { run: { id: "r1", files: 64 }, result: null }], result(done)],
    })
    const { exitCode, stdout } = await run(["repair", "nas:kopia", "--json"])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual(done)
    expect(requests.map(({ url }) => url).slice(2)).toEqual(Array(2).fill("/api/v1/directories/runs/r1"))
  })

  it("ends with 1 where something had changed meanwhile, and with 4 where it is refused", async () => {
    const otherwise = { count: 2, example: "/nas/kopia/p" }
    const first = await daemon({ [repairPath]: [result(plan), result({ ...done, otherwise })] })
    expect(await first.run(["repair", "nas:kopia"])).toMatchObject({ exitCode: 1 })
    const refusal = { code: "writing", message: "It is being written.", hint: "Wait." }
    const second = await daemon({ [repairPath]: [[409, refusal]] })
    expect(await second.run(["repair", "nas:kopia"])).toMatchObject({ exitCode: 4 })
  })

  it.each([[["repair"]], [["repair", "nothing"]], [["undo"]], [["retire", "nas:x", "--hold", "soon"]]])(
    "refuses the wrong use %j without asking anybody",
    async (args) => {
      const { run, requests } = await daemon({})
      expect(await run(args)).toMatchObject({ exitCode: 2, stdout: "" })
      expect(requests).toEqual([])
    },
  )
})

describe("cistern directories audit", () => {
  it.each([
    ["all are right", [row], 0],
    ["one is wrong", [row, { ...row, state: "wrong" as const }], 1],
    ["of one nobody knows", [row, { ...row, state: "unknown" as const }], 3],
    ["one is not there", [{ ...row, state: "missing" as const }], 0],
  ])("when %s ends with its code", async (_, directories, exitCode) => {
    const { run } = await daemon({ "/api/v1/directories": [[200, { directories }]] })
    expect(await run(["audit"])).toMatchObject({ exitCode })
    expect(await run([])).toMatchObject({ exitCode: 0 })
  })
})

describe("cistern directories retire", () => {
  it("does nothing before all is acknowledged, and ends with 4", async () => {
    const acknowledgements = [{ id: "home/app", why: "home/app would be restored from it", accepted: false }]
    const { run, requests } = await daemon({
      "/api/v1/directories/retire": [[200, { ...retired, acknowledgements }]],
    })
    const { exitCode, stdout, stderr } = await run(["retire", "nas:kopia"])
    expect(exitCode).toBe(4)
    expect(stdout).toContain("must be acknowledged: home/app would be restored from it\n  --accept home/app")
    expect(stderr).toContain("Nothing was retired. Acknowledge with: --accept home/app")
    expect(requests).toHaveLength(1)
  })

  it("says how it is taken back", async () => {
    const { run, requests } = await daemon({
      "/api/v1/directories/retire": [
        [200, retired],
        [200, { ...retired, retired: true, id: "20261121T030000Z-kopia" }],
      ],
    })
    const { exitCode, stdout } = await run(["retire", "nas:kopia", "--hold", "7"])
    expect(exitCode).toBe(0)
    expect(stdout).toContain("`cistern directories restore 20261121T030000Z-kopia`")
    expect(requests[1]?.body).toMatchObject({ holdDays: 7, basis: "agreed" })
  })
})

describe("what is retired", () => {
  const quarantine = "/api/v1/directories/quarantine"

  it("is purged only when somebody said so", async () => {
    const { run, requests } = await daemon({
      [quarantine]: [[200, { directories: [held], unknown: [] }]],
      [`${quarantine}/nas/${held.id}/purge`]: [result({ store: "nas", id: held.id, files: 3 })],
    })
    expect(await run(["purge", held.id])).toMatchObject({ exitCode: 4 })
    expect(await run(["purge", held.id, "--json"])).toMatchObject({ exitCode: 4 })
    await run(["purge", held.id], { terminal: true, stdin: "n\n" })
    expect(requests.filter(({ method }) => method === "POST")).toEqual([])
    const purged = await run(["purge", held.id, "--yes"])
    expect(purged).toMatchObject({ exitCode: 0, stdout: `Deleted ${held.id}, 3 files and folders.\n` })
  })

  it("under one id in two stores needs the store's name", async () => {
    const directories = [held, { ...held, store: "other" }]
    const { run } = await daemon({
      [quarantine]: [[200, { directories, unknown: [] }]],
      [`${quarantine}/other/${held.id}/restore`]: [[200, { store: "other", id: held.id, path: "x" }]],
    })
    expect(await run(["restore", held.id])).toMatchObject({ exitCode: 2 })
    expect(await run(["restore", held.id, "--store", "other"])).toMatchObject({
      exitCode: 0,
      stdout: "other:x is back in its place.\n",
    })
  })

  it("is not known where a store does not answer", async () => {
    const { run } = await daemon({
      [quarantine]: [[200, { directories: [held], unknown: ["store x: hangs"] }]],
    })
    expect(await run(["quarantine"])).toMatchObject({ exitCode: 3, stderr: "not known: store x: hangs\n" })
  })
})
