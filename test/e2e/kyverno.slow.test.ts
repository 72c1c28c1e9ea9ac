import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import { beforeAll, describe, expect, it } from "vitest"
import { fixtureCopy, scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../support/mounts.js"
import { until } from "../support/until.js"
import { place } from "./fleet.js"
import { builtKyverno, Kyverno, newClaim, type Review } from "./kyverno/engine.js"
import { expectDenied, expectRestored, expectUnchanged } from "./kyverno/expectations.js"
import {
  type Dialect,
  dialects,
  filledIn,
  generatingPolicies,
  shownPolicies,
  withDefault,
} from "./kyverno/policies.js"
import {
  cidr,
  type ClusterEvidence,
  type ClusterName,
  fillStore,
  newSite,
  plumbersSite,
  type Site,
} from "./kyverno/site.js"

// The main job with nothing in place of anything: Kyverno's engine runs the policies of docs/kyverno.md, they ask the
// built daemon over a network, and it answers from repositories that the real kopia and restic wrote.

const BUILD_LIMIT_S = 2400

let kyverno: Kyverno

beforeAll(() => {
  kyverno = new Kyverno(builtKyverno(BUILD_LIMIT_S * 1000))
}, BUILD_LIMIT_S * 1000)

const tokens = { home: "token-of-the-home-cluster", away: "token-of-the-away-cluster" }
const byToken = { home: { tokens: [{ value: tokens.home }] }, away: { tokens: [{ value: tokens.away }] } }

/** What both clusters have: a volume with a backup, and two that are not asked about otherwise. */
const backedUp = { home: "home/home-assistant", away: "media/radarr" } as const
const FRESH = "home/brand-new"

interface Setting {
  readonly site: Site
  readonly kopia: string
  readonly store: string
}

async function setting(
  evidence: Readonly<Record<ClusterName, ClusterEvidence>> = byToken,
  store = scratch(),
): Promise<Setting> {
  const { kopia } = fillStore(store)
  const site = await newSite(store, evidence)
  await site.told("home", backedUp.home, "restore")
  await site.told("home", FRESH, "fresh")
  await site.told("away", backedUp.away, "restore")
  await site.told("away", FRESH, "fresh")
  return { site, kopia, store }
}

/** The page's policies look at new claims of a cluster that shows its token. */
function review(
  { site }: Setting,
  cluster: ClusterName,
  dialect: Dialect,
  volumes: readonly string[],
  policies = shownPolicies(dialect),
): Promise<Review> {
  const asking = { base: site.url(cluster), token: tokens[cluster] }
  const claims = volumes.map((volume) => newClaim(volume))
  return kyverno.review(site.networks[cluster], filledIn(policies, dialect, asking), claims)
}

/** Like an administrator's first attempt, it is refused while somebody reads there. */
function isUnmounted(store: string): boolean {
  try {
    unmount(store)
    return true
  } catch {
    return false
  }
}

describe.each(dialects)("Kyverno's engine with the %s policies of the docs", (dialect) => {
  it("makes a volume with a backup restore it, lets a fresh one through unchanged", async () => {
    const here = await setting()
    for (const cluster of ["home", "away"] as const) {
      const seen = await review(here, cluster, dialect, [backedUp[cluster], FRESH])
      expectRestored(seen, backedUp[cluster])
      expectUnchanged(seen, FRESH)
    }
  })

  it("denies a volume whose backup cannot be relied on, with the daemon's reason and hint", async () => {
    const here = await setting()
    const unclear = [
      ["home", "home/zigbee2mqtt", "newest_incomplete"],
      ["home", "databases/postgres-16", "similar_identity"],
      ["home", "home/my.app", "shared_identity"],
      ["away", "media/sonarr", "wrong_password"],
    ] as const
    for (const [cluster, volume, reason] of unclear) {
      const { error = "" } = await here.site.told(cluster, volume, reason)
      const seen = await review(here, cluster, dialect, [volume])
      expectDenied(seen, volume, dialect === "CEL" ? error : JSON.stringify(error).slice(1, -1))
    }
  })

  it("denies every volume when another repository lies in the place of the one it knew", async () => {
    const here = await setting()
    rmSync(here.kopia, { recursive: true })
    place("kopia/many", here.kopia)
    // Whoever put it there may have put in its password, too.
    writeFileSync(here.site.kopiaPassword, "many-password")
    await here.site.told("home", FRESH, "repository_changed")
    const seen = await review(here, "home", dialect, [backedUp.home, FRESH])
    expectDenied(seen, backedUp.home, "repository_changed")
    expectDenied(seen, FRESH, "repository_changed")
    expectRestored(await review(here, "away", dialect, [backedUp.away]), backedUp.away)
  })

  it("denies every volume when the store is unmounted, and none when it is back", async () => {
    const store = join(scratch(), "tank")
    const image = ext4Image(64)
    mountImage(image, store)
    const here = await setting(byToken, store)
    await until(
      () => isUnmounted(store),
      (done) => done,
      "the daemon to look elsewhere for a moment",
    )
    mkdirSync(join(store, "kopia"))
    await here.site.told("home", FRESH, "store_fenced")
    const fenced = await review(here, "home", dialect, [backedUp.home, FRESH])
    expectDenied(fenced, backedUp.home, "store_fenced")
    expectDenied(fenced, FRESH, "store_fenced")
    mountImage(image, store)
    await here.site.told("home", FRESH, "fresh")
    const back = await review(here, "home", dialect, [backedUp.home, FRESH])
    expectRestored(back, backedUp.home)
    expectUnchanged(back, FRESH)
  })

  it("denies while the daemon is down", async () => {
    const here = await setting()
    await here.site.daemon.stop()
    const seen = await review(here, "home", dialect, [backedUp.home, FRESH])
    expectDenied(seen, backedUp.home, "connection refused")
    expectDenied(seen, FRESH, "connection refused")
  })

  it("asks about no volume without the label, so none of them needs the daemon", async () => {
    const here = await setting()
    await here.site.daemon.stop()
    const policies = filledIn(shownPolicies(dialect), dialect, { base: here.site.url("home") })
    const seen = await kyverno.review(here.site.networks.home, policies, [newClaim(FRESH, {})])
    expect(seen.volumes.get(FRESH)).toEqual({ lookedAt: [], denials: [], claim: newClaim(FRESH, {}) })
  })

  it("denies a volume with a backup that asks for another source than its own", async () => {
    const here = await setting()
    const claim = newClaim(backedUp.home)
    const dataSourceRef = { apiGroup: "volsync.backube", kind: "ReplicationDestination", name: "anothers" }
    const policies = filledIn(shownPolicies(dialect), dialect, {
      base: here.site.url("home"),
      token: tokens.home,
    })
    const wrong = { ...claim, spec: { ...claim.spec, dataSourceRef } }
    const seen = await kyverno.review(here.site.networks.home, policies, [wrong])
    expect(seen.volumes.get(backedUp.home)?.denials).toEqual([
      "cistern: there is a backup, and the volume does not ask for it",
    ])
  })

  it("generates what restores a volume only for one with a backup, and what backs it up for no unknown one", async () => {
    const here = await setting()
    const volumes = [backedUp.home, FRESH, "home/zigbee2mqtt"]
    const seen = await review(here, "home", dialect, volumes, generatingPolicies(dialect))
    expect(seen.generated).toEqual([
      "ReplicationDestination home/home-assistant-backup",
      "ReplicationSource home/brand-new-backup",
      "ReplicationSource home/home-assistant-backup",
    ])
  })

  it("is set to deny on errors too, to enforce what it says, and to look at nothing but new volumes", () => {
    const enforced = { CEL: '"validationActions":["Deny"]', classic: '"failureAction":"Enforce"' }
    const policies = parseAllDocuments(shownPolicies(dialect)).map((document) =>
      JSON.stringify(document.toJS()),
    )
    for (const policy of policies) {
      expect(policy).toContain('"failurePolicy":"Fail"')
      expect(policy).toContain('"operations":["CREATE"]')
    }
    expect(policies.join()).toContain(enforced[dialect])
    expect(policies.join()).not.toMatch(/"(UPDATE|DELETE|CONNECT|Ignore|Audit)"/)
  })
})

describe.each(dialects)("which cluster asks by the %s policies", (dialect) => {
  const reviewFrom = (here: Setting, cluster: ClusterName, asking: { path?: string; token?: string }) => {
    const { path = "", token } = asking
    const policies = filledIn(shownPolicies(dialect), dialect, { base: here.site.url(cluster) + path, token })
    const claims = [backedUp.home, backedUp.away, FRESH].map((volume) => newClaim(volume))
    return kyverno.review(here.site.networks[cluster], policies, claims)
  }

  it.each([
    ["by its token", byToken, (cluster: ClusterName) => ({ token: tokens[cluster] })],
    ["by the path", { home: {}, away: {} }, (cluster: ClusterName) => ({ path: `/clusters/${cluster}` })],
    ["by its network", { home: { networks: [cidr.home] }, away: { networks: [cidr.away] } }, () => ({})],
  ])("is said %s, and each gets its own answers", async (_, evidence, asking) => {
    const here = await setting(evidence)
    const home = await reviewFrom(here, "home", asking("home"))
    expectRestored(home, backedUp.home)
    expectDenied(home, backedUp.away, "similar_identity")
    expectUnchanged(home, FRESH)
    const away = await reviewFrom(here, "away", asking("away"))
    expectRestored(away, backedUp.away)
    expectDenied(away, backedUp.home, "wrong_password")
    expectUnchanged(away, FRESH)
  })

  it("must be certain: no token, a stranger's, or two kinds of evidence that disagree deny everything", async () => {
    const here = await setting({ ...byToken, home: { networks: [cidr.home] } })
    const unclear = [
      await reviewFrom(here, "away", {}),
      await reviewFrom(here, "away", { token: "somebody-elses" }),
      await reviewFrom(here, "home", { token: tokens.away }),
      await reviewFrom(here, "home", { path: "/clusters/away" }),
    ]
    for (const seen of unclear) {
      for (const volume of [backedUp.home, backedUp.away, FRESH])
        expectDenied(seen, volume, "cluster_unclear")
      for (const token of [tokens.away, "somebody-elses"]) {
        expect(JSON.stringify([...seen.volumes])).not.toContain(token)
        expect(here.site.daemon.output).not.toContain(token)
      }
    }
  })
})

describe("in pvc-plumber's place, asked by a classic policy with a default answer, as its users have it,", () => {
  it("the daemon has volumes restored, let through, and denied, also while it is down", async () => {
    const site = await plumbersSite(fixtureCopy("kopia/cluster-shared"))
    const [restored, fresh, unclear] = ["media/radarr", "media/brand-new", "home/paperless"] as const
    await site.told("home", restored, "restore")
    await site.told("home", fresh, "fresh")
    await site.told("home", unclear, "similar_identity")
    const shown = filledIn(shownPolicies("classic"), "classic", { base: site.url("home") })
    const claims = [restored, fresh, unclear].map((volume) => newClaim(volume))
    const seen = await kyverno.review(site.networks.home, withDefault(shown), claims)
    expectRestored(seen, restored)
    expectUnchanged(seen, fresh)
    expectDenied(seen, unclear, "cistern: nas lookup failed")
    await site.daemon.stop()
    const down = await kyverno.review(site.networks.home, withDefault(shown), claims)
    for (const volume of [restored, fresh, unclear]) expectDenied(down, volume, "cistern: nas lookup failed")
  })
})
