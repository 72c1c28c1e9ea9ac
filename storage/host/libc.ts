import { createRequire } from "node:module"
import { constants } from "node:os"
import type * as Koffi from "koffi"
import { StorageError } from "../errors.js"

type Call = (...values: unknown[]) => unknown

/** The C library of this process, whichever it is, and its last error. */
export interface CLibrary {
  /** Throws StorageError `unsupported` where the library has no such function. */
  func(declaration: string): Call
  /** Of the call that was made right before. */
  errno(): number
}

let loaded: CLibrary | StorageError | undefined

/**
 * Opens the C library that Node itself runs on, glibc or musl. Throws StorageError `unsupported` on systems that are not Linux on a
 * 64-bit processor, where the calls have other shapes, and where the package that makes the calls has no binary.
 */
export function cLibrary(): CLibrary {
  loaded ??= open()
  if (loaded instanceof StorageError) throw loaded
  return loaded
}

function open(): CLibrary | StorageError {
  const hint = "Run it on Linux, on x86-64 or arm64, with the package koffi and its binary installed."
  const where = `${process.platform} on ${process.arch}`
  if (process.platform !== "linux" || !["x64", "arm64", "riscv64", "loong64"].includes(process.arch))
    return new StorageError("unsupported", `the C library's calls are not known for ${where}`, { hint })
  try {
    // It holds a binary, which no bundle can.
    const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi
    const library = koffi.load(null)
    return {
      func: (declaration) => found(() => library.func(declaration) as Call, declaration),
      errno: () => koffi.errno(),
    }
  } catch (cause) {
    return new StorageError("unsupported", `the C library cannot be called on ${where}`, { hint, cause })
  }
}

function found(look: () => Call, declaration: string): Call {
  try {
    return look()
  } catch (cause) {
    throw new StorageError("unsupported", `the C library lacks: ${declaration}`, {
      hint: "Update the system's C library.",
      cause,
    })
  }
}

// Linux has two names for each of these, and Node says the other one.
const aliases = new Set(["EOPNOTSUPP", "EWOULDBLOCK"])
const names = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !aliases.has(name))
    .map(([name, number]) => [number, name]),
)

/** The failure of a system call in the form that Node gives it: `code` is "ENOENT", `errno` negative. */
export function systemError(errno: number, call: string, path: string): NodeJS.ErrnoException {
  const code = names.get(errno) ?? `E${errno}`
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, errno: -errno, syscall: call, path })
}

/** A path as C has it. Throws StorageError `invalid` for one that holds a NUL. */
export function cPath(path: string | Uint8Array): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.includes(0)) throw new StorageError("invalid", "a path holds a NUL")
  return Buffer.concat([bytes, Buffer.of(0)])
}
