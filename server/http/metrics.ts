import { Gauge, Registry } from "prom-client"

/** Bounds of the buckets of `cistern_exists_duration_seconds`; the last catches the hard limit of a request. */
const BOUNDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2] as const

const DECISIONS = ["restore", "fresh", "unknown"] as const
type DecisionLabel = (typeof DECISIONS)[number]

/** What `/metrics` says. What every `/exists` touches is plain integers; the rest comes from the registry when asked for. */
export class Metrics {
  /** For everything that is not on the hot path. Names begin with `cistern_`, or `process_` for the process. */
  readonly registry = new Registry()
  readonly #backend: string
  readonly #collectors: (() => void)[] = []
  readonly #checks: Record<DecisionLabel, number> = { restore: 0, fresh: 0, unknown: 0 }
  readonly #buckets = new Array<number>(BOUNDS.length + 1).fill(0)
  #requests = 0
  #errors = 0
  #shared = 0
  #seconds = 0
  #collectorFailures = 0
  #cut = 0
  #rendering: Promise<string> | undefined

  /** `backend`: the label of pvc-plumber's own samples, which its dashboards filter by. */
  constructor(backend: string) {
    this.#backend = backend
    registerProcessGauges(this.registry)
  }

  /** One `/exists` was answered with a decision, `seconds` after it arrived. */
  countAnswer(decision: DecisionLabel, seconds: number): void {
    this.#requests += 1
    this.#checks[decision] += 1
    if (decision === "unknown") this.#errors += 1
    this.#seconds += seconds
    let bucket = 0
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] ?? Infinity)) bucket += 1
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
  }

  /** One `/exists` asked by a path that can mean no volume. */
  countBadPath(): void {
    this.#requests += 1
    this.#errors += 1
  }

  /** One lookup waited for a listing that another one had begun. */
  countShared(): void {
    this.#shared += 1
  }

  /** One connection was ended because its client did not take what was written to it. */
  countCut(): void {
    this.#cut += 1
  }

  /** `collect` sets what it has registered in `registry`; it is called before each scrape and must not wait for anything. */
  addCollector(collect: () => void): void {
    this.#collectors.push(collect)
  }

  /**
   * The text exposition format 0.0.4. A collector that fails costs its own samples, never the scrape. Whoever asks while one is
   * made gets the same.
   */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  async #render(): Promise<string> {
    for (const collect of this.#collectors) {
      try {
        collect()
      } catch {
        // Counted below: an alert on the counter says it better than a log line with every scrape.
        this.#collectorFailures += 1
      }
    }
    return this.#compatible() + this.#own() + (await this.registry.metrics())
  }

  /** pvc-plumber's names and lines (cluster-side §3.2), zero from the start. */
  #compatible(): string {
    const backend = escapeLabel(this.#backend)
    const checks = DECISIONS.map(
      (decision) =>
        `pvc_plumber_backup_check_total{backend="${backend}",decision="${decision}"} ${this.#checks[decision]}\n`,
    )
    return (
      header(
        "pvc_plumber_requests_total",
        "Requests of /exists, those with a bad path included.",
        "counter",
      ) +
      `pvc_plumber_requests_total ${this.#requests}\n` +
      header(
        "pvc_plumber_requests_errors_total",
        "Requests of /exists without a certain answer.",
        "counter",
      ) +
      `pvc_plumber_requests_errors_total ${this.#errors}\n` +
      header("pvc_plumber_backup_check_total", "Answers of /exists by decision.", "counter") +
      checks.join("") +
      header(
        "pvcplumber_exists_singleflight_dedup_total",
        "Lookups that shared a listing that another lookup had begun.",
        "counter",
      ) +
      `pvcplumber_exists_singleflight_dedup_total ${this.#shared}\n`
    )
  }

  #own(): string {
    const name = "cistern_exists_duration_seconds"
    let total = 0
    const buckets = this.#buckets.map((count, index) => {
      total += count
      return `${name}_bucket{le="${BOUNDS[index] ?? "+Inf"}"} ${total}\n`
    })
    return (
      header(name, "Time from the arrival of a request of /exists to its answer.", "histogram") +
      buckets.join("") +
      `${name}_sum ${this.#seconds}\n${name}_count ${total}\n` +
      header("cistern_metrics_collector_failures_total", "Collectors that failed in a scrape.", "counter") +
      `cistern_metrics_collector_failures_total ${this.#collectorFailures}\n` +
      header(
        "cistern_http_connections_cut_total",
        "Connections ended because the client did not take its answers.",
        "counter",
      ) +
      `cistern_http_connections_cut_total ${this.#cut}\n`
    )
  }
}

function registerProcessGauges(registry: Registry): void {
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the daemon.",
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  const started = Date.now() / 1000 - process.uptime()
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the daemon was started, in seconds since 1970.",
    registers: [registry],
    collect() {
      this.set(started)
    },
  })
}

function header(name: string, help: string, type: "counter" | "histogram"): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
}
