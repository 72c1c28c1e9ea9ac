import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { routeOf } from "../../../server/http/exists-route.js"
import { cluster, rawGet, startDaemon } from "./daemon.js"

const BAD_PATH =
  '{"exists":false,"decision":"unknown","authoritative":false,"namespace":"","pvc":"","backend":"",' +
  '"error":"invalid path format, expected /exists/{namespace}/{pvc}"}\n'

describe("a path that can mean no volume", () => {
  it.each([
    ["a trailing slash", "/exists/ns/data/"],
    ["a further segment", "/exists/ns/data/more"],
    ["an empty PVC", "/exists/ns/"],
    ["an empty namespace", "/exists//data"],
    ["two slashes", "/exists/ns//data"],
    ["two slashes before the namespace", "/exists//ns/data"],
    ["upper case", "/exists/ns/Data"],
    ["an upper-case namespace", "/exists/NS/data"],
    ["an encoded space", "/exists/ns/da%20ta"],
    ["a plus", "/exists/ns/da+ta"],
    ["encoded unicode", "/exists/ns/d%C3%A4ta"],
    ["a full stop that looks like one", "/exists/ns/a%E3%80%82b"],
    ["an underscore", "/exists/ns/da_ta"],
    ["300 characters", `/exists/ns/${"a".repeat(300)}`],
    ["254 characters", `/exists/ns/${"a".repeat(254)}`],
    ["a namespace of 64 characters", `/exists/${"n".repeat(64)}/data`],
    ["20,000 characters", `/exists/ns/${"a".repeat(20_000)}`],
    ["a namespace of 20,000 characters", `/exists/${"a".repeat(20_000)}/data`],
    ["an option of kopia", "/exists/ns/--log-dir=x"],
    ["an identity of another namespace", "/exists/ns/data-backup@other:/data/"],
    ["an identity of another namespace, encoded", "/exists/ns/data-backup%40other%3A%2Fdata"],
    ["an encoded slash", "/exists/ns%2Fdata"],
    ["an encoded slash in the PVC", "/exists/ns/data%2Fmore"],
    ["an encoded backslash", "/exists/ns/data%5Cmore"],
    ["two dots", "/exists/ns/.."],
    ["two dots in the middle", "/exists/../exists/ns/data"],
    ["two encoded dots", "/exists/ns/%2e%2e"],
    ["two dots encoded twice", "/exists/ns/%252e%252e"],
    ["one dot", "/exists/ns/."],
    ["a dot at the end", "/exists/ns/data."],
    ["a dot in the namespace", "/exists/n.s/data"],
    ["a dash at the beginning", "/exists/ns/-data"],
    ["an encoded NUL", "/exists/ns/data%00"],
    ["an encoded line feed", "/exists/ns/data%0A"],
    ["half an encoding", "/exists/ns/data%4"],
    ["an encoding of nothing", "/exists/ns/data%zz"],
    ["an encoding that is not UTF-8", "/exists/ns/%ff"],
    ["a fragment", "/exists/ns/data#x"],
    ["a semicolon", "/exists/ns/data;v=1"],
    ["no name at all, with a query", "/exists/?evidence=1"],
    ["a trailing slash after a cluster", "/clusters/home/exists/ns/data/"],
    ["no volume after a cluster", "/clusters/home/exists"],
    ["no cluster", "/clusters//exists/ns/data"],
    ["two dots for a cluster", "/clusters/../exists/ns/data"],
    ["an encoded cluster", "/clusters/h%6Fme/exists/ns/data"],
    ["a URL of more than 8 KiB", `/exists/ns/data?${"x".repeat(9_000)}`],
  ])("is answered 400 with empty names: %s", async (_, target) => {
    const { port, asked } = await startDaemon()
    const response = await rawGet(port, target)
    expect([response.status, response.body]).toEqual([400, BAD_PATH])
    expect(asked).toEqual([])
  })

  it.each(["/exists/ns/da ta", "/exists/ns/dätä"])(
    "is refused by the parser when it is no URL: %s",
    async (target) => {
      const { port, asked } = await startDaemon()
      expect((await rawGet(port, target)).status).toBe(400)
      expect(asked).toEqual([])
    },
  )

  it("never lets through but two names that Kubernetes allows", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("a", "ns", "..", "%2e", "%2F", "/", "//", "-", ".", "%61", "A", "?", "@"),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const route = routeOf(`/exists/${pieces.join("")}`)
        expect(["exists", "bad_path"]).toContain(route.kind)
        if (route.kind !== "exists") return
        expect(route.volume.namespace).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
        expect(route.volume.pvc).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("a path that names a volume", () => {
  it.each([
    ["/exists/ns/data", undefined, "ns", "data"],
    ["/exists/ns/data.0.old", undefined, "ns", "data.0.old"],
    ["/exists/1ns/0", undefined, "1ns", "0"],
    ["/exists/n%73/d%61ta", undefined, "ns", "data"],
    [`/exists/${"n".repeat(63)}/${"a".repeat(253)}`, undefined, "n".repeat(63), "a".repeat(253)],
    ["/exists/exists/exists", undefined, "exists", "exists"],
    ["/clusters/home/exists/ns/data", "home", "ns", "data"],
    ["/clusters/home/exists/ns/data?evidence=1", "home", "ns", "data"],
  ])("%s", (url, named, namespace, pvc) => {
    expect(routeOf(url)).toMatchObject({ kind: "exists", cluster: named, volume: { namespace, pvc } })
  })

  it("hands the cluster of the path on", async () => {
    const { url, asked } = await startDaemon({ clusters: [cluster("home"), cluster("lab")] })
    await fetch(`${url}/clusters/lab/exists/ns/data`)
    await fetch(`${url}/clusters/other/exists/ns/data`)
    await fetch(`${url}/exists/ns/data`)
    expect(asked.map((request) => request.cluster)).toEqual([
      { kind: "certain", name: "lab" },
      expect.objectContaining({ kind: "unclear" }),
      expect.objectContaining({ kind: "unclear" }),
    ])
  })
})

describe("any other path", () => {
  it.each([
    "/",
    "/nothing",
    "/existsns/data",
    "//exists/ns/data",
    "/EXISTS/ns/data",
    "/clusters/home",
    "/clusters/home/other",
    "/%65xists/ns/data",
    "/healthz/",
  ])("is answered 404 as JSON: %s", async (target) => {
    const { port, asked } = await startDaemon()
    const { status, body } = await rawGet(port, target)
    expect(status).toBe(404)
    expect(Object.keys(JSON.parse(body) as object)).toEqual(["code", "message", "hint"])
    expect(asked).toEqual([])
  })
})
