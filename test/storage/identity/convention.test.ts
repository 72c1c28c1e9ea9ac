import { describe, expect, it } from "vitest"
import {
  type ConventionSpec,
  formatIdentity,
  identitiesOf,
  NO_CLAIMS,
  parseClaims,
  parseConvention,
  parseVolumeKey,
  type ClaimsSpec,
} from "../../../storage/identity/index.js"

function names(volume: string, conventions: [ConventionSpec, ...ConventionSpec[]], claims?: ClaimsSpec) {
  const [first, ...rest] = conventions
  const { lookup, others } = identitiesOf(parseVolumeKey(volume), {
    cluster: "c1",
    conventions: [parseConvention(first), ...rest.map((spec) => parseConvention(spec))],
    claims: claims === undefined ? NO_CLAIMS : parseClaims(claims),
  })
  return {
    lookup: formatIdentity(lookup.identity),
    others: others.map(({ identity, kind }) => `${kind} ${formatIdentity(identity)}`),
  }
}

describe("a convention", () => {
  it.each<[ConventionSpec, string, string]>([
    ["{pvc}-backup@{namespace}:/data", "home/data", "data-backup@home:/data"],
    ["{pvc}@{namespace}:/data", "home/my.app", "myapp@home:/data"],
    ["{app}-nfs@{namespace}:/data", "home/sonarr", "sonarr-nfs@home:/data"],
    ["{pvc}@{namespace}.{cluster}:/pvc/{pvc}", "home/data", "data@home.c1:/pvc/data"],
    ["{namespace}-{pvc}@volsync:/data", "home/data", "home-data@volsync:/data"],
    ["{pvc}@{namespace}", "home/data", "data@home:/data"],
    [{ written: "{pvc}@{namespace}:/pvc/{pvc}", verbatim: true }, "home/my.app", "my.app@home:/pvc/my.app"],
    ["{pvc}-backup@{namespace}:/data", `home/${"a".repeat(60)}`, `${"a".repeat(50)}@home:/data`],
    ["{pvc}-backup@{namespace}:/data", `home/${"a".repeat(45)}`, `${"a".repeat(45)}-back@home:/data`],
  ])("%j makes %s %s", (convention, volume, identity) => {
    expect(names(volume, [convention])).toEqual({ lookup: identity, others: [] })
  })

  it("looks up what is read, and knows that backups lie under what is written", () => {
    const nfs = { written: "{app}-nfs@{namespace}:/data", read: "{app}-nfs-dst@{namespace}:/data" }
    expect(names("media/sonarr", [nfs])).toEqual({
      lookup: "sonarr-nfs-dst@media:/data",
      others: ["written sonarr-nfs@media:/data"],
    })
  })

  it("looks up the first of several, and lets the others only guard", () => {
    expect(names("home/data", ["{pvc}@{namespace}:/data", "{pvc}-backup@{namespace}:/data"])).toEqual({
      lookup: "data@home:/data",
      others: ["earlier data-backup@home:/data"],
    })
  })

  it.each<[ConventionSpec, RegExp]>([
    ["{pvc}", /not a convention/],
    ["{pvc}@", /not a convention/],
    ["{pvc}@{namespace}:data", /not a convention/],
    ["{pvc}@{namespace}:/data:x", /not a convention/],
    ["{pvc}@a@{namespace}", /not a convention/],
    ["{pvc}@volsync:/data", /no \{namespace\}/],
    ["backup@{namespace}:/data", /no \{pvc\}/],
    ["{name}@{namespace}:/data", /no placeholder/],
    ["{pvc@{namespace}:/data", /no placeholder/],
    ["${pvc}}@{namespace}:/data", /no placeholder/],
    [{ written: "{pvc}@{namespace}", read: "{pvc}" }, /not a convention/],
  ])("cannot be %j", (spec, message) => {
    expect(() => parseConvention(spec)).toThrow(message)
  })
})

describe("what an administrator says of a volume's names", () => {
  const claims = {
    volumes: {
      "home/my.app": "app-one@home:/data",
      "home/data": { also: ["old-data@nas:/mnt/data"] },
    },
  }

  it("is what is looked up, and what the convention says then only guards", () => {
    expect(names("home/my.app", ["{pvc}@{namespace}:/data"], claims)).toEqual({
      lookup: "app-one@home:/data",
      others: ["earlier myapp@home:/data"],
    })
  })

  it("may add a name that holds older backups", () => {
    expect(names("home/data", ["{pvc}@{namespace}:/data"], claims)).toEqual({
      lookup: "data@home:/data",
      others: ["mapped old-data@nas:/mnt/data"],
    })
  })

  it("takes a name away from the volume that a convention would give it to", () => {
    const given = { volumes: { "home/other": "data-backup@home:/data" } }
    const conventions: [string, string] = ["{pvc}@{namespace}:/data", "{pvc}-backup@{namespace}:/data"]
    expect(names("home/data", conventions, given).others).toEqual([])
    expect(names("home/data", conventions, { dismissed: ["data-backup@home:/data"] }).others).toEqual([])
  })

  it.each<[ClaimsSpec, RegExp]>([
    [{ volumes: { "home/a": "x@y:/data", "home/b": "x@y:/data" } }, /given to both home\/a and home\/b/],
    [{ volumes: { "home/a": "x@y:/data" }, dismissed: ["x@y:/data"] }, /dismissed and given to home\/a/],
    [{ volumes: { "home/a": "x@y" } }, /not an identity/],
    [{ volumes: { Home: "x@y:/data" } }, /not namespace\/pvc/],
    [{ dismissed: ["everything"] }, /not an identity/],
  ])("cannot be %j", (spec, message) => {
    expect(() => parseClaims(spec)).toThrow(message)
  })
})
