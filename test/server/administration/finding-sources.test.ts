import { renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Registry } from "prom-client"
import { afterEach, describe, expect, it } from "vitest"
import { findingMetrics } from "../../../server/administration/index.js"
import {
  type FindingJson,
  findingsJson,
  type FindingsJson,
  findingShownJson,
} from "../../../server/http/contract/findings.js"
import { printable } from "../../../server/cli/printable.js"
import { serving } from "../../support/admin-server.js"
import type { Chain } from "../../support/answers.js"
import { cli } from "../../support/cli.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import { madeUpDocument, Scene } from "../answers/scene.js"

// What the daemon looks at becomes findings, is seen on the command line, and goes when it is mended.

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

const PVC = "da\u001b[31mta"

async function stage(): Promise<{ scene: Scene; chain: Chain; kopia: SyntheticKopia }> {
  const scene = new Scene({})
  scenes.push(scene)
  const newest = new Date(scene.clock.now().wall - 3_600_000)
  const identities = ["app", "other"].map((user) => ({ user, host: "home", path: "/data" }))
  const kopia = new SyntheticKopia(scene.path("kopia"), { password: "pw", snapshots: 8, identities, newest })
  const chain = await scene.start()
  await chain.apply(madeUpDocument(scene.store))
  await chain.lookAgain()
  return { scene, chain, kopia }
}

async function found(chain: Chain, query: Record<string, string> = {}): Promise<FindingJson[]> {
  await chain.findingKeeper.lookNow()
  return findingsJson.parse(chain.findings.views.list(query)).findings
}

const codes = (findings: readonly FindingJson[]): string[] => findings.map(({ code }) => code)

describe("what the daemon looks at", () => {
  it("tells of a repository that is gone with the volumes that it costs, and of nothing once it is back", async () => {
    const { scene, chain } = await stage()
    expect(codes(await found(chain, { severity: "critical" }))).toEqual([])
    renameSync(scene.path("kopia"), scene.path("away"))
    await chain.lookAgain()
    const [gone] = await found(chain, { source: "repositories" })
    expect(gone).toMatchObject({ severity: "critical", source: "repositories", scope: "shared", volumes: 2 })
    expect(gone?.code).toBe("repository_fenced")
    expect(gone?.title).toContain(scene.path("kopia"))
    expect(codes(await found(chain, { volume: "home/home/app" }))).toContain("repository_fenced")
    renameSync(scene.path("away"), scene.path("kopia"))
    await chain.lookAgain()
    expect(await found(chain, { source: "repositories" })).toEqual([])
    expect(await found(chain, { source: "repositories", state: "closed" })).toHaveLength(1)
  })

  it("tells of damaged snapshots by their identity, critical when the newest is among them", async () => {
    const { chain } = await stage()
    const place = chain.catalog.views()[0]?.spec.place ?? ""
    const own = [...(await chain.catalog.snapshots(place))].filter(({ source }) => source.user === "app")
    const record = (at: number): void => {
      const snapshot = own.at(at)
      if (snapshot === undefined) throw new Error("there is such a snapshot")
      const damage = {
        level: "read",
        at: 1,
        reasons: ["missing_pack"],
        paths: 3,
        sample: ["/data/db"],
        run: "r",
      } as const
      chain.integrity.record(place, [
        { snapshot, identity: "app@home:/data", result: { ok: false, ...damage } },
      ])
    }
    record(0)
    const [old] = await found(chain, { source: "integrity" })
    expect(old).toMatchObject({ code: "snapshots_damaged", severity: "warning", volumes: 1 })
    record(-1)
    const [newest] = await found(chain, { source: "integrity" })
    expect(newest).toMatchObject({ code: "newest_snapshot_damaged", severity: "critical" })
    const { evidence, touched } = findingShownJson.parse(
      chain.findings.views.show(newest?.id ?? 0, undefined),
    )
    expect(evidence).toMatchObject({ count: 2, reasons: ["missing_pack"] })
    expect(touched.volumes).toEqual([{ cluster: "home", namespace: "home", pvc: "app" }])
    chain.integrity.withdraw(place, own)
    expect(await found(chain, { source: "integrity" })).toEqual([])
  })

  it("says that it does not know while the store is fenced, and closes nothing", async () => {
    const { scene, chain, kopia } = await stage()
    writeFileSync(join(kopia.directory, "stray.txt"), "x")
    await chain.lookAgain()
    const before = await found(chain, { source: "repositories" })
    rmSync(join(scene.store, ".cistern"), { recursive: true })
    await chain.lookAgain()
    const after = await found(chain)
    expect(codes(after)).toContain("store_fenced")
    const kept = after.filter(({ source, code }) => source === "repositories" && code !== "repository_fenced")
    expect(before.length).toBeGreaterThan(0)
    expect(kept.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    expect(kept.every(({ unknownSince }) => unknownSince !== null)).toBe(true)
    const { unknown } = findingsJson.parse(chain.findings.views.list({}))
    expect(unknown).toContainEqual(expect.objectContaining({ source: "repositories", scope: "shared" }))
  })

  it("is counted by severity and state in the metrics, zero from the start", async () => {
    const { chain } = await stage()
    const registry = new Registry()
    const collect = findingMetrics(registry, chain.findings)
    collect()
    expect(await registry.metrics()).toContain('cistern_findings{severity="critical",state="open"} 0')
    const subject = { kind: "thing", key: "a" }
    const fact = { code: "broken", severity: "critical", subject, title: "broken", hint: "Mend it." } as const
    chain.findings.findings.report({ source: "test", scope: "all" }, [fact])
    const [missing] = findingsJson.parse(chain.findings.views.list({ code: "broken" })).findings
    collect()
    expect(await registry.metrics()).toContain('cistern_findings{severity="critical",state="open"} 1')
    chain.findings.views.acknowledge(missing?.id ?? 0, { why: "moved" }, "anna")
    collect()
    const text = await registry.metrics()
    expect(text).toContain('cistern_findings{severity="critical",state="open"} 0')
    expect(text).toContain('cistern_findings{severity="critical",state="acknowledged"} 1')
  })
})

describe("cistern findings", () => {
  it("lists, shows, acknowledges, mutes and opens again, and its exit code says whether somebody must look", async () => {
    const { chain } = await stage()
    const environment = await serving(chain.administration)
    const run = (...args: string[]) => cli(["findings", ...args], { environment })
    const looked = { source: "test", scope: "all" }
    const hostile = {
      code: "odd",
      severity: "warning",
      subject: { kind: "identity", key: PVC },
      hint: "Look\u202e.",
    } as const
    const report = (): void => {
      chain.findings.findings.report(looked, [
        {
          ...hostile,
          title: `${PVC} is odd\n\u001b]0;owned\u0007`,
          evidence: { name: PVC, list: ["\u001b[2J"] },
          volumes: [{ cluster: "home", namespace: "media", pvc: "radarr" }],
        },
      ])
    }
    expect((await run()).exitCode).toBe(0)
    report()
    const listed = await run()
    expect(listed.exitCode).toBe(1)
    expect(listed.stdout).toContain("odd")
    expect(listed.stdout).toBe(printable(listed.stdout, "\n"))
    const json = JSON.parse((await run("--json")).stdout) as FindingsJson
    const id = String(json.findings[0]?.id)
    const shown = await run("show", id)
    expect(shown.exitCode).toBe(1)
    expect(shown.stdout).toContain("home/media/radarr")
    expect(shown.stdout).toContain("history (UTC):")
    expect(shown.stdout).toBe(printable(shown.stdout, "\n"))

    expect((await run("acknowledge", id)).exitCode).toBe(2)
    expect((await run("acknowledge", id, "--why", "known", "--until", "soon")).exitCode).toBe(2)
    expect(await run("acknowledge", id, "--why", "known", "--until", "7d")).toMatchObject({ exitCode: 0 })
    expect((await run()).exitCode).toBe(0)
    expect((await run("show", id)).stdout).toContain("local administrator")
    expect((await run("close", id, "--why", "enough")).exitCode).toBe(4)
    expect((await run("reopen", id)).exitCode).toBe(0)
    expect((await run()).exitCode).toBe(1)
    expect((await run("mute", id, "--until", "2d", "--why", "rebuilding")).stdout).toContain("rebuilding")
    expect((await run()).exitCode).toBe(0)
    expect((await run("muted")).stdout).toContain("local administrator")
    expect((await run("unmute", "--code", "odd", "--kind", "identity", "--subject", PVC)).stdout).toContain(
      "Nothing is muted.",
    )
    expect((await run()).exitCode).toBe(1)
    expect((await run("--severity", "critical")).exitCode).toBe(0)
    expect((await run("--volume", "media/radarr")).stdout).toContain("odd")
    expect((await run("--volume", "radarr")).exitCode).toBe(2)
    expect((await run("show", "999999")).exitCode).toBe(1)
    expect((await run("show", "one")).exitCode).toBe(2)
    chain.findings.findings.report(looked, [])
    chain.findings.findings.couldNotLook(looked, "it hangs")
    const unclear = await run()
    expect([unclear.exitCode, unclear.stdout.includes("it hangs")]).toEqual([3, true])
    expect((await run("--all")).stdout).toContain("closed")
  })
})
