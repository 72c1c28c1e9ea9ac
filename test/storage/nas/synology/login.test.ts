import { beforeEach, describe, expect, it } from "vitest"
import { listShares, type LoginMemory, type LoginRecord } from "../../../../storage/nas/synology/index.js"
import { clientOf, QuickClock } from "../../../support/dsm-client.js"
import { FakeDsm } from "../../../support/fake-dsm.js"

const LOGIN = "SYNO.API.Auth login"

let dsm: FakeDsm
let clock: QuickClock

beforeEach(async () => {
  dsm = await FakeDsm.start()
  clock = new QuickClock()
})

/** What lasts longer than a process. */
class KeptLogins implements LoginMemory {
  text = "null"

  read(): LoginRecord | undefined {
    return (JSON.parse(this.text) as LoginRecord | null) ?? undefined
  }

  write(record: LoginRecord | undefined): void {
    this.text = JSON.stringify(record ?? null)
  }
}

describe("a wrong password", () => {
  it("is one login, whatever is called afterwards, at once and for a year", async () => {
    const client = clientOf(dsm, { password: "wrong", clock })
    const calls = await Promise.allSettled([listShares(client), listShares(client), listShares(client)])
    for (let month = 0; month < 12; month++) {
      clock.ms += 30 * 24 * 3_600_000
      calls.push(...(await Promise.allSettled([listShares(client)])))
    }
    for (const call of calls) {
      expect(call).toMatchObject({
        status: "rejected",
        reason: {
          code: "wrong_password",
          facts: { dsmCode: 400 },
          hint: expect.stringContaining("give Cistern the account again") as string,
        },
      })
    }
    expect([dsm.logins, dsm.failedLogins]).toEqual([1, 1])
  })

  it("is one login however often the daemon is started anew", async () => {
    const logins = new KeptLogins()
    for (let start = 0; start < 5; start++) {
      const client = clientOf(dsm, { password: "wrong", logins, clock })
      await expect(listShares(client)).rejects.toMatchObject({ code: "wrong_password" })
    }
    expect(dsm.logins).toBe(1)
  })

  it("is forgotten when the account is given anew", async () => {
    const logins = new KeptLogins()
    await listShares(clientOf(dsm, { password: "wrong", logins, clock })).catch(() => undefined)
    expect(await listShares(clientOf(dsm, { revision: "second", logins, clock }))).toHaveLength(3)
    expect(logins.read()).toBeUndefined()
  })

  it("is tried again when a person says so", async () => {
    const client = clientOf(dsm, { password: "new one", clock })
    await listShares(client).catch(() => undefined)
    dsm.accounts.set("cistern", { password: "new one", administrator: true })
    await expect(listShares(client)).rejects.toMatchObject({ code: "wrong_password" })
    client.tryLoginAgain()
    expect(await listShares(client)).toHaveLength(3)
  })

  it("of two daemons does not lock the NAS's other users out", async () => {
    for (const revision of ["one", "other"]) {
      await listShares(clientOf(dsm, { password: "wrong", revision, clock })).catch(() => undefined)
    }
    expect(dsm.failedLogins).toBeLessThan(dsm.autoBlockAfter)
  })

  it("that was right when the session began is found out once, when the session ends", async () => {
    const client = clientOf(dsm, { clock })
    await listShares(client)
    dsm.accounts.set("cistern", { password: "changed since", administrator: true })
    dsm.end("timed out")
    for (let times = 0; times < 4; times++) {
      await expect(listShares(client)).rejects.toMatchObject({ code: "wrong_password" })
    }
    expect(dsm.failedLogins).toBe(1)
  })
})

describe("a login that DSM refuses", () => {
  it.each([
    [401, "unreadable", "Enable it"],
    [402, "unreadable", "Application Privileges"],
    [403, "unreadable", "second factor"],
    [404, "unreadable", "second factor"],
    [406, "unreadable", "second factor"],
    [407, "unreadable", "Unblock it"],
    [408, "wrong_password", "new password"],
    [409, "wrong_password", "new password"],
    [410, "wrong_password", "new password"],
    [411, "unreadable", "Unlock it"],
    [105, "unreadable", "administrators"],
    [160, "unreadable", "Application Privileges"],
    [9999, "unsupported", "version of DSM"],
  ] as const)("with %i is made once, and says what to do", async (says, code, hint) => {
    dsm.accounts.set("cistern", { password: "right", administrator: true, says })
    const client = clientOf(dsm, { clock })
    for (let times = 0; times < 3; times++) {
      await expect(listShares(client)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(`DSM refuses the login (${says})`) as string,
        hint: expect.stringContaining(hint) as string,
      })
      clock.ms += 3_600_000
    }
    expect(dsm.logins).toBe(1)
  })

  it("for an address that is blocked says where to unblock it", async () => {
    dsm.failedLogins = dsm.autoBlockAfter
    await expect(listShares(clientOf(dsm))).rejects.toMatchObject({
      facts: { dsmCode: 407 },
      hint: expect.stringContaining("Control Panel > Security > Protection") as string,
    })
  })
})

describe("a login whose outcome is not known", () => {
  it.each([
    "closes",
    "closes after",
    "cuts",
    "echoes",
    "answers HTML",
    { status: 502 },
    { code: 117 },
  ] as const)("(%s) is made no more than twice in any five minutes", async (fault) => {
    dsm.breaks(LOGIN, fault, { times: 1000 })
    const client = clientOf(dsm, { clock })
    const at: number[] = []
    for (let second = 0; second < 3600; second += 20) {
      await expect(listShares(client)).rejects.toMatchObject({ hint: expect.any(String) as string })
      while (at.length < dsm.logins) at.push(clock.ms)
      clock.ms += 20_000
    }
    expect(at.length).toBeGreaterThan(10)
    const gaps = at.slice(2).map((time, index) => time - (at[index] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(300_000)
  })

  it("is remembered by the next process", async () => {
    const logins = new KeptLogins()
    dsm.breaks(LOGIN, "closes", { times: 1000 })
    for (let start = 0; start < 5; start++) {
      await listShares(clientOf(dsm, { logins, clock })).catch(() => undefined)
    }
    expect(dsm.logins).toBe(1)
    dsm.heal()
    clock.ms += 180_000
    expect(await listShares(clientOf(dsm, { logins, clock }))).toHaveLength(3)
  })

  it("is counted before it is made: a process that is killed meanwhile has counted it", async () => {
    const logins = new KeptLogins()
    const seen: unknown[] = []
    dsm.breaks(LOGIN, "closes")
    await listShares(
      clientOf(dsm, {
        clock,
        logins: {
          read: () => logins.read(),
          write: (record) => {
            seen.push([dsm.logins, record?.code])
            logins.write(record)
          },
        },
      }),
    ).catch(() => undefined)
    expect(seen).toEqual([[0, null]])
  })

  it("that DSM never got is not counted", async () => {
    const logins = new KeptLogins()
    const client = clientOf(dsm, { logins, clock })
    await listShares(client)
    await client.close()
    await dsm.stop()
    await expect(listShares(client)).rejects.toMatchObject({ facts: { errno: "ECONNREFUSED" } })
    expect(logins.read()).toBeUndefined()
  })

  it("is made again at once where the clock was set back", async () => {
    const logins = new KeptLogins()
    dsm.breaks(LOGIN, "closes")
    await listShares(clientOf(dsm, { logins, clock })).catch(() => undefined)
    clock.ms -= 365 * 24 * 3_600_000
    expect(await listShares(clientOf(dsm, { logins, clock }))).toHaveLength(3)
  })

  it("because its answer has no session is an error", async () => {
    const logins = new KeptLogins()
    dsm.breaks(LOGIN, "pretends")
    await expect(listShares(clientOf(dsm, { logins, clock }))).rejects.toMatchObject({ code: "corrupt" })
    expect(logins.read()).toMatchObject({ code: null })
  })
})
