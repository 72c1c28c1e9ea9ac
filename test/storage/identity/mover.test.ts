import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { moverHostName, moverUserName } from "../../../storage/identity/index.js"
import { expectedOf } from "../../support/fixtures.js"

describe("the user name that the mover derives", () => {
  it.each([
    ["data-backup", "data-backup"],
    ["my.app-backup", "myapp-backup"],
    ["data.v2-backup", "datav2-backup"],
    ["a".repeat(60), "a".repeat(50)],
    ["-x_", "x"],
    ["Grafana_1", "Grafana_1"],
    ["...", "volsync-default"],
    ["", "volsync-default"],
    ["größe", "gre"],
  ])("of %j is %j", (name, user) => {
    expect(moverUserName(name).text).toBe(user)
  })

  it("is the one that the real program was given for the fixture's long dotted name", () => {
    const name = "app.example.com-with-a-very-long.replication-source-name-v2"
    const { snapshotList } = expectedOf("kopia/cluster-shared") as {
      snapshotList: { source: { userName: string } }[]
    }
    const users = snapshotList.map(({ source }) => source.userName)
    const derived = moverUserName(name)
    expect(users).toContain(derived.text)
    expect(derived).toMatchObject({ altered: true, cut: true })
    expect(derived.text).toHaveLength(50)
  })

  it("may end in a hyphen where it was cut, because trimming comes first", () => {
    expect(moverUserName(`${"a".repeat(49)}-tail`).text).toBe(`${"a".repeat(49)}-`)
  })

  it("says when it was altered or cut, and not otherwise", () => {
    expect(moverUserName("data-backup")).toMatchObject({ altered: false, cut: false })
    expect(moverUserName("my.app")).toMatchObject({ altered: true, cut: false })
    expect(moverUserName("a".repeat(50))).toMatchObject({ altered: false, cut: false })
    expect(moverUserName("a".repeat(51))).toMatchObject({ altered: false, cut: true })
  })

  it("is always of the mover's alphabet, 1 to 50 long, and the same when derived again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 120 }), (name) => {
        const { text } = moverUserName(name)
        expect(text).toMatch(/^[A-Za-z0-9_-]{1,50}$/)
        expect(text).not.toMatch(/^[-_]/)
        const again = moverUserName(text).text
        expect(text.startsWith(again)).toBe(true)
      }),
    )
  })

  it("never hides that a dotted or long name came out as another one's", () => {
    const plain = fc.stringMatching(/^[a-z][a-z0-9-]{0,60}[a-z0-9]$/)
    fc.assert(
      fc.property(plain, fc.nat(), fc.constantFrom(".", "", "x"), (name, at, extra) => {
        const place = 1 + (at % (name.length - 1))
        const other = name.slice(0, place) + extra + name.slice(place)
        const [one, two] = [moverUserName(name), moverUserName(other)]
        fc.pre(name !== other && one.text === two.text)
        expect(two.altered || two.cut).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe("the host name that the mover derives", () => {
  it.each([
    ["home", "home"],
    ["my_space", "my-space"],
    ["-.x.-", "x"],
    ["home.cluster-a", "home.cluster-a"],
  ])("of %j is %j", (namespace, host) => {
    expect(moverHostName(namespace, "data").text).toBe(host)
  })

  it("falls back to the object's name, then to the default", () => {
    expect(moverHostName("!", "my.app").text).toBe("myapp")
    expect(moverHostName("!", "?").text).toBe("volsync-default")
  })

  it("is never cut", () => {
    expect(moverHostName("n".repeat(63), "data").text).toHaveLength(63)
  })
})
