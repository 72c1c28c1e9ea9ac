import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import { StorageError } from "../../../../storage/errors.js"
import {
  DsmClient,
  listShares,
  loadNfsRules,
  nfsService,
  parseDsmAddress,
  saveNfsRules,
  shareNamed,
} from "../../../../storage/nas/synology/index.js"
import { Secret } from "../../../../storage/secret.js"
import { clientOf, QuickClock } from "../../../support/dsm-client.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { selfSigned } from "../../../support/certificate.js"

const LOAD = "SYNO.Core.FileServ.NFS.SharePrivilege load"
const LIST = "SYNO.Core.Share list"

let dsm: FakeDsm
let clock: QuickClock

beforeEach(async () => {
  dsm = await FakeDsm.start()
  clock = new QuickClock()
})

describe("a call", () => {
  it("looks what this DSM has, logs in, and asks; the next one only asks", async () => {
    const client = clientOf(dsm)
    expect(await nfsService(client)).toEqual({ enabled: true, version4: true, highest: "4.1" })
    expect(await listShares(client)).toHaveLength(3)
    expect(dsm.seen.map(({ call, version }) => `${call} ${version}`)).toEqual([
      "SYNO.API.Info query 1",
      "SYNO.API.Auth login 6",
      "SYNO.Core.FileServ.NFS get 2",
      "SYNO.Core.Share list 1",
    ])
  })

  it.each(["JSON", undefined] as const)("writes its parameters as the API wants them: %s", async (format) => {
    dsm.requestFormat = format
    const client = clientOf(dsm)
    dsm.nas.addShare("küche & co=100%")
    expect(await loadNfsRules(client, "küche & co=100%")).toEqual([])
    expect(dsm.calls(LOAD)[0]?.fields["share_name"]).toBe(
      format === "JSON" ? '"küche & co=100%"' : "küche & co=100%",
    )
  })

  it("goes over plain http to this machine", async () => {
    const plain = await FakeDsm.start({ secure: false })
    expect(await listShares(clientOf(plain))).toHaveLength(3)
  })

  it("is made after those that were asked for before, one at a time", async () => {
    const client = clientOf(dsm)
    await Promise.all([listShares(client), loadNfsRules(client, "backup"), nfsService(client)])
    expect(dsm.logins).toBe(1)
    expect(dsm.seen.slice(2).map(({ call }) => call)).toEqual([LIST, LOAD, "SYNO.Core.FileServ.NFS get"])
  })

  it("that fails does not hold up the next", async () => {
    const client = clientOf(dsm)
    dsm.breaks(LIST, { code: 105 })
    const both = await Promise.allSettled([listShares(client), nfsService(client)])
    expect(both.map(({ status }) => status)).toEqual(["rejected", "fulfilled"])
  })
})

describe("what this DSM does not have", () => {
  it("an API: it is named, not asked for, and found when it comes", async () => {
    dsm.lacks.add("SYNO.Core.Share")
    const client = clientOf(dsm)
    await expect(listShares(client)).rejects.toMatchObject({
      code: "unsupported",
      message: "this DSM has no SYNO.Core.Share",
    })
    expect(dsm.calls(LIST)).toEqual([])
    dsm.lacks.clear()
    expect(await listShares(client)).toHaveLength(3)
  })

  it("a version: it is named and not asked for", async () => {
    Object.assign(dsm.nas.apis["SYNO.Core.FileServ.NFS"] ?? {}, { versions: [3, 4] })
    await expect(nfsService(clientOf(dsm))).rejects.toMatchObject({
      code: "unsupported",
      message: "this DSM has SYNO.Core.FileServ.NFS in versions 3 to 4, not 2",
    })
    expect(dsm.calls("SYNO.Core.FileServ.NFS get")).toEqual([])
  })

  it.each([102, 103, 104])("it is looked for anew after it was updated away (%i)", async (code) => {
    const client = clientOf(dsm)
    await listShares(client)
    dsm.breaks(LIST, { code })
    await expect(listShares(client)).rejects.toMatchObject({ code: "unsupported" })
    await listShares(client)
    expect(dsm.calls("SYNO.API.Info query")).toHaveLength(2)
  })
})

describe("a session", () => {
  it.each(["timed out", "replaced", "elsewhere"] as const)(
    "that is over (%s) is replaced, and the call made once more",
    async (state) => {
      const client = clientOf(dsm)
      await listShares(client)
      dsm.end(state)
      expect(await listShares(client)).toHaveLength(3)
      expect(dsm.logins).toBe(2)
      expect(dsm.calls(LIST)).toHaveLength(3)
    },
  )

  it("that DSM does not know any more (119) is replaced", async () => {
    const client = clientOf(dsm)
    await listShares(client)
    dsm.sessions.clear()
    expect(await listShares(client)).toHaveLength(3)
    expect(dsm.logins).toBe(2)
  })

  it.each([106, 107, 119, 150])("is replaced only once when DSM says %i again and again", async (code) => {
    const client = clientOf(dsm)
    dsm.breaks(LIST, { code }, { times: 100 })
    await expect(listShares(client)).rejects.toMatchObject({ code: "unreadable", facts: { dsmCode: code } })
    expect([dsm.logins, dsm.calls(LIST).length]).toEqual([2, 2])
  })

  it("is ended by close, and the next call begins another one", async () => {
    const client = clientOf(dsm)
    await listShares(client)
    await client.close()
    expect(dsm.sessions.size).toBe(0)
    await client.close()
    expect(dsm.calls("SYNO.API.Auth logout")).toHaveLength(1)
    expect(await listShares(client)).toHaveLength(3)
  })

  it("close does not mind a DSM that is gone", async () => {
    const client = clientOf(dsm)
    await listShares(client)
    await dsm.stop()
    await client.close()
  })
})

describe("what DSM refuses", () => {
  it("for good (105) is said, and neither asked again nor logged in for", async () => {
    dsm.accounts.set("cistern", { password: "x", administrator: false })
    const client = clientOf(dsm, { clock })
    for (let times = 0; times < 3; times++) {
      await expect(listShares(client)).rejects.toMatchObject({
        code: "unreadable",
        hint: expect.stringContaining("administrators") as string,
      })
    }
    expect([dsm.logins, dsm.calls(LIST).length, clock.waits]).toEqual([1, 3, []])
  })

  it("for good may be a dead session: after 15 minutes the next call has a new one", async () => {
    const client = clientOf(dsm, { clock })
    await listShares(client)
    clock.ms += 15 * 60_000
    dsm.breaks(LIST, { code: 105 })
    await expect(listShares(client)).rejects.toMatchObject({ code: "unreadable" })
    expect(await listShares(client)).toHaveLength(3)
    expect(dsm.logins).toBe(2)
  })

  it.each([101, 114, 120, 2301, 9999])("and Cistern cannot mend (%i) is said at once", async (code) => {
    dsm.breaks(LOAD, { code })
    await expect(loadNfsRules(clientOf(dsm, { clock }), "backup")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(
        `refuses SYNO.Core.FileServ.NFS.SharePrivilege load (${code})`,
      ) as string,
    })
    expect(clock.waits).toEqual([])
  })

  it("means by its code what the API means by it", async () => {
    const client = clientOf(dsm)
    await expect(shareNamed(client, "gone")).rejects.toMatchObject({
      code: "missing",
      facts: { dsmCode: 402 },
    })
    dsm.breaks("SYNO.Core.Share get", { code: 403 })
    await expect(shareNamed(client, "backup")).rejects.toThrow("takes a value for wrong")
    dsm.accounts.set("cistern", { password: "y", administrator: true, says: 402 })
    await expect(listShares(clientOf(dsm))).rejects.toThrow("the account may not log in")
  })

  it.each([109, 110, 111, 117, 118, 2370])("while it is busy (%i) is asked again", async (code) => {
    dsm.breaks(LOAD, { code }, { times: 3 })
    expect(await loadNfsRules(clientOf(dsm, { clock }), "backup")).toEqual([])
    expect(clock.waits).toEqual([500, 1000, 2000])
  })

  it.each([429, 502, 503, 504])("a proxy that is busy (%i) is asked again", async (status) => {
    dsm.breaks(LOAD, { status }, { times: 2 })
    expect(await loadNfsRules(clientOf(dsm, { clock }), "backup")).toEqual([])
    expect(clock.waits).toEqual([500, 1000])
  })

  it("is asked again for about a minute and no longer", async () => {
    dsm.breaks(LOAD, { code: 2370 }, { times: 1000 })
    await expect(loadNfsRules(clientOf(dsm, { clock }), "backup")).rejects.toMatchObject({
      code: "timeout",
      facts: { dsmCode: 2370 },
    })
    const total = clock.waits.reduce((sum, wait) => sum + wait, 0)
    expect(total).toBeGreaterThan(50_000)
    expect(total).toBeLessThanOrEqual(60_000)
    expect(Math.max(...clock.waits)).toBe(10_000)
  })

  it.each([301, 401, 403, 404, 500])(
    "something else than DSM (HTTP %i) is named, and not followed",
    async (status) => {
      dsm.breaks(LIST, { status })
      await expect(listShares(clientOf(dsm, { clock }))).rejects.toMatchObject({
        code: "unsupported",
        message: expect.stringContaining(`HTTP status ${status}`) as string,
      })
      expect(clock.waits).toEqual([])
    },
  )
})

describe("an answer that is none", () => {
  it.each([
    ["closes", "io"],
    ["closes after", "io"],
    ["cuts", "io"],
    ["echoes", "io"],
    ["answers HTML", "corrupt"],
    ["pretends", "corrupt"],
  ] as const)("because it %s is an error", async (fault, code) => {
    const client = clientOf(dsm)
    dsm.breaks(LIST, fault)
    await expect(listShares(client)).rejects.toMatchObject({ code })
    expect(await listShares(client)).toHaveLength(3)
  })

  it("because DSM says nothing is a timeout", async () => {
    const client = clientOf(dsm, { limitMs: 250 })
    dsm.breaks(LIST, "says nothing")
    await expect(listShares(client)).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("did not answer within 0.25 s") as string,
    })
  })

  it("because nobody listens says so", async () => {
    const client = clientOf(dsm)
    await dsm.stop()
    await expect(listShares(client)).rejects.toMatchObject({
      code: "io",
      facts: { sent: false, errno: "ECONNREFUSED" },
    })
  })

  it.each([
    ["no list", { shares: "none" }, "shares: invalid_type"],
    ["a share without a name", { shares: [{ vol_path: "/volume1" }] }, "shares.0.name: invalid_type"],
    ["nothing at all", undefined, "all of it: invalid_type"],
  ])("because it is not what it should be (%s) names what is wrong", async (_, data, wrong) => {
    dsm.nas.answers("SYNO.Core.Share", "list", { data })
    await expect(listShares(clientOf(dsm))).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(wrong) as string,
    })
  })
})

describe("whom it talks to", () => {
  const account = { name: "cistern", password: new Secret("hunter2"), revision: "first" }

  it("is whoever has the agreed certificate; nothing is sent to anybody else", async () => {
    const address = parseDsmAddress(dsm.url, "00".repeat(32))
    await expect(listShares(new DsmClient({ address, account }))).rejects.toMatchObject({
      code: "unreadable",
      facts: { sent: false, shown: dsm.fingerprint },
    })
    expect(dsm.seen).toEqual([])
  })

  it("without an agreed certificate is somebody whom an authority knows", async () => {
    const address = parseDsmAddress(dsm.url)
    await expect(listShares(new DsmClient({ address, account }))).rejects.toMatchObject({
      code: "unreadable",
      facts: { sent: false, errno: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      hint: expect.stringContaining("fingerprint") as string,
    })
    expect(dsm.seen).toEqual([])
  })

  it("may have any name in the agreed certificate", async () => {
    expect(selfSigned("other.example").fingerprint).not.toBe(dsm.fingerprint)
    const address = parseDsmAddress(dsm.url.replace("127.0.0.1", "localhost"), dsm.fingerprint)
    const right = { ...account, password: new Secret(dsm.accounts.get("cistern")?.password ?? "") }
    expect(await listShares(new DsmClient({ address, account: right }))).toHaveLength(3)
  })

  it("that never ends its greeting is a timeout", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1")
    await once(silent, "listening")
    const address = parseDsmAddress(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`)
    await expect(listShares(new DsmClient({ address, account, limitMs: 250 }))).rejects.toMatchObject({
      code: "timeout",
      facts: { sent: false },
    })
    silent.close()
  })
})

describe("secrets", () => {
  it("are in bodies and in one header, never in a URL", async () => {
    const client = clientOf(dsm)
    await listShares(client)
    await client.close()
    expect(new Set(dsm.seen.map(({ url }) => url))).toEqual(new Set(["/webapi/entry.cgi"]))
    const withPassword = dsm.seen.filter(({ fields }) => "passwd" in fields)
    expect(withPassword.map(({ call }) => call)).toEqual(["SYNO.API.Auth login"])
  })

  it("are in no error, whatever comes back", async () => {
    const errors: unknown[] = []
    const said = new Set<string>()
    for (const at of ["SYNO.API.Auth login", LIST]) {
      for (const fault of [
        "closes",
        "cuts",
        "echoes",
        "answers HTML",
        { status: 500 },
        { code: 400 },
        { code: 105 },
      ] as const) {
        const each = await FakeDsm.start()
        each.breaks(at, fault)
        await listShares(clientOf(each)).catch((error: unknown) => errors.push(error))
        said.add(each.accounts.get("cistern")?.password ?? "")
        for (const [sid, { token }] of each.sessions) said.add(sid).add(token)
        await each.stop()
      }
    }
    expect(errors).toHaveLength(14)
    expect(said.size).toBeGreaterThan(6)
    const printed = errors.map((error) => everythingIn(error)).join("\n")
    expect(printed).toContain("SYNO.Core.Share list")
    for (const secret of said) {
      expect(printed).not.toContain(secret)
      expect(printed).not.toContain(encodeURIComponent(secret))
    }
  })

  it("are not in what a client prints", async () => {
    const client = clientOf(dsm)
    await saveNfsRules(client, "backup", [])
    const [[sid = "", session] = []] = dsm.sessions
    const printed = inspect(client, { depth: 20, showHidden: true })
    for (const secret of [dsm.accounts.get("cistern")?.password, sid, session?.token]) {
      expect(secret).not.toBe("")
      expect(printed).not.toContain(secret)
    }
  })
})

/** All that a log could find in a value: its texts, its bytes, and what it holds, shown or not. */
function everythingIn(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return String(value)
  if (seen.has(value)) return ""
  seen.add(value)
  if (value instanceof Uint8Array)
    return Buffer.from(value).toString("latin1") + Buffer.from(value).toString("utf8")
  const held = Reflect.ownKeys(value).map((key) => everythingIn(Reflect.get(value, key), seen))
  return [inspect(value), ...held].join("\n")
}

it("every error is one that can be acted on", async () => {
  dsm.breaks(LIST, "echoes")
  const error: unknown = await listShares(clientOf(dsm)).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(StorageError)
  expect(error).toMatchObject({ hint: expect.stringMatching(/\w/) as string })
})
