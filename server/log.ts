import { destination as openDestination, type Level, levels, type Logger, pino, stdSerializers } from "pino"

export type LogLevel = Level | "silent"

/** What the daemon's parts log through, and what the access log shares with it. */
export interface Log {
  readonly log: Logger
  readonly sink: LogSink
  /** Whether lines of level info are written: then requests are logged too. */
  readonly logsRequests: boolean
  /** Writes out what is still in memory, at once. */
  flush(): void
}

export interface LogSink {
  write(text: string): unknown
  flushSync(): void
}

/** Names of fields whose values are never written, wherever they are up to three levels deep. */
const SECRET_FIELDS = [
  "authorization",
  "Authorization",
  "cookie",
  "password",
  "passphrase",
  "secret",
  "secretKey",
  "accessKey",
  "token",
  "tokens",
  "key",
]

const ERROR = levels.values["error"] ?? 50

/** If whoever reads our output stands still, lines are dropped beyond this many bytes rather than fill the memory. */
const MOST_PENDING_BYTES = 16 * 1024 * 1024

/** Parses LOG_LEVEL; anything unknown is info, as pvc-plumber does. */
export function parseLogLevel(text: string | undefined): LogLevel {
  const name = (text ?? "").toLowerCase()
  if (name === "silent") return name
  return (Object.values(levels.labels).find((label) => label === name) as Level | undefined) ?? "info"
}

/** JSON lines on standard output. Redaction happens here and nowhere else. */
export function createLog(level: LogLevel, sink: LogSink = standardOutput()): Log {
  const log = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: "[secret]",
      },
      hooks: {
        logMethod(args, method, severity) {
          method.apply(this, args)
          // What went wrong must not be lost with the process that it went wrong in.
          if (severity >= ERROR) sink.flushSync()
        },
      },
    },
    sink as { write(text: string): void },
  )
  return {
    log,
    sink,
    logsRequests: log.isLevelEnabled("info"),
    flush() {
      sink.flushSync()
    },
  }
}

function standardOutput(): LogSink {
  return openDestination({ dest: 1, sync: false, maxLength: MOST_PENDING_BYTES })
}
