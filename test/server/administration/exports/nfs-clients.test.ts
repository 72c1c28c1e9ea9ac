import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { CheckJson } from "../../../../server/http/contract/admin.js"
import { type NfsClientJson, nfsClientsJson } from "../../../../server/http/contract/nfs-clients.js"
import { KernelServer, readClients } from "../../../../storage/nfs/index.js"
import { Chain, SettableClock } from "../../../support/answers.js"
import { scratch } from "../../../support/fixtures.js"
import { nfsdFixture, type NfsdMoment } from "../../../support/nfsd-fixtures.js"

const chains: Chain[] = []
afterEach(async () => {
  for (const chain of chains.splice(0)) await chain.stop()
})

/** A machine whose kernel tells what was recorded at that moment. */
async function machine(moment: NfsdMoment, networks: readonly string[], exports = true): Promise<Chain> {
  const files = nfsdFixture(moment)
  const server = {
    etab: join(files.rmtab, "../etab"),
    threads: join(files.nfsd, "threads"),
    own: join(scratch(), "cistern.exports"),
    mounts: "/etc/mtab",
  }
  const chain = new Chain({
    state: scratch(),
    clock: new SettableClock(),
    nfsServer: new KernelServer("0123456789abcdef", () => Promise.resolve([]), server),
    nfsClients: () => readClients(files),
  })
  chains.push(chain)
  const store = scratch()
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks }],
    ...(exports ? { exports: [{ store: "nas", cluster: "home" }] } : {}),
  })
  return chain
}

async function client(chain: Chain, address: string): Promise<NfsClientJson> {
  const { clients } = nfsClientsJson.parse(await chain.administration.nfsClients())
  const found = clients.find((one) => one.address === address)
  if (found === undefined) throw new Error(`${address} is not shown`)
  return found
}

async function check(chain: Chain): Promise<CheckJson | undefined> {
  const { checks } = await chain.administration.doctor()
  return checks.find(({ name }) => name === "NFS clients")
}

describe("who is mounted", () => {
  it("is shown with the cluster, what is held and the time of the look", async () => {
    const chain = await machine("open", ["192.168.10.0/24"])
    const before = Date.now()
    const { readAt, server } = await chain.administration.nfsClients()
    expect(Date.parse(readAt)).toBeGreaterThanOrEqual(before)
    expect(server).toMatchObject({ running: true, threads: 4, writtenBytes: 7_344_134 })
    const shown = await client(chain, "192.168.10.11")
    expect(shown).toMatchObject({
      cluster: "home",
      kind: "cluster",
      versions: ["4.2"],
      names: ["Linux NFSv4.2 worker-11"],
      state: "confirmed",
      connections: 1,
      mounts: ["/srv/backups", "/srv/tank/kopia"],
      readBytes: null,
    })
    const age = Date.now() - Date.parse(shown.renewedAt ?? "")
    expect(age).toBeGreaterThanOrEqual(1_000)
    expect(age).toBeLessThan(60_000)
  })

  it("never says of a client without an open file that it has nothing mounted", async () => {
    const chain = await machine("mounted", ["192.168.10.0/24"])
    expect(await client(chain, "192.168.10.11")).toMatchObject({ mounts: null, held: [] })
    expect(await client(chain, "192.168.10.12")).toMatchObject({
      mounts: null,
      onceMounted: ["/srv/backups"],
      state: "connected",
    })
  })

  it("tells who fell silent from who is remembered", async () => {
    const chain = await machine("unmounted", ["192.168.10.0/24"])
    expect(await client(chain, "192.168.10.13")).toMatchObject({ state: "courtesy", connections: 1 })
    expect(await client(chain, "192.168.10.12")).toMatchObject({ state: "remembered", connections: 0 })
  })

  it("counts the bytes of each export, without the server's own way to it", async () => {
    const chain = await machine("open", ["192.168.10.0/24"])
    const { traffic } = await chain.administration.nfsClients()
    expect(traffic?.map(({ directory }) => directory)).toEqual([
      "/srv/backups",
      "/srv/backups",
      "/srv/pool/vol",
      "/srv/tank/kopia",
    ])
    expect(traffic?.[0]).toMatchObject({ clients: ["*", "192.168.10.0/24"], writtenBytes: 6_295_554 })
    const since = Number(process.hrtime.bigint() / 1_000_000n) - 19_000
    expect(Math.abs(Date.parse(traffic?.[0]?.since ?? "") - (Date.now() - since))).toBeLessThan(10_000)
  })
})

describe("a stranger", () => {
  it("is whoever is connected and in no cluster's networks; doctor warns", async () => {
    const chain = await machine("open", ["192.168.10.8/29"])
    expect(await client(chain, "fd00:10::14")).toMatchObject({ kind: "stranger", cluster: null })
    const { notices } = await chain.administration.nfsClients()
    expect(notices).toMatchObject([
      {
        code: "stranger",
        message:
          "fd00:10::14 (calls itself Linux NFSv4.1 worker-14) is connected to the NFS server and holds files of /srv/backups, and is in no declared cluster's networks",
      },
    ])
    expect(await check(chain)).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("fd00:10::14") as string,
    })
  })

  it("is not who only mounted once", async () => {
    const chain = await machine("unmounted", ["192.168.10.13/32", "fd00:10::/64"])
    expect(await client(chain, "192.168.10.12")).toMatchObject({ kind: "stranger", state: "remembered" })
    expect((await chain.administration.nfsClients()).notices).toEqual([])
    expect(await check(chain)).toMatchObject({ status: "ok" })
  })

  it("is named once for each of three, and the rest is counted", async () => {
    const chain = await machine("open", ["10.0.0.0/8"], false)
    const { status, detail } = (await check(chain)) ?? {}
    expect(status).toBe("warn")
    expect(detail?.match(/is in no declared cluster/g)).toHaveLength(3)
    expect(detail).toMatch(/and 2 more$/)
  })
})

describe("where the server does not tell", () => {
  it("doctor says so if something is declared to be exported, and nothing is green", async () => {
    const chain = await machine("open", ["192.168.10.0/24", "fd00:10::/64"])
    expect(await check(chain)).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/^5 connected/) as string,
    })
    const blind = new Chain({ state: scratch() })
    chains.push(blind)
    expect(await check(blind)).toBeUndefined()
    await blind.apply({
      stores: [{ name: "nas", path: scratch(), allowRoot: true }],
      clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
      exports: [{ store: "nas", cluster: "home" }],
    })
    expect(await check(blind)).toMatchObject({ status: "warn" })
    const { server, traffic, problems } = await blind.administration.nfsClients()
    expect({ server, traffic }).toEqual({ server: null, traffic: null })
    expect(problems).toMatchObject([{ code: "missing" }])
  })
})
