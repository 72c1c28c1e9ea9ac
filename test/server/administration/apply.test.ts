import { mkdirSync, rmSync } from "node:fs"
import { afterEach, describe, expect, it } from "vitest"
import type { Chain } from "../../support/answers.js"
import { kopiaDocument, kopiaScene, PRESENT, type Scene } from "../answers/scene.js"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

async function running(): Promise<{ scene: Scene; chain: Chain }> {
  const scene = kopiaScene()
  scenes.push(scene)
  return { scene, chain: await scene.start() }
}

const request = (document: object, more: { accept?: string[]; dryRun?: boolean; basis?: string } = {}) => ({
  document: JSON.stringify(document),
  dryRun: false,
  remove: false,
  accept: [],
  ...more,
})

describe("a document", () => {
  it("is only shown in a dry run", async () => {
    const { scene, chain } = await running()
    const shown = await chain.administration.apply(
      request(kopiaDocument(scene.store), { dryRun: true }),
      "admin",
    )
    expect(shown.applied).toBe(false)
    expect(shown.changes.map(({ kind, of, name }) => `${kind} ${of} ${name}`)).toContain(
      "added repository shared",
    )
    expect(chain.catalog.views()).toEqual([])
    expect(chain.administration.document().document).toMatchObject({ repositories: [] })
  })

  it("counts at once and over a restart, and changes nothing when applied again", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    expect(await chain.verdict(PRESENT)).toBe("restore")
    const again = await chain.administration.apply(request(kopiaDocument(scene.store)), "admin")
    expect(again.changes.every(({ kind }) => kind === "unchanged")).toBe(true)
    const restarted = await scene.start()
    expect(await restarted.verdict(PRESENT)).toBe("restore")
  })

  it("is never written back with its secrets", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    expect(JSON.stringify(chain.administration.document())).not.toContain("cluster-shared-password")
  })

  it("that loosens decisions waits until that is accepted", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    const looser = kopiaDocument(scene.store, { conventions: ["{pvc}-backup@{namespace}:/data"] })
    const refused = await chain.administration.apply(request(looser), "admin")
    expect(refused.applied).toBe(false)
    const wanted = refused.acknowledgements.map(({ id }) => id)
    expect(wanted).not.toEqual([])
    expect(await chain.verdict(PRESENT)).toBe("restore")
    const accepted = await chain.administration.apply(request(looser, { accept: wanted }), "admin")
    expect(accepted.applied).toBe(true)
    expect(await chain.verdict("media/radarr")).toBe("restore")
  })

  it("is refused when another one was applied since its diff was shown", async () => {
    const { scene, chain } = await running()
    const document = kopiaDocument(scene.store)
    const { basis } = await chain.administration.apply(request(document, { dryRun: true }), "admin")
    await chain.apply({ clusters: [{ name: "home", networks: ["10.0.0.0/8"] }] })
    await expect(chain.administration.apply(request(document, { basis }), "admin")).rejects.toMatchObject({
      status: 409,
      code: "stale_plan",
    })
  })

  it("with faults is refused with each of them and where it stands", async () => {
    const { scene, chain } = await running()
    const document = kopiaDocument(scene.store) as { repositories: object[] }
    const broken = { ...document, repositories: [{ name: "Not A Name", cluster: "nobody" }] }
    await expect(chain.administration.apply(request(broken), "admin")).rejects.toMatchObject({
      status: 400,
      code: "invalid_document",
    })
  })

  it("whose store is not there is not kept at all", async () => {
    const { scene, chain } = await running()
    rmSync(scene.store, { recursive: true })
    await expect(chain.administration.apply(request(kopiaDocument(scene.store)), "admin")).rejects.toThrow()
    expect(chain.administration.document().document).toMatchObject({ stores: [], repositories: [] })
    mkdirSync(scene.store)
  })
})

describe("the views of an administrator", () => {
  it("show each repository with what the real program lists", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    await chain.lookAgain()
    const { repositories } = chain.views.repositories()
    expect(
      repositories.map(({ name, state, snapshots, incomplete }) => [name, state, snapshots, incomplete]),
    ).toEqual([
      ["shared", "ok", 63, 7],
      ["offsite", "ok", 15, 0],
      // Nothing was ever backed up there: the folder of the tree does not exist.
      ["before", "failed", null, null],
    ])
  })

  it("show a volume's decision as memory has it, with the reason", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    await chain.lookAgain()
    const { volumes } = chain.views.volumes({ cluster: "home" })
    const of = (namespace: string, pvc: string) =>
      volumes.find((volume) => volume.namespace === namespace && volume.pvc === pvc)
    expect(of("media", "jellyfin-config")).toMatchObject({ decision: "restore", snapshots: 5 })
    expect(of("home", "zigbee2mqtt")).toMatchObject({ decision: "unknown", reason: "newest_incomplete" })
    expect(of("home", "myapp")).toMatchObject({ decision: "restore" })
  })

  it("list a volume's snapshots, the incomplete ones with the engine's word", async () => {
    const { scene, chain } = await running()
    await chain.apply(kopiaDocument(scene.store))
    await chain.lookAgain()
    const { snapshots } = await chain.views.snapshots({
      repository: "shared",
      namespace: "media",
      pvc: "sonarr",
    })
    expect(snapshots).toHaveLength(11)
    const reasons = snapshots.flatMap(({ incompleteReason }) => incompleteReason ?? [])
    expect(reasons.sort()).toEqual(["canceled", "checkpoint", "checkpoint", "checkpoint"])
  })
})
