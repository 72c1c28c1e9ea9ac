import { once } from "node:events"
import { readFileSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import { parseNfsConnections } from "../../../storage/nfs/index.js"

const HEADING4 =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
const HEADING6 =
  "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
const REST = "00000000:00000000 00:00000000 00000000     0        0 1050 1 000000003b9376d7 100 0 0 10 0\n"

const line = (local: string, remote: string, state = "01"): string =>
  `   0: ${local} ${remote} ${state} ${REST}`

describe("who is connected to the NFS server", () => {
  it("is told by IPv4 address, whose bytes stand backwards", () => {
    const table = `${HEADING4}${line("0101A8C0:0801", "0A01A8C0:03E8")}${line("0101A8C0:0801", "0700140A:02BC")}`
    expect(parseNfsConnections(table)).toEqual(["10.20.0.7", "192.168.1.10"])
  })

  it("is told by IPv6 address, whose words stand backwards", () => {
    const server = "000000FD000000000000000001000000:0801"
    const table =
      HEADING6 +
      line(server, "B80D0120000000000000000007000000:03E8") +
      line(server, "000080FE000000000000000078563412:03E8")
    expect(parseNfsConnections(table)).toEqual(["2001:db8::7", "fe80::1234:5678"])
  })

  it("is told by IPv4 address where IPv4 came in over IPv6", () => {
    const mapped = "0000000000000000FFFF00000A01A8C0:03E8"
    expect(parseNfsConnections(HEADING6 + line("0000000000000000FFFF00000101A8C0:0801", mapped))).toEqual([
      "192.168.1.10",
    ])
  })

  it.each([
    ["another port of ours", line("0101A8C0:0802", "0A01A8C0:0801")],
    ["their port 2049", line("0101A8C0:03E8", "0A01A8C0:0801")],
    ["only listening", line("00000000:0801", "00000000:0000", "0A")],
    ["closed already", line("0101A8C0:0801", "0A01A8C0:03E8", "06")],
    ["on its way", line("0101A8C0:0801", "0A01A8C0:03E8", "03")],
  ])("is nobody who is %s", (_, text) => {
    expect(parseNfsConnections(HEADING4 + text)).toEqual([])
  })

  it("is each address once, with however many connections", () => {
    const one = line("0101A8C0:0801", "0A01A8C0:03E8")
    expect(parseNfsConnections(HEADING4 + one + one.replace("03E8", "03E9"))).toEqual(["192.168.1.10"])
  })

  it("is never told from a part of the table", () => {
    const table = `${HEADING4}${line("0101A8C0:0801", "0A01A8C0:03E8")}${line("0101A8C0:0801", "0B01A8C0:03E8")}`
    const whole = [HEADING4.length, HEADING4.length + (table.length - HEADING4.length) / 2]
    for (let length = 0; length < table.length; length++) {
      if (whole.includes(length)) continue
      expect(() => parseNfsConnections(table.slice(0, length))).toThrow("has a line")
    }
    expect(parseNfsConnections(table)).toHaveLength(2)
  })

  it.each([
    "",
    "\n",
    HEADING4 + "\n",
    HEADING4 + "nonsense\n",
    HEADING4 + line("0101A8C0:0801", "0A01A8:03E8"),
  ])("is not told from %j", (table) => {
    expect(() => parseNfsConnections(table)).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
  })

  it.each([
    ["127.0.0.1", "tcp"],
    ["::1", "tcp6"],
  ])("is what this machine's own kernel writes: %s", async (address, file) => {
    const sockets: Socket[] = []
    const server = createServer((socket) => sockets.push(socket)).listen(0, address)
    await once(server, "listening")
    const bound = server.address()
    if (bound === null || typeof bound === "string") throw new Error("it listens on no port")
    const client = connect(bound.port, address)
    await Promise.all([once(client, "connect"), once(server, "connection")])
    // Another port stands for 2049, which a test must not need.
    const port = bound.port.toString(16).toUpperCase().padStart(4, "0")
    const table = readFileSync(`/proc/net/${file}`, "utf8")
      .replaceAll(":0801", ":0000")
      .replaceAll(`:${port} `, ":0801 ")
    expect(parseNfsConnections(table)).toEqual([address])
    client.destroy()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
})
