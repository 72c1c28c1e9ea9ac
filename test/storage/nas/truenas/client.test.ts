import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { StorageError } from "../../../../storage/errors.js"
import {
  listNfsShares,
  systemInfo,
  TrueNasClient,
  type TrueNasOptions,
} from "../../../../storage/nas/truenas/index.js"
import { Secret } from "../../../../storage/secret.js"
import { compiled } from "../../../support/compiled.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"
import { until } from "../../../support/until.js"

const clients = new Set<TrueNasClient>()
afterEach(() => {
  for (const client of clients) client.close()
  clients.clear()
})

const TIMES = { patience: 400, pingEvery: 60_000, firstBackoff: 5, longestWait: 1_000 }

function clientOf(fake: FakeTrueNas, changes: Partial<TrueNasOptions> = {}): TrueNasClient {
  const { times, ...others } = changes
  const client = new TrueNasClient({
    url: fake.url,
    fingerprint: fake.fingerprint,
    user: fake.user,
    key: new Secret(fake.key),
    times: { ...TIMES, ...times },
    ...others,
  })
  clients.add(client)
  return client
}

async function failure(work: Promise<unknown>): Promise<StorageError> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (error instanceof StorageError) return error
  throw new Error(`it did not fail as it should: ${String(error)}`)
}

describe("a connection to TrueNAS", () => {
  it("is one, for all calls, at the newest version that is known", async () => {
    const fake = await FakeTrueNas.start()
    fake.versions = ["v25.04.0", "v25.10.2", "v25.10.0", "v26.0.0"]
    const client = clientOf(fake)
    await Promise.all([listNfsShares(client), listNfsShares(client), listNfsShares(client)])
    await listNfsShares(client)
    expect(await client.version()).toBe("v25.10.2")
    expect(fake.urls).toEqual(["/api/versions", "/api/v25.10.2"])
    expect(fake.callsOf("auth.login_ex")).toHaveLength(1)
  })

  it("takes the server's own newest version, and says so, where none is known", async () => {
    const fake = await FakeTrueNas.start()
    fake.versions = ["v31.10.0"]
    const notices: string[] = []
    await listNfsShares(clientOf(fake, { notice: (message) => notices.push(message) }))
    expect(fake.urls.at(-1)).toBe("/api/current")
    expect(notices).toEqual([expect.stringContaining("its newest one is used")])
  })

  it("is refused by a TrueNAS without this API, which is named", async () => {
    const fake = await FakeTrueNas.start()
    fake.versions = 404
    expect(await failure(listNfsShares(clientOf(fake)))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("24.10 or older") as string,
      hint: expect.stringContaining("25.04") as string,
    })
    expect(fake.callsOf("auth.login_ex")).toEqual([])
  })

  it.each([
    [403, "unreadable"],
    [502, "io"],
  ])("is refused with HTTP status %i as %s", async (status, code) => {
    const fake = await FakeTrueNas.start()
    fake.versions = status
    expect(await failure(listNfsShares(clientOf(fake)))).toMatchObject({ code, facts: { status } })
  })

  it("is not made where something else answers", async () => {
    const fake = await FakeTrueNas.start()
    fake.versions = [1] as unknown as string[]
    expect(await failure(listNfsShares(clientOf(fake)))).toMatchObject({ code: "corrupt" })
  })

  it("says when nobody is there", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await fake.stop()
    expect(await failure(listNfsShares(client))).toMatchObject({
      code: "io",
      facts: { code: "ECONNREFUSED" },
    })
  })

  it("says when TrueNAS does not let this machine in", async () => {
    const fake = await FakeTrueNas.start()
    fake.closesAtOnce = 1008
    expect(await failure(listNfsShares(clientOf(fake)))).toMatchObject({
      code: "unreadable",
      hint: expect.stringContaining("Allowed IP Addresses") as string,
    })
  })

  it("is pinged, and given up when nobody answers that", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake, { times: { pingEvery: 10, patience: 60 } })
    await listNfsShares(client)
    await until(
      () => fake.callsOf("core.ping").length,
      (pings) => pings > 2,
      "three pings",
    )
    fake.break("core.ping", "silent", { times: 100 })
    fake.break("alert.list", "silent")
    // Its own limit is far away: what ends it is that nobody is there.
    const waits = client.call("alert.list", [], z.unknown(), { patienceMs: 60_000 })
    expect(await failure(waits)).toMatchObject({ code: "io", message: "TrueNAS does not answer any more" })
  })
})

describe("the certificate", () => {
  it("is compared with the fingerprint before anything is sent", async () => {
    const fake = await FakeTrueNas.start()
    const other = "ab".repeat(32)
    expect(await failure(listNfsShares(clientOf(fake, { fingerprint: other })))).toMatchObject({
      code: "unreadable",
      facts: { shown: fake.fingerprint },
      hint: expect.stringContaining("Nothing was sent") as string,
    })
    expect(fake.urls).toEqual([])
  })

  it("that nobody vouches for is refused without one, with its fingerprint to compare", async () => {
    const fake = await FakeTrueNas.start()
    const client = new TrueNasClient({ url: fake.url, user: fake.user, key: new Secret(fake.key) })
    expect(await failure(listNfsShares(client))).toMatchObject({
      code: "unreadable",
      facts: { shown: fake.fingerprint },
      hint: expect.stringContaining(fake.fingerprint) as string,
    })
    expect(fake.urls).toEqual([])
  })

  it("that this machine trusts is taken without one, for the name that it is for", async () => {
    const fake = await FakeTrueNas.start()
    const code = compiled("storage")
    const script = join(code, "ask.mjs")
    writeFileSync(
      script,
      `import { TrueNasClient, listNfsShares } from "./storage/nas/truenas/index.js"
       import { Secret } from "./storage/secret.js"
       for (const url of JSON.parse(process.argv[2])) {
         const client = new TrueNasClient({ url, user: process.argv[3], key: new Secret(process.env.KEY) })
         await listNfsShares(client).then(() => console.log("listed"), (error) => console.log(error.facts.code))
         client.close()
       }`,
    )
    const urls = JSON.stringify([fake.url, fake.url.replace("127.0.0.1", "localhost")])
    const child = spawn(process.execPath, [script, urls, fake.user], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: fake.certificateFile, KEY: fake.key },
      stdio: ["ignore", "pipe", "inherit"],
    })
    let said = ""
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
    await once(child, "exit")
    expect(said.trim().split("\n")).toEqual(["listed", "ERR_TLS_CERT_ALTNAME_INVALID"])
  })

  it.each([
    "AB:".repeat(31) + "AB",
    "sha256 Fingerprint=" + "ab:".repeat(31) + "ab",
    "SHA256:" + "AB".repeat(32),
  ])("has a fingerprint as people copy it: %s", async (fingerprint) => {
    const fake = await FakeTrueNas.start()
    expect(await failure(listNfsShares(clientOf(fake, { fingerprint })))).toMatchObject({
      facts: { wanted: "AB:".repeat(31) + "AB" },
    })
  })
})

describe("what can be no way to a TrueNAS is refused before the first byte", () => {
  const KEY = `7-${"k".repeat(64)}`
  const make = (changes: Partial<TrueNasOptions>) => () =>
    new TrueNasClient({ url: "wss://nas.invalid", user: "backupd", key: new Secret(KEY), ...changes })

  it.each([
    "ws://192.0.2.1",
    "ws://nas.invalid:80",
    "ws://[2001:db8::1]",
    "ws://0.0.0.0:80",
    "ws://localhost.nas.invalid",
    "https://nas.invalid",
    "nas.invalid",
    "",
    "wss://user:pa55word@nas.invalid",
    "wss://nas.invalid/api/current",
    "wss://nas.invalid/?key=1",
  ])("the address %j", (url) => {
    expect(make({ url })).toThrow(StorageError)
    expect(make({ url })).toThrow(expect.objectContaining({ code: "invalid" }) as Error)
    expect(make({ url })).not.toThrow(/pa55word|key=1/)
  })

  it.each([
    "wss://nas.invalid",
    "wss://[2001:db8::1]:8443",
    "ws://127.0.0.1:6000",
    "ws://[::1]",
    "ws://localhost/",
  ])("but not %j", (url) => {
    expect(make({ url })).not.toThrow()
  })

  it.each(["", "secret", `${KEY}\n`, `${KEY} `, "7-short", `x-${"k".repeat(64)}`])("the key %j", (key) => {
    expect(make({ key: new Secret(key) })).toThrow(expect.objectContaining({ code: "invalid" }) as Error)
  })

  it.each(["", "ab", "zz".repeat(32), "ab".repeat(20)])("the fingerprint %j", (fingerprint) => {
    expect(make({ fingerprint })).toThrow(expect.objectContaining({ code: "invalid" }) as Error)
  })

  it("and nothing was ever sent to such an address", async () => {
    const fake = await FakeTrueNas.start({ secure: false, host: "0.0.0.0" })
    expect(make({ url: fake.url })).toThrow("TrueNAS would revoke it")
    expect(fake.connections).toBe(0)
  })
})

describe("the login", () => {
  it("is by API key, for the user that it belongs to", async () => {
    const fake = await FakeTrueNas.start()
    await listNfsShares(clientOf(fake))
    expect(fake.callsOf("auth.login_ex")).toEqual([
      [
        {
          mechanism: "API_KEY_PLAIN",
          username: fake.user,
          api_key: fake.key,
          login_options: { user_info: false },
        },
      ],
    ])
  })

  it("works without TLS on this machine, and a proxy in front of TrueNAS costs the key", async () => {
    const fake = await FakeTrueNas.start({ secure: false })
    await listNfsShares(clientOf(fake))
    fake.isRemote = true
    const error = await failure(listNfsShares(clientOf(fake)))
    expect(fake.revoked).toBe(true)
    expect(error).toMatchObject({
      code: "unreadable",
      facts: { answer: "EXPIRED" },
      hint: expect.stringContaining("revokes a key that came without TLS") as string,
    })
  })

  it.each(["AUTH_ERR", "EXPIRED", "OTP_REQUIRED", "DENIED", "REDIRECT", "SCRAM_RESPONSE"])(
    "that is answered %s is never tried again by the same client",
    async (response_type) => {
      const fake = await FakeTrueNas.start()
      fake.loginAnswer = { response_type, urls: ["https://192.0.2.7"] }
      const client = clientOf(fake)
      const error = await failure(listNfsShares(client))
      expect(error.code).toBe("unreadable")
      expect(error.facts).toMatchObject({ answer: response_type })
      expect(error.hint).toBeTruthy()
      const { connections } = fake
      fake.loginAnswer = undefined
      for (let call = 0; call < 5; call++) expect(await failure(listNfsShares(client))).toBe(error)
      expect(fake.connections).toBe(connections)
      expect(fake.callsOf("auth.login_ex")).toHaveLength(1)
      // Another configuration is another client.
      await listNfsShares(clientOf(fake))
    },
  )

  it("of a session that is over is done again once, for all calls that found it so", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await listNfsShares(client)
    fake.break("sharing.nfs.query", "signed-out")
    expect(await Promise.all([listNfsShares(client), listNfsShares(client)])).toEqual([[], []])
    expect(fake.urls.filter((url) => url === "/api/v25.10.2")).toHaveLength(1)
  })

  it("that does not help against a session that is over is the last one", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await listNfsShares(client)
    fake.break("sharing.nfs.query", "signed-out", { times: 100 })
    const error = await failure(listNfsShares(client))
    expect(error).toMatchObject({ code: "unreadable", facts: { errname: "ENOTAUTHENTICATED" } })
    const logins = fake.callsOf("auth.login_ex").length
    expect(logins).toBe(2)
    expect(await failure(listNfsShares(client))).toBe(error)
    expect(fake.callsOf("auth.login_ex")).toHaveLength(logins)
  })

  it("that TrueNAS holds back is tried again, later and later, until it works", async () => {
    const fake = await FakeTrueNas.start()
    fake.mostLogins = 0
    const client = clientOf(fake, { times: { firstBackoff: 40, longestWait: 100 } })
    const errors: StorageError[] = []
    // 40 to 60 ms, then 80 to 120, then 160 to 240: that is more than a call waits.
    for (let call = 0; call < 4; call++) errors.push(await failure(listNfsShares(client)))
    expect(errors.map(({ code }) => code)).toEqual(Array(4).fill("timeout"))
    expect(fake.callsOf("auth.login_ex").length).toBeLessThan(4)
    fake.mostLogins = 100
    await until(
      () => listNfsShares(client).catch(() => undefined),
      (shares) => shares !== undefined,
      "the login to work",
    )
  })

  it("is refused for credentials that are another user's", async () => {
    const fake = await FakeTrueNas.start()
    expect(await failure(listNfsShares(clientOf(fake, { user: "somebody" })))).toMatchObject({
      code: "unreadable",
      message: "TrueNAS does not accept the API key of somebody",
    })
  })
})

describe("calls", () => {
  it("are at most eight at once, and all are answered", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await listNfsShares(client)
    let release = (): void => undefined
    fake.hold = new Promise((resolve) => {
      release = resolve
    })
    const calls = Array.from({ length: 40 }, () => listNfsShares(client))
    await until(
      () => fake.mostAtOnce,
      (most) => most === 8,
      "eight calls",
    )
    release()
    expect(await Promise.all(calls)).toHaveLength(40)
    expect(fake.mostAtOnce).toBe(8)
  })

  it("that nobody waits for any more are not begun", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake, { times: { patience: 10_000 } })
    await listNfsShares(client)
    let release = (): void => undefined
    fake.hold = new Promise((resolve) => {
      release = resolve
    })
    const held = Array.from({ length: 8 }, () => listNfsShares(client))
    const late = client.call("sharing.nfs.delete", [1], z.unknown(), { patienceMs: 50 })
    expect(await failure(late)).toMatchObject({ code: "timeout" })
    release()
    await Promise.all([...held, listNfsShares(client)])
    expect(await listNfsShares(client)).toEqual([])
    expect(fake.callsOf("sharing.nfs.delete")).toEqual([])
  })

  it("that are too long are refused before they are sent, since TrueNAS would hang up", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    const path = (bytes: number) => "x".repeat(bytes)
    expect(await failure(client.call("filesystem.statfs", [path(65_536)], z.unknown()))).toMatchObject({
      code: "invalid",
      facts: { method: "filesystem.statfs", limit: 65_536 },
    })
    // The longest one that is read; it is refused for what it says.
    expect(await failure(client.call("filesystem.statfs", [path(65_400)], z.unknown()))).toMatchObject({
      code: "io",
    })
    expect(await failure(listNfsShares(clientOf(fake, { user: "u".repeat(9_000) })))).toMatchObject({
      code: "invalid",
    })
    expect(fake.urls.filter((url) => url.startsWith("/api/v25"))).toHaveLength(2)
  })

  it("that are not answered have a limit, and the next ones work", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    fake.break("sharing.nfs.query", "silent")
    expect(await failure(listNfsShares(client))).toMatchObject({
      code: "timeout",
      facts: { method: "sharing.nfs.query" },
    })
    expect(await listNfsShares(client)).toEqual([])
  })

  it("that are never answered do not take every turn for ever", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake, { times: { patience: 2_000 } })
    await listNfsShares(client)
    fake.break("alert.list", "silent", { times: 8 })
    const ask = () => client.call("alert.list", [], z.unknown(), { patienceMs: 30 })
    const errors = await Promise.all(Array.from({ length: 8 }, () => failure(ask())))
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["timeout"]))
    expect(await listNfsShares(client)).toEqual([])
    expect(fake.callsOf("auth.login_ex")).toHaveLength(2)
  })

  it.each([
    ["hang-up", "io"],
    ["cut", "io"],
    ["garbage", "corrupt"],
    ["binary", "corrupt"],
  ] as const)(
    "that end with %s fail as %s, and the next ones work over a new connection",
    async (fault, code) => {
      const fake = await FakeTrueNas.start()
      const client = clientOf(fake)
      await listNfsShares(client)
      fake.break("sharing.nfs.query", fault)
      expect(await failure(listNfsShares(client))).toMatchObject({ code })
      expect(await listNfsShares(client)).toEqual([])
      expect(fake.callsOf("auth.login_ex")).toHaveLength(2)
    },
  )

  it("find a connection that broke between them", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await listNfsShares(client)
    fake.dropAll()
    await until(
      () => listNfsShares(client).catch(() => undefined),
      (shares) => shares !== undefined,
      "another connection",
    )
    expect(fake.callsOf("auth.login_ex")).toHaveLength(2)
  })

  it("with another answer than a known one are an error that names the field", async () => {
    const fake = await FakeTrueNas.start()
    fake.break("system.info", "nonsense")
    expect(await failure(systemInfo(clientOf(fake)))).toMatchObject({
      code: "corrupt",
      facts: { method: "system.info", field: "version" },
    })
  })

  it("fail once the client was closed", async () => {
    const fake = await FakeTrueNas.start()
    const client = clientOf(fake)
    await listNfsShares(client)
    client.close()
    expect(await failure(listNfsShares(client))).toMatchObject({ code: "io" })
    await until(
      () => fake.callsOf("auth.login_ex").length,
      (logins) => logins === 1,
      "no other login",
    )
  })
})

describe("what TrueNAS refuses", () => {
  it.each([
    ["forbidden", "unreadable", "EACCES"],
    ["rate-limit", "unstable", "EBUSY"],
  ] as const)("as %s is told by %s", async (fault, code, errname) => {
    const fake = await FakeTrueNas.start()
    fake.break("alert.list", fault)
    expect(await failure(clientOf(fake).call("alert.list", [], z.unknown()))).toMatchObject({
      code,
      facts: { method: "alert.list", errname },
    })
  })

  it("is told with the fields that it names", async () => {
    const fake = await FakeTrueNas.start()
    const create = clientOf(fake).call("sharing.nfs.create", [{ paths: ["/mnt/tank"] }], z.unknown())
    expect(await failure(create)).toMatchObject({
      code: "invalid",
      message:
        "TrueNAS refused sharing.nfs.create: data.path: Field required; data.paths: Extra inputs are not permitted (EINVAL)",
      facts: { code: -32602, errname: "EINVAL" },
    })
  })

  it("because a thing is not there is known by the number of that error, not by the name of validations", async () => {
    const fake = await FakeTrueNas.start()
    expect(await failure(clientOf(fake).call("sharing.nfs.delete", [17], z.unknown()))).toMatchObject({
      code: "missing",
      facts: { errname: "EINVAL" },
    })
  })

  it("because it does not know the method is told as a matter of versions", async () => {
    const fake = await FakeTrueNas.start()
    expect(await failure(clientOf(fake).call("no.such", [], z.unknown()))).toMatchObject({
      code: "unsupported",
    })
  })
})

describe("the key", () => {
  it("is in no error, notice or URL, whatever goes wrong and whatever TrueNAS repeats", async () => {
    const said: unknown[] = []
    const fake = await FakeTrueNas.start()
    const note = async (work: Promise<unknown>) => said.push(await failure(work))
    const client = clientOf(fake, { notice: (message) => said.push(message) })
    for (const fault of [
      "signed-out",
      "forbidden",
      "silent",
      "hang-up",
      "cut",
      "garbage",
      "nonsense",
    ] as const) {
      fake.break("sharing.nfs.query", fault, { times: fault === "signed-out" ? 0 : 1 })
      if (fault !== "signed-out") await note(listNfsShares(client))
    }
    // The reply repeats its parameter, and every trace of the fake holds the key.
    await note(client.call("sharing.nfs.create", [{ path: "/mnt/tank", [fake.key]: 1 }], z.unknown()))
    for (const response_type of ["AUTH_ERR", "EXPIRED", fake.key]) {
      fake.loginAnswer = { response_type }
      await note(listNfsShares(clientOf(fake)))
    }
    for (const fault of ["forbidden", "rate-limit", "nonsense", "garbage", "cut"] as const) {
      fake.break("auth.login_ex", fault)
      await note(listNfsShares(clientOf(fake)))
    }
    said.push(client, fake.urls)
    const text =
      inspect(said, { depth: 20, showHidden: true }) +
      said.map((one) => (one instanceof Error ? `${one.stack} ${JSON.stringify(one)}` : "")).join()
    expect(text).toContain("[secret]")
    expect(text).not.toContain(fake.key)
    expect(text).not.toContain(fake.key.slice(2))
    expect(text).not.toContain("Traceback")
  })
})
