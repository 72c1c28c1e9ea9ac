import { describe, expect, it } from "vitest"
import {
  claimantsOf,
  type ClaimsSpec,
  identitiesOf,
  parseClaims,
  parseConvention,
  parseVolumeKey,
  sharingOf,
} from "../../../storage/identity/index.js"

/** Who shares the volume's identity, when these volumes are known. */
function sharing(volume: string, known: string[], claims: ClaimsSpec = {}, text = "{pvc}@{namespace}:/data") {
  const naming = {
    cluster: "c1",
    conventions: [parseConvention(text)] as [ReturnType<typeof parseConvention>],
    claims: parseClaims(claims),
  }
  const name = parseVolumeKey(volume)
  return sharingOf(name, identitiesOf(name, naming), claimantsOf(known.map(parseVolumeKey), naming))
}

describe("an identity is a volume's alone", () => {
  it("when its name reaches the repository unchanged and no known volume has the same", () => {
    expect(sharing("home/data", ["home/data", "home/other", "media/data"])).toEqual({ kind: "alone" })
  })

  it("when an administrator gave it to the volume, whatever it is called", () => {
    const claims = { volumes: { "home/my.app": "myapp@home:/data" } }
    expect(sharing("home/my.app", ["home/my.app", "home/myapp"], claims)).toEqual({ kind: "alone" })
  })

  it("when the other one that would have it was mapped elsewhere", () => {
    const claims = { volumes: { "home/my.app": "app-one@home:/data" } }
    expect(sharing("home/myapp", ["home/my.app", "home/myapp"], claims)).toEqual({ kind: "alone" })
  })

  it("when a writer that keeps names as they are wrote it", () => {
    const naming = {
      cluster: "c1",
      conventions: [parseConvention({ written: "{pvc}@{namespace}:/data", verbatim: true })] as [
        ReturnType<typeof parseConvention>,
      ],
      claims: parseClaims({}),
    }
    const name = parseVolumeKey("home/my.app")
    const claimants = claimantsOf([name, parseVolumeKey("home/myapp")], naming)
    expect(sharingOf(name, identitiesOf(name, naming), claimants)).toEqual({ kind: "alone" })
  })
})

describe("an identity may be another volume's", () => {
  it("when a dot was dropped, even if that other volume was never met", () => {
    expect(sharing("home/my.app", ["home/my.app"])).toEqual({ kind: "shared", why: "altered", with: [] })
    expect(sharing("home/my.app", ["home/my.app", "home/myapp"])).toEqual({
      kind: "shared",
      why: "altered",
      with: ["home/myapp"],
    })
  })

  it("when a known volume's name loses its dot and becomes this one's", () => {
    expect(sharing("home/myapp", ["home/my.app", "home/myapp"])).toEqual({
      kind: "shared",
      why: "claimed",
      with: ["home/my.app"],
    })
  })

  it("when the name was cut at 50, as those of a StatefulSet's volumes are", () => {
    const claim = (n: number) => `monitoring/prometheus-kube-prometheus-stack-prometheus-db-prometheus-${n}`
    expect(sharing(claim(0), [claim(0), claim(1)])).toEqual({ kind: "shared", why: "cut", with: [claim(1)] })
    expect(sharing(claim(0), [])).toEqual({ kind: "shared", why: "cut", with: [] })
  })

  it("when the name has just the length at which longer ones are cut, as the next volume of a StatefulSet's is", () => {
    const first = `monitoring/${"p".repeat(48)}-1`
    expect(sharing(first, [])).toEqual({ kind: "shared", why: "cut", with: [] })
    const tenth = `${first}0`
    expect(sharing(first, [tenth])).toEqual({ kind: "shared", why: "cut", with: [tenth] })
    const withSuffix = "{pvc}-backup@{namespace}:/data"
    expect(sharing(`home/${"p".repeat(43)}`, [], {}, withSuffix)).toMatchObject({ why: "cut" })
    expect(sharing(`home/${"p".repeat(42)}`, [], {}, withSuffix)).toEqual({ kind: "alone" })
    const mapped = { volumes: { [first]: `${"p".repeat(48)}-1@monitoring:/data` } }
    expect(sharing(first, [tenth], mapped)).toEqual({ kind: "alone" })
  })

  it("when an administrator gave it to another volume", () => {
    expect(sharing("home/data", [], { volumes: { "home/new": "data@home:/data" } })).toEqual({
      kind: "shared",
      why: "claimed",
      with: ["home/new"],
    })
  })

  it("when another volume has backups under its own name, and an earlier convention gave it this one", () => {
    const conventions = ["{pvc}@{namespace}:/data", "{pvc}-backup@{namespace}:/data"].map((text) =>
      parseConvention(text),
    ) as [ReturnType<typeof parseConvention>, ReturnType<typeof parseConvention>]
    const of = (claims: ClaimsSpec, held: string[]) => {
      const naming = { cluster: "c1", conventions, claims: parseClaims(claims) }
      const name = parseVolumeKey("home/data-backup")
      const has = (identity: string) => held.includes(identity)
      return sharingOf(name, identitiesOf(name, naming), claimantsOf([], naming), { naming, has })
    }
    const held = ["data-backup@home:/data", "data@home:/data"]
    expect(of({}, held)).toEqual({ kind: "shared", why: "claimed", with: ["home/data"] })
    expect(of({}, held.slice(0, 1))).toEqual({ kind: "alone" })
    expect(of({ volumes: { "home/data-backup": "data-backup@home:/data" } }, held)).toEqual({ kind: "alone" })
    expect(of({ volumes: { "home/data": "data@home:/data" } }, held)).toEqual({ kind: "alone" })
  })

  it("when a template joins names so that two volumes meet", () => {
    const joined = "{namespace}-{pvc}@volsync:/data"
    expect(sharing("a-b/c", ["a/b-c"], {}, joined)).toEqual({
      kind: "shared",
      why: "claimed",
      with: ["a/b-c"],
    })
  })
})
