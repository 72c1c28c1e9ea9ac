import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { errnoOf } from "../../storage/errno.js"

// libnfs's programs end with their work. Whoever wants to know what becomes of a client that keeps a handle for longer has to be
// that client: NFS 4.0 (RFC 7530) over RPC (RFC 5531), as much of it as that takes.

const OPERATIONS = {
  CREATE: 6,
  GETFH: 10,
  LOOKUP: 15,
  PUTFH: 22,
  PUTROOTFH: 24,
  REMOVE: 28,
  RENAME: 29,
  SAVEFH: 32,
  WRITE: 38,
} as const
const STATUS: Readonly<Record<number, string>> = {
  0: "ok",
  1: "perm",
  2: "noent",
  13: "access",
  17: "exist",
  30: "rofs",
  70: "stale",
  10018: "resource",
}
const FILE_SYNC = 2
const DIRECTORY = 2
/** Its bit in the second word of a bitmap of attributes. */
const MODE = 1 << 1

/** A connection of one user to a server on this machine. */
export class Nfs4Client {
  readonly #socket: Socket
  readonly #user: { readonly uid: number; readonly gid: number }
  #xid = 1

  private constructor(socket: Socket, user: { uid: number; gid: number }) {
    this.#socket = socket
    this.#user = user
  }

  /** From a port below 1024, as a kernel's client does. */
  static async connect(port: number, user = { uid: 0, gid: 0 }): Promise<Nfs4Client> {
    for (let localPort = 1023; localPort > 600; localPort--) {
      const socket = connect({ host: "127.0.0.1", port, localPort })
      try {
        await once(socket, "connect")
        // The end of the server is seen by the next call.
        socket.on("error", () => undefined)
        return new Nfs4Client(socket, user)
      } catch (error) {
        if (errnoOf(error) !== "EADDRINUSE" && errnoOf(error) !== "EADDRNOTAVAIL") throw error
      }
    }
    throw new Error("no free port below 1024")
  }

  /** The handle of a path, from the root or from another handle, which is good for as long as the server says so. */
  async handle(path: string, from?: Buffer): Promise<Buffer> {
    const names = path.split("/").filter((name) => name !== "")
    const lookups = names.map((name) => named(OPERATIONS.LOOKUP, name))
    const start = from === undefined ? word(OPERATIONS.PUTROOTFH) : putHandle(from)
    const reply = await this.#compound([start, ...lookups, word(OPERATIONS.GETFH)])
    if (reply.status !== "ok") throw new Error(`${path}: ${reply.status}`)
    // Each result is its operation and its status; that of GETFH has the handle after it.
    const at = reply.results + 8 * (names.length + 2)
    return reply.bytes.subarray(at + 4, at + 4 + reply.bytes.readUInt32BE(at))
  }

  /** Writes to a handle without opening the file anew, and gives the server's status: "ok", "stale", "rofs" or its number. */
  async write(handle: Buffer, content: string | Buffer, offset = 0): Promise<string> {
    const anonymous = Buffer.alloc(16)
    const place = Buffer.alloc(8)
    place.writeBigUInt64BE(BigInt(offset))
    const write = [word(OPERATIONS.WRITE), anonymous, place, word(FILE_SYNC), opaque(Buffer.from(content))]
    const reply = await this.#compound([putHandle(handle), Buffer.concat(write)])
    return reply.status
  }

  /** Makes a directory, and gives the server's status, which is "exist" where there is one. */
  async makeDirectory(parent: Buffer, name: string): Promise<string> {
    const mode = Buffer.concat([word(2), word(0), word(MODE), opaque(word(0o700))])
    const create = [word(OPERATIONS.CREATE), word(DIRECTORY), opaque(Buffer.from(name)), mode]
    const reply = await this.#compound([putHandle(parent), Buffer.concat(create)])
    return reply.status
  }

  /** Gives a file of a directory another name, and gives the server's status. */
  async rename(directory: Buffer, from: string, to: string): Promise<string> {
    const rename = Buffer.concat([named(OPERATIONS.RENAME, from), opaque(Buffer.from(to))])
    const reply = await this.#compound([putHandle(directory), word(OPERATIONS.SAVEFH), rename])
    return reply.status
  }

  async remove(directory: Buffer, name: string): Promise<string> {
    const reply = await this.#compound([putHandle(directory), named(OPERATIONS.REMOVE, name)])
    return reply.status
  }

  close(): void {
    this.#socket.destroy()
  }

  async #compound(operations: readonly Buffer[]) {
    const compound = Buffer.concat([opaque(Buffer.alloc(0)), word(0), word(operations.length), ...operations])
    const { uid, gid } = this.#user
    const credential = Buffer.concat([word(0), opaque(Buffer.from("test")), word(uid), word(gid), word(0)])
    // Call, RPC 2, NFS 4, COMPOUND; AUTH_SYS; no verifier.
    const header = [this.#xid++, 0, 2, 100_003, 4, 1, 1].map(word)
    const message = Buffer.concat([...header, opaque(credential), word(0), word(0), compound])
    this.#socket.write(Buffer.concat([word(0x8000_0000 + message.length), message]))
    const bytes = await this.#record()
    // Reply, accepted, verifier (flavor, length), success; then status, the tag's length, the number of results.
    const verifier = bytes.readUInt32BE(16)
    const body = 20 + verifier + 4
    const status = bytes.readUInt32BE(body)
    return { bytes, status: STATUS[status] ?? String(status), results: body + 12 }
  }

  async #record(): Promise<Buffer> {
    let read = Buffer.alloc(0)
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
      read = Buffer.concat([read, chunk as Buffer])
      const length = read.length < 4 ? Infinity : (read.readUInt32BE(0) & 0x7fff_ffff) + 4
      if (read.length >= length) return read.subarray(4)
    }
    throw new Error("the server closed the connection")
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function putHandle(handle: Buffer): Buffer {
  return Buffer.concat([word(OPERATIONS.PUTFH), opaque(handle)])
}

function named(operation: number, name: string): Buffer {
  return Buffer.concat([word(operation), opaque(Buffer.from(name))])
}

/** Its length, the bytes, and zeros up to a multiple of four. */
function opaque(bytes: Buffer): Buffer {
  return Buffer.concat([word(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}
